"""Cells of a comparison: parity with the plain graph, what is on disk, and the pictures that come out."""

import json
import random
from pathlib import Path

import comparing
import graphs
import loras
import pytest
import workflow
from answers import answer, failed
from comparing import axis
from PIL import Image
from waiting import until


@pytest.mark.parametrize("family", [pytest.param("sd15", marks=pytest.mark.long), "sd3"])  # sd15: test_axis_kinds.py
def test_cells_equal_the_plain_graph_bit_for_bit(server, lora_files, family):
    """LoRA x strength x (prompt, sampler, cfg and size together), 5 random cells; each axis alone: test_axis_kinds.py."""
    rng = random.Random(family)
    prompts = ["red circle", "a (green:1.3) cross, left"]
    together = {
        "a": axis("prompt", "\n".join(prompts)),
        "b": axis("sampler + scheduler", "DPM++ 2M Karras, euler_ancestral/simple"),
        "c": axis("cfg", "1, 3.5"),
        "d": axis("size", "48, 64x32"),
        "z": graphs.node("AthanorXYZZip", first=["a", 0], second=["b", 0], third=["c", 0], fourth=["d", 0]),
    }
    prompt = comparing.comparison(
        family,
        x=axis("LoRA", f"none, {family}_te, {family}_te + {family}_plain:0.5:0.2"),
        y=axis("LoRA strength", "0.4-1(0.6)"),
        negative="blurry",
        seeds="74",
    )
    prompt["compare"]["inputs"]["z"] = ["z", 0]
    entry = server.run(prompt | together)
    cells = comparing.cells_of(server, entry)
    assert len(cells) == 2 * (1 + 2 + 2) and "0 were on disk" in comparing.text_of(entry)
    for cell in cells:  # the graph in the picture is the one that the axes mean
        settings = graphs.settings_of(cell["graph"])
        assert settings["positive"] in cell["at"]["prompt + sampler + scheduler + cfg + size"]
        assert f"  {settings['cfg']:g}  " in cell["at"]["prompt + sampler + scheduler + cfg + size"]
        assert len(settings["loras"]) == len(cell["at"]["LoRA"].split(" + ")) - (cell["at"]["LoRA"] == "base model")
        assert settings["loras"] == [] or settings["loras"][0][1] == float(cell["at"]["LoRA strength"])
    comparing.assert_plain(server, rng.sample(cells, 5))
    assert len({cell["pixels"].tobytes() for cell in cells}) == len(cells)  # every setting does something


def test_a_latent_is_drawn_over(server, lora_files):
    prompt = comparing.comparison("sd3", x=axis("denoise", "0.3, 0.6"), y=axis("seed", "1, 2"))
    prompt = comparing.noise_before(prompt)
    cells = comparing.cells_of(server, server.run(prompt))
    assert {cell["pixels"].shape for cell in cells} == {(32, 64, 3)} and len(cells) == 4
    comparing.assert_plain(server, cells)
    prompt["start"]["inputs"]["batch_size"] = 2
    assert "latent holds 2 pictures" in failed(server, prompt)
    prompt["start"]["inputs"]["batch_size"] = 1
    prompt["x"]["inputs"] |= {"type": "size", "values": "64"}
    assert "the size comes from the connected latent" in failed(server, prompt)


def test_the_plan_fixes_random_seeds(server, lora_files):
    plan = comparing.comparison("sd15", kind="AthanorXYZPlan", seeds="x4", steps=1, width=32, height=32)
    planned = next(
        line for line in comparing.text_of(server.run(plan)).splitlines() if line.startswith("random seeds: ")
    )
    assert planned in comparing.text_of(server.run(plan))
    plan["compare"]["class_type"] = "AthanorXYZCompare"
    cells = comparing.cells_of(server, server.run(plan))
    drawn = {str(graphs.settings_of(cell["graph"])["seed"]) for cell in cells}
    assert drawn == set(planned.removeprefix("random seeds: ").split(", ")) and len(drawn) == 4


def test_models_of_the_graph_are_an_axis(server, lora_files):
    prompt = comparing.comparison("sd3", y=axis("seed", "1, 2"))
    prompt["other"] = graphs.node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors")
    prompt["m1"] = graphs.node("AthanorXYZModelAxis", model=["ckpt", 0], name="mine")
    prompt["m2"] = graphs.node(
        "AthanorXYZModelAxis", model=["other", 0], clip=["other", 1], vae=["other", 2], name="theirs", axis=["m1", 0]
    )
    prompt["compare"]["inputs"]["x"] = ["m2", 0]
    cells = comparing.cells_of(server, server.run(prompt))
    assert sorted(cell["at"]["model"] for cell in cells) == ["mine", "mine", "theirs", "theirs"]
    comparing.assert_plain(server, cells)


def test_a_cell_brings_its_workflow(server, lora_files):
    """Dragged into the page, a picture gives the plain graph that draws it."""
    entry = server.run(comparing.comparison("sd3", x=axis("LoRA", "sd3_te:0.7"), seeds="5"))
    (cell,) = comparing.cells_of(server, entry)
    with Image.open(cell["path"]) as image:
        saved = json.loads(image.text["workflow"])
    info = server.get("/object_info")
    back = workflow.to_prompt(saved, info)
    names = {str(i): key for i, key in enumerate(cell["graph"], 1)}
    for key, node in back.items():
        links = {k: [names[v[0]], v[1]] if isinstance(v, list) else v for k, v in node["inputs"].items()}
        assert links == cell["graph"][names[key]]["inputs"], node["class_type"]
    assert cell["parameters"].startswith(
        "red circle <lora:compared/sd3_te:0.7>\nNegative prompt: \nSteps: 2, Sampler: euler"
    )


def test_only_what_is_missing_is_drawn(server, lora_files, checkpoints):
    """Must-show 2: again, extended, swapped, a file replaced, a picture lost, random seeds."""
    root = server.base / "models" / "loras" / "compared"
    loras.write(root / "redrawn-000001.safetensors", checkpoints["sd3"], "sd3", 201)
    loras.write(root / "redrawn-000002.safetensors", checkpoints["sd3"], "sd3", 202)
    seeds = axis("seed", "x2, 73")  # of no other test: base pictures are shared
    parts = {"x": axis("LoRA", "none, redrawn-*"), "y": seeds}

    def run(**more):
        entry = server.run(comparing.comparison("sd3", **(parts | more)))
        return comparing.text_of(entry).splitlines()[0], graphs.folder(server, entry)

    first, folder = run()
    assert first == "9 pictures, 9 drawn now, 0 were on disk"
    plan = json.loads((folder / "plan.json").read_text())
    assert len(plan["seeds"]) == 2 and all(0 <= seed < 2**53 for seed in plan["seeds"].values())
    before = {p.name: p.stat().st_mtime_ns for p in folder.glob("cells/*")}
    assert run() == ("9 pictures, 0 drawn now, 9 were on disk", folder)
    assert before == {p.name: p.stat().st_mtime_ns for p in folder.glob("cells/*")}
    more, wider = run(y=axis("seed", "x3, 73"))
    assert more == "12 pictures, 3 drawn now, 9 were on disk" and wider != folder
    assert json.loads((wider / "plan.json").read_text())["seeds"].items() >= plan["seeds"].items()
    swapped = {"x": parts["y"], "y": parts["x"]}
    there = set(folder.parent.rglob("*"))
    dry = comparing.comparison("sd3", kind="AthanorXYZPlan", **(swapped | {"x": axis("seed", "73, SKIP: 74")}))
    said = comparing.text_of(server.run(dry))
    assert "already on disk: 3 of 3" in said and "left out by SKIP: 1 of seed" in said
    assert set(folder.parent.rglob("*")) == there  # a dry run leaves no folder and no link
    assert run(**swapped)[0] == "9 pictures, 0 drawn now, 9 were on disk"
    next(folder.glob("cells/*.png")).unlink()  # its copy in the wider one is found
    assert run()[0] == "9 pictures, 0 drawn now, 9 were on disk"
    old = {cell["path"].name for cell in graphs.cells(folder)}
    loras.write(root / "redrawn-000002.safetensors", checkpoints["sd3"], "sd3", 203)  # trained again under its name
    again, newer = run()
    assert again == "9 pictures, 3 drawn now, 6 were on disk"
    assert len({cell["path"].name for cell in graphs.cells(newer)} - old) == 3


def test_interrupt_keeps_what_is_done(server, lora_files):
    prompt = comparing.comparison("sd3", x=axis("seed", "1000-1400"), width=32, height=32, steps=1)
    prompt_id = server.queue(prompt)
    root = server.base / "output" / "athanor" / "compare"

    def folder() -> Path | None:
        return next(
            (p.parent for p in root.glob("*/plan.json") if len(json.loads(p.read_text())["cells"]) == 401), None
        )

    until(lambda: folder() and len(list(folder().glob("cells/*"))) >= 5)
    server.post(f"/api/jobs/{prompt_id}/cancel", {})
    assert server.finish(prompt_id)["status"] == "cancelled"
    done = len(list(folder().glob("cells/*.png")))
    assert 5 <= done < 401 and not list(folder().glob("cells/.*"))
    prompt["compare"]["class_type"] = "AthanorXYZPlan"
    text = comparing.text_of(server.run(prompt))
    assert f"already on disk: {done} of 401" in text and "401 seed = 401 cells" in text and "time: about" in text


def test_the_grid_is_redrawn_without_sampling(server, lora_files):
    prompt = comparing.comparison("sd3", x=axis("seed", "1, 2"), y=axis("cfg", "1, 2, 3"))
    entry = server.run(prompt)
    folder = graphs.folder(server, entry)
    size = Image.open(folder / "grid.png").size
    redraw = {"again": graphs.node("AthanorXYZGridImage", name=folder.name, swap="swap x and y", file_format="webp")}
    before = sorted(folder.glob("cells/*"))
    image = server.run(redraw)["outputs"]["again"]["images"][0]
    with Image.open(folder / image["filename"]) as picture:
        assert picture.format == "WEBP" and picture.width > size[0] and picture.height < size[1]
    assert sorted(folder.glob("cells/*")) == before
    pages = {
        "again": graphs.node("AthanorXYZGridImage", name=folder.name, page_megapixels=0.05, legend=False, margin=0)
    }
    pages["again"]["inputs"]["cell_size"] = 32
    pages["show"] = graphs.node("PreviewImage", images=["again", 0])
    outputs = server.run(prompt | pages)["outputs"]
    assert [Image.open(folder / i["filename"]).size for i in outputs["again"]["images"]] == [(64, 96)]
    assert len(outputs["show"]["images"]) == 1
    base = f"/athanor/compare/{folder.name}/files"
    listed = server.get(base)
    assert [f["kind"] for f in listed] == ["grid", "redrawn"] and (
        outputs["again"]["images"][0].items() <= listed[1].items()
    )
    for file in listed:
        status, data, _ = answer(server, f"{base}/{file['filename']}")
        assert status == 200 and data == (folder / file["filename"]).read_bytes()
    status, data, headers = answer(server, f"{base}/viewer.zip")
    assert status == 200 and data[:2] == b"PK" and headers["Content-Type"] == "application/zip"
    assert answer(server, f"{base}/plan.json")[0] == answer(server, f"{base}/..%2f..%2fx.png")[0] == 404
    wrong = {"again": graphs.node("AthanorXYZGridImage", name="nothing")}
    assert "name 'nothing' is not a comparison; the newest are" in failed(server, wrong)


def test_outputs_are_pictures(server, lora_files):
    prompt = comparing.comparison("sd3", x=axis("size", "64, 32x64"), y=axis("cfg", "1, 2"))
    prompt["grids"] = graphs.node("PreviewImage", images=["compare", 0])
    prompt["singles"] = graphs.node("SaveImage", images=["compare", 1], filename_prefix="single")
    entry = server.run(prompt)
    assert len(entry["outputs"]["grids"]["images"]) == 1
    singles = [
        graphs.pixels(server.base / "output" / i["filename"]).shape for i in entry["outputs"]["singles"]["images"]
    ]
    assert singles == [(64, 64, 3), (64, 64, 3), (64, 32, 3), (64, 32, 3)]
