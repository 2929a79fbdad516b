"""Comparisons on a real ComfyUI: parity with the plain graph, what is on disk, axes of every kind, wrong input."""

import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import graphs
import loras
import numpy as np
import psutil
import pytest
import workflow
from answers import failed, refused
from device import on_cpu
from host import Host
from PIL import Image

EPOCHS = 60


@pytest.fixture(scope="module")
def lora_files(server, checkpoints) -> None:
    """char-000001 ... for SD3, and one LoRA with and one without a text encoder for each family."""
    root = server.base / "models" / "loras" / "compared"
    for family, path in checkpoints.items():
        loras.write(root / f"{family}_plain.safetensors", path, family, 1)
        loras.write(root / f"{family}_te.safetensors", path, family, 2, text_encoder=True)
    for epoch in range(1, EPOCHS + 1):
        loras.write(root / f"char-{epoch:06d}.safetensors", checkpoints["sd3"], "sd3", epoch, epoch=epoch)


def axis(kind, values, **more):
    return graphs.node("AthanorXYZAxis", type=kind, values=values, **more)


def comparison(family="sd3", kind="AthanorXYZCompare", **values):
    """XYZ Compare on a checkpoint; axes are given by name: x=axis(...)."""
    nodes = {"ckpt": graphs.node("CheckpointLoaderSimple", ckpt_name=f"{family}.safetensors")}
    given = {"width": 64, "height": 64, "steps": 2, "cfg": 3.0, "prompts": "red circle", "strengths": "1"}
    for name in "xyzw":
        if name in values:
            nodes[name] = values.pop(name)
            values[name] = [name, 0]
    ports = {"model": ["ckpt", 0], "clip": ["ckpt", 1], "vae": ["ckpt", 2]}
    return nodes | {"compare": graphs.node(kind, **ports, **(given | values))}


def said(entry) -> str:
    return entry["outputs"]["compare"]["text"][0]


def drawn_by_the_plain_graph(server, cells) -> list[np.ndarray]:
    """The cells' own graphs in one prompt; nodes that are the same in several stand there once."""
    whole, known = {}, {}

    def place(graph, key) -> str:
        moved = {
            name: [place(graph, value[0]), value[1]] if isinstance(value, list) else value
            for name, value in graph[key]["inputs"].items()
        }
        kind = graph[key]["class_type"]
        same = json.dumps([kind, moved], sort_keys=True)
        if same not in known:
            known[same] = str(len(whole) + 1)
            whole[known[same]] = {"class_type": kind, "inputs": moved}
        return known[same]

    saves = [
        place(cell["graph"], next(k for k, node in cell["graph"].items() if node["class_type"] == "SaveImage"))
        for cell in cells
    ]
    entry = server.run(whole)
    return [graphs.saved(server, entry, key) for key in saves]


@pytest.mark.parametrize("family", ["sd15", "sd3"])
def test_cells_equal_the_plain_graph_bit_for_bit(server, lora_files, family):
    """Must-show 1: LoRA x strength x (prompt, sampler, cfg and size together), 15 random cells of each family."""
    rng = random.Random(family)
    prompts = ["red circle", "a (green:1.3) cross, left", "photo"]
    together = {
        "a": axis("prompt", "\n".join(prompts)),
        "b": axis("sampler + scheduler", "euler/normal, DPM++ 2M Karras, euler_ancestral/simple"),
        "c": axis("cfg", "1, 3.5, 7"),
        "d": axis("size", "48, 64x32, 32x48"),
        "z": graphs.node("AthanorXYZZip", first=["a", 0], second=["b", 0], third=["c", 0], fourth=["d", 0]),
    }
    prompt = comparison(
        family,
        x=axis("LoRA", f"none, {family}_plain, {family}_te, {family}_te + {family}_plain:0.5:0.2"),
        y=axis("LoRA strength", "0.4-1(0.6)"),
        negative="blurry",
        seeds="11",
    )
    prompt["compare"]["inputs"]["z"] = ["z", 0]
    entry = server.run(prompt | together)
    cells = graphs.cells(graphs.folder(server, entry))
    assert len(cells) == 3 * (1 + 2 + 2 + 2) and "0 were on disk" in said(entry)
    for cell in cells:  # the graph in the picture is the one that the axes mean
        told = graphs.settings_of(cell["graph"])
        assert told["positive"] in cell["at"]["prompt + sampler + scheduler + cfg + size"]
        assert f"  {told['cfg']:g}  " in cell["at"]["prompt + sampler + scheduler + cfg + size"]
        assert len(told["loras"]) == len(cell["at"]["LoRA"].split(" + ")) - (cell["at"]["LoRA"] == "base model")
        assert told["loras"] == [] or told["loras"][0][1] == float(cell["at"]["LoRA strength"])
    chosen = rng.sample(cells, 15)
    for cell, plain in zip(chosen, drawn_by_the_plain_graph(server, chosen), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    assert len({cell["pixels"].tobytes() for cell in cells}) == len(cells)  # every setting does something


def test_other_axes_equal_the_plain_graph_as_well(server, lora_files):
    """Model files, clip skip, shift, denoise, VAE of the file, a LoRA stack of the graph below the axis."""
    prompt = comparison(
        "sd3",
        x=axis("shift", "1, 3"),
        y=axis("clip skip", "1, 2"),
        z=axis("denoise", "0.5, 1"),
        w=axis("guidance", "2"),
    )
    prompt["stack"] = graphs.node(
        "LoraLoader", model=["ckpt", 0], clip=["ckpt", 1], lora_name="compared/sd3_te.safetensors", strength_model=0.5,
        strength_clip=0.5,
    )  # fmt: skip
    prompt["compare"]["inputs"] |= {"model": ["stack", 0], "clip": ["stack", 1]}
    cells = graphs.cells(graphs.folder(server, server.run(prompt)))
    assert len(cells) == 8
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    assert len({cell["pixels"].tobytes() for cell in cells}) == 8

    entry = server.run(comparison("sd3", x=axis("model", "sd15, sd3"), y=axis("seed", "1, 2")))
    cells = graphs.cells(graphs.folder(server, entry))
    assert "2 models loaded" in said(entry) and len(cells) == 4
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]


def test_vae_files_and_negative_prompts_are_axes(server, lora_files):
    import tiny
    from safetensors.torch import save_file

    path = server.base / "models" / "vae" / "other.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.half().contiguous() for k, v in tiny._vae(16, 77).items()}, path)
    parts = {
        "x": axis("VAE", "other"),
        "y": axis("negative prompt", "blurry\nred"),
        "z": axis("prompt S/R", "red, blue"),
    }
    entry = server.run(comparison("sd3", **parts))
    cells = graphs.cells(graphs.folder(server, entry))
    assert len(cells) == 4 and all("VAE: other.safetensors" in cell["parameters"] for cell in cells)
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    own = graphs.cells(graphs.folder(server, server.run(comparison("sd3", **(parts | {"x": axis("seed", "0")})))))
    assert not {cell["pixels"].tobytes() for cell in own} & {cell["pixels"].tobytes() for cell in cells}


def test_a_latent_is_drawn_over(server, lora_files):
    prompt = comparison("sd3", x=axis("denoise", "0.3, 0.6"), y=axis("seed", "1, 2"))
    prompt["start"] = graphs.node("EmptyLatentImage", width=64, height=32, batch_size=1)
    prompt["noise"] = graphs.node(
        "KSampler", model=["ckpt", 0], positive=["text", 0], negative=["text", 0], latent_image=["start", 0], seed=3,
        steps=1, cfg=1.0, sampler_name="euler", scheduler="normal", denoise=1.0,
    )  # fmt: skip
    prompt["text"] = graphs.node("CLIPTextEncode", clip=["ckpt", 1], text="green")
    prompt["compare"]["inputs"]["latent"] = ["noise", 0]
    cells = graphs.cells(graphs.folder(server, server.run(prompt)))
    assert {cell["pixels"].shape for cell in cells} == {(32, 64, 3)} and len(cells) == 4
    for cell in cells:
        save = next(key for key, node in cell["graph"].items() if node["class_type"] == "SaveImage")
        assert np.array_equal(cell["pixels"], graphs.saved(server, server.run(cell["graph"]), save)), cell["at"]
    prompt["start"]["inputs"]["batch_size"] = 2
    assert "latent holds 2 pictures" in failed(server, prompt)
    prompt["start"]["inputs"]["batch_size"] = 1
    prompt["x"]["inputs"] |= {"type": "size", "values": "64"}
    assert "the size comes from the connected latent" in failed(server, prompt)


def test_the_plan_fixes_random_seeds(server, lora_files):
    plan = comparison("sd15", kind="AthanorXYZPlan", seeds="x4", steps=1, width=32, height=32)
    told = next(line for line in said(server.run(plan)).splitlines() if line.startswith("random seeds: "))
    assert told in said(server.run(plan))
    plan["compare"]["class_type"] = "AthanorXYZCompare"
    cells = graphs.cells(graphs.folder(server, server.run(plan)))
    drawn = {str(graphs.settings_of(cell["graph"])["seed"]) for cell in cells}
    assert drawn == set(told.removeprefix("random seeds: ").split(", ")) and len(drawn) == 4


def test_models_of_the_graph_are_an_axis(server, lora_files):
    prompt = comparison("sd3", y=axis("seed", "1, 2"))
    prompt["other"] = graphs.node("CheckpointLoaderSimple", ckpt_name="sd15.safetensors")
    prompt["m1"] = graphs.node("AthanorXYZModelAxis", model=["ckpt", 0], name="mine")
    prompt["m2"] = graphs.node(
        "AthanorXYZModelAxis", model=["other", 0], clip=["other", 1], vae=["other", 2], name="theirs", axis=["m1", 0]
    )
    prompt["compare"]["inputs"]["x"] = ["m2", 0]
    cells = graphs.cells(graphs.folder(server, server.run(prompt)))
    assert sorted(cell["at"]["model"] for cell in cells) == ["mine", "mine", "theirs", "theirs"]
    for cell in cells:
        plain = server.run(cell["graph"])
        save = next(key for key, node in cell["graph"].items() if node["class_type"] == "SaveImage")
        assert np.array_equal(cell["pixels"], graphs.saved(server, plain, save)), cell["at"]


def test_a_cell_brings_its_workflow(server, lora_files):
    """Dragged into the page, a picture gives the plain graph that draws it."""
    entry = server.run(comparison("sd3", x=axis("LoRA", "sd3_te:0.7"), seeds="5"))
    (cell,) = graphs.cells(graphs.folder(server, entry))
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
    loras.write(root / "again-000001.safetensors", checkpoints["sd3"], "sd3", 201)
    loras.write(root / "again-000002.safetensors", checkpoints["sd3"], "sd3", 202)
    parts = {"x": axis("LoRA", "none, again-*"), "y": axis("seed", "x2, 7")}

    def run(**more):
        entry = server.run(comparison("sd3", **(parts | more)))
        return said(entry).splitlines()[0], graphs.folder(server, entry)

    first, folder = run()
    assert first == "9 pictures, 9 drawn now, 0 were on disk"
    plan = json.loads((folder / "plan.json").read_text())
    assert len(plan["seeds"]) == 2 and all(0 <= seed < 2**53 for seed in plan["seeds"].values())
    before = {p.name: p.stat().st_mtime_ns for p in folder.glob("cells/*")}
    assert run() == ("9 pictures, 0 drawn now, 9 were on disk", folder)
    assert before == {p.name: p.stat().st_mtime_ns for p in folder.glob("cells/*")}
    more, wider = run(y=axis("seed", "x3, 7"))
    assert more == "12 pictures, 3 drawn now, 9 were on disk" and wider != folder
    assert json.loads((wider / "plan.json").read_text())["seeds"].items() >= plan["seeds"].items()
    assert run(x=parts["y"], y=parts["x"])[0] == "9 pictures, 0 drawn now, 9 were on disk"
    next(folder.glob("cells/*.png")).unlink()  # its copy in the wider one is found
    assert run()[0] == "9 pictures, 0 drawn now, 9 were on disk"
    old = {cell["path"].name for cell in graphs.cells(folder)}
    loras.write(root / "again-000002.safetensors", checkpoints["sd3"], "sd3", 203)  # trained again under its name
    again, newer = run()
    assert again == "9 pictures, 3 drawn now, 6 were on disk"
    assert len({cell["path"].name for cell in graphs.cells(newer)} - old) == 3


@pytest.fixture(scope="module")
def own_server(comfyui, checkpoints, tmp_path_factory) -> Iterator[Host]:
    """A ComfyUI that may be killed."""
    base = tmp_path_factory.mktemp("own")
    host = Host(comfyui, base, cpu=on_cpu())
    (base / "models" / "checkpoints" / "sd3.safetensors").symlink_to(checkpoints["sd3"])
    for epoch in range(1, EPOCHS + 1):
        name = f"char-{epoch:06d}.safetensors"
        loras.write(base / "models" / "loras" / name, checkpoints["sd3"], "sd3", epoch, epoch=epoch)
    with host:
        yield host


def resident(host: Host) -> float:
    """Megabytes."""
    return psutil.Process(host._process.pid).memory_info().rss / 2**20


def test_killed_and_resumed_with_sixty_epochs(own_server, lora_files):
    """Must-show 2 and 3: kill -9 costs one cell at most; memory stays flat; patches are what the plan says."""
    grid = comparison(
        "sd3", x=axis("LoRA strength", "0.5, 1"), y=graphs.node("AthanorLoRARunAxis", source="char"), width=32, height=32,
        steps=1, cfg=1.0,
    )  # fmt: skip
    cells = 1 + 2 * EPOCHS
    root = own_server.base / "output" / "athanor" / "compare"

    def there() -> list[Path]:
        return list(root.glob("*/cells/*.png"))

    own_server.queue(grid)
    end = time.monotonic() + 90
    while len(there()) < 30 and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(own_server._process.pid, 9)
    own_server._process.wait()
    done = len(there())
    assert 30 <= done < cells
    (folder,) = root.iterdir()
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert done - 1 <= len(lines) <= done
    for path in there():
        graphs.pixels(path)  # whole
    own_server.start()
    memory: list[tuple[int, float]] = []
    prompt_id = own_server.queue(grid)
    own_server.finish(prompt_id, poll=lambda: memory.append((len(there()), resident(own_server))))
    entry = own_server.get(f"/history/{prompt_id}")[prompt_id]
    assert said(entry).splitlines()[0] == f"{cells} pictures, {cells - done} drawn now, {done} were on disk"
    document = json.loads((folder / "plan.json").read_text())
    assert document["counts"] == {"models": 1, "patches": 2 * EPOCHS}
    drawn = [line["cell"] for line in lines]
    loras_left = {
        (cell["at"]["checkpoint of char"], cell["at"]["LoRA strength"])
        for cell in graphs.cells(folder)
        if cell["path"].stem not in drawn and cell["graph"] and graphs.settings_of(cell["graph"])["loras"]
    }
    patches = next(part for part in said(entry).replace("\n", ", ").split(", ") if part.endswith("patches"))
    assert len(loras_left) <= int(patches.split()[0]) <= len(loras_left) + 1
    tail = [mb for count, mb in memory if count >= done + 10]
    assert max(tail) - tail[0] < 40, memory[:: max(1, len(memory) // 20)]
    for page in entry["outputs"]["compare"]["images"]:
        width, height = Image.open(folder / page["filename"]).size
        assert max(width, height) <= 16383 and width * height <= 16e6
    labels = document["axes"][1]["values"]
    assert labels[:3] == ["base model", "epoch 1", "epoch 2"] and labels[-1] == f"epoch {EPOCHS}"


def test_interrupt_keeps_what_is_done(server, lora_files):
    prompt = comparison("sd3", x=axis("seed", "1000-1400"), width=32, height=32, steps=1)
    prompt_id = server.queue(prompt)
    root = server.base / "output" / "athanor" / "compare"
    end = time.monotonic() + 60

    def folder() -> Path | None:
        return next(
            (p.parent for p in root.glob("*/plan.json") if len(json.loads(p.read_text())["cells"]) == 401), None
        )

    while (folder() is None or len(list(folder().glob("cells/*"))) < 5) and time.monotonic() < end:
        time.sleep(0.05)
    server.post(f"/api/jobs/{prompt_id}/cancel", {})
    assert server.finish(prompt_id, 30)["status"] == "cancelled"
    done = len(list(folder().glob("cells/*.png")))
    assert 5 <= done < 401 and not list(folder().glob("cells/.*"))
    prompt["compare"]["class_type"] = "AthanorXYZPlan"
    text = said(server.run(prompt))
    assert f"already on disk: {done} of 401" in text and "401 seed = 401 cells" in text and "time: about" in text


def test_a_lora_that_does_not_fit_makes_tiles_and_the_rest_goes_on(own_server, checkpoints):
    root = own_server.base / "models" / "loras"
    loras.write(root / "foreign.safetensors", checkpoints["sd15"], "sd15", 1)
    (root / "broken.safetensors").write_bytes(b"no safetensors at all")
    seeds = axis("seed", "21-24")
    entry = own_server.run(comparison("sd3", x=axis("LoRA", "none, foreign, broken, char-000003"), y=seeds))
    assert "failed: foreign, 21: foreign.safetensors fits no layer of this model" in said(entry)
    assert "failed: broken, 24: broken.safetensors cannot be read" in said(entry)
    folder = graphs.folder(own_server, entry)
    assert len(graphs.cells(folder)) == 8
    lines = [json.loads(line) for line in (folder / "cells.jsonl").read_text().splitlines()]
    assert sum(line["status"] == "failed" for line in lines) == 8
    # Queued again, it tries again what failed, and only that.
    loras.write(root / "broken.safetensors", checkpoints["sd3"], "sd3", 5)
    again = said(own_server.run(comparison("sd3", x=axis("LoRA", "none, broken, char-000003"), y=seeds)))
    assert again.startswith("12 pictures, 4 drawn now, 8 were on disk") and "failed" not in again


def test_pick_my_epoch_by_itself(server):
    """Must-show 5 of the brief: Train LoRA -> XYZ Compare, nothing else: base + epochs x strengths, three prompts."""
    prompt = graphs.training("sd3", train={"output_name": "itself", "epochs": 2, "save_every_n_epochs": 1})
    ports = {"run": ["train", 0], "model": ["ckpt", 0], "clip": ["ckpt", 1], "vae": ["ckpt", 2]}
    prompt["compare"] = graphs.node("AthanorXYZCompare", **ports, width=64, height=64, steps=2)
    folder = graphs.folder(server, server.run(prompt))
    plan = json.loads((folder / "plan.json").read_text())
    shape = [(a["title"], a["values"]) for a in plan["axes"] if len(a["values"]) > 1]
    assert shape[0] == ("LoRA strength", ["0.6", "0.8", "1"])
    assert shape[1] == ("checkpoint of itself", ["base model", "epoch 1", "epoch 2"])
    assert shape[2][0] == "prompt" and len(shape[2][1]) == 3
    assert len(graphs.cells(folder)) == 3 * (1 + 2 * 3)


def test_an_unfinished_run_is_compared(server):
    """Its name, its id and its files give the same checkpoints; a run that was stopped has those it saved."""
    prompt = graphs.training("sd3", train={"output_name": "half", "epochs": 3000, "save_every_n_epochs": 2})
    prompt_id = server.queue(prompt)
    root = server.base / "models" / "loras"
    end = time.monotonic() + 90
    while len(list(root.glob("half-*"))) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    server.post(f"/api/jobs/{prompt_id}/cancel", {})
    server.finish(prompt_id, 30)
    runs = server.base / "output" / "athanor" / "runs"
    run_id = next(
        f.name for f in (p.parent for p in runs.glob("*/job.json")) if '"half"' in (f / "job.json").read_text()
    )
    texts = []
    for source in ("half", run_id, "half-*"):
        nodes = {"axis": graphs.node("AthanorLoRARunAxis", source=source, epochs="first 3")}
        nodes["show"] = graphs.node("PreviewAny", source=["axis", 1])
        texts.append(server.run(nodes)["outputs"]["axis"]["text"][0].partition(": ")[2])
    assert texts[0] == texts[1] == texts[2] == "base model, epoch 2, epoch 4, epoch 6"
    entry = server.run(comparison("sd3", y=graphs.node("AthanorLoRARunAxis", source=run_id, epochs="2, 4"), steps=1))
    assert said(entry).startswith("3 pictures, 3 drawn now") or said(entry).startswith("4 pictures, 4 drawn now")


def test_losses_of_runs_are_compared(server):
    """Must follow the two tests above: a finished and a stopped run, by name."""
    nodes = {"curves": graphs.node("AthanorLossCompare", runs="half\nitself")}
    nodes["show"] = graphs.node("PreviewImage", images=["curves", 0])
    picture = graphs.saved(server, server.run(nodes), "show")
    assert picture.shape == (800, 1280, 3)
    for colour in ((90, 200, 120), (240, 150, 70)):
        assert (picture == colour).all(2).sum() > 50
    nodes["curves"]["inputs"]["runs"] = "hlaf"
    assert "there is no run 'hlaf'; the nearest are half" in failed(server, nodes)


def test_the_grid_is_redrawn_without_sampling(server, lora_files):
    prompt = comparison("sd3", x=axis("seed", "1, 2"), y=axis("cfg", "1, 2, 3"))
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
    outputs = server.run(prompt | pages | {})["outputs"]
    assert [Image.open(folder / i["filename"]).size for i in outputs["again"]["images"]] == [(64, 96)]
    assert len(outputs["show"]["images"]) == 1
    wrong = {"again": graphs.node("AthanorXYZGridImage", name="nothing")}
    assert "name 'nothing' is no comparison; the newest are" in failed(server, wrong)


def test_outputs_are_pictures(server, lora_files):
    prompt = comparison("sd3", x=axis("size", "64, 32x64"), y=axis("cfg", "1, 2"))
    prompt["grids"] = graphs.node("PreviewImage", images=["compare", 0])
    prompt["singles"] = graphs.node("SaveImage", images=["compare", 1], filename_prefix="single")
    entry = server.run(prompt)
    assert len(entry["outputs"]["grids"]["images"]) == 1
    singles = [
        graphs.pixels(server.base / "output" / i["filename"]).shape for i in entry["outputs"]["singles"]["images"]
    ]
    assert singles == [(64, 64, 3), (64, 64, 3), (64, 32, 3), (64, 32, 3)]


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("sampler", "eulr", "there is no sampler 'eulr'; the nearest are euler"),
        ("LoRA", "sd3_plan", "there is no LoRA 'sd3_plan'; the nearest are compared/sd3_plain"),
        ("LoRA strength", "", "values is empty"),
        ("cfg", "7-1(+1)", "steps away from its end"),
        ("model", "sd4", "there is no model 'sd4'; the nearest are sd3.safetensors"),
    ],
)
def test_wrong_axes_are_refused_when_queued(server, lora_files, kind, values, words):
    assert words in refused(server, comparison("sd3", x=axis(kind, values)))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"x": ("prompt S/R", "blue, green")}, "'blue' is not in the prompt 'red circle'"),
        ({"x": ("cfg", "1, 2"), "y": ("cfg", "3")}, "both set cfg"),
        ({"x": ("seed", "1-9999"), "y": ("cfg", "1-20")}, "at most 100000 are possible"),
        ({"x": ("checkpoint of the run", "all")}, "needs a run"),
        ({"prompts": ""}, "prompts is empty"),
    ],
)
def test_wrong_comparisons_are_refused_before_the_first_cell(server, parts, words):
    built = {name: axis(*value) if name in "xyzw" else value for name, value in parts.items()}
    assert words in failed(server, comparison("sd3", **built))


def test_shift_needs_a_flow_model(server):
    assert "shift means nothing for this model" in failed(server, comparison("sd15", x=axis("shift", "1, 3")))


def test_zip_and_runs_say_what_is_wrong(server):
    nodes = {"a": axis("cfg", "1, 2"), "b": axis("steps", "1, 2, 3")}
    zipped = comparison("sd3") | nodes | {"zip": graphs.node("AthanorXYZZip", first=["a", 0], second=["b", 0])}
    zipped["compare"]["inputs"]["x"] = ["zip", 0]
    assert "cfg, 2 values: 1, 2; but steps, 3 values: 1, 2, 3" in failed(server, zipped)
    wrong = comparison("sd3", y=graphs.node("AthanorLoRARunAxis", source="no_such_run"))
    assert "source 'no_such_run' is no run and no LoRA file" in failed(server, wrong)


def varied(widget, values, **more):
    return axis("widget of the graph", values, widget=widget, **more)


def stacked(**axes):
    """Checkpoint, LoRA, shift, XYZ Compare."""
    prompt = comparison("sd3", **axes)
    prompt["stack"] = graphs.node(
        "LoraLoader", model=["ckpt", 0], clip=["ckpt", 1], lora_name="compared/sd3_te.safetensors", strength_model=0.5,
        strength_clip=0.5,
    )  # fmt: skip
    prompt["shift"] = graphs.node("ModelSamplingSD3", model=["stack", 0], shift=3.0) | {"_meta": {"title": "My shift"}}
    prompt["compare"]["inputs"] |= {"model": ["shift", 0], "clip": ["stack", 1]}
    return prompt


def inner(entry) -> dict:
    """What a comparison gives: with axes of widgets, its outputs stand under the node that it grows."""
    return next(outputs for key, outputs in entry["outputs"].items() if key.startswith("compare"))


def test_widgets_of_the_graph_are_axes(server, lora_files):
    """Each cell is what typing the values would give, bit for bit; only the nodes behind a widget are run again."""
    prompt = stacked(x=varied("LoraLoader.strength_model", "0-1(0.5)"), y=varied("My shift (shift).shift", "1, 3"))
    prompt["show"] = graphs.node("SaveImage", images=["compare", 1], filename_prefix="single")
    entry = server.run(prompt)
    assert len(entry["outputs"]["show"]["images"]) == 6
    told = inner(entry)["text"][0].splitlines()
    assert told[0] == "6 pictures, 6 drawn now, 0 were on disk" and "8 nodes run again" in told[1]
    cells = graphs.cells(server.base / "output" / inner(entry)["images"][0]["subfolder"])
    assert sorted({cell["at"]["My shift.shift"] for cell in cells}) == ["1", "3"]
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        loader = next(node["inputs"] for node in cell["graph"].values() if node["class_type"] == "LoraLoader")
        assert f"{loader['strength_model']:g}" == cell["at"]["Load LoRA (Model and CLIP).strength_model"]
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    assert len({cell["pixels"].tobytes() for cell in cells}) == 6

    # Known again, with another value in the widget itself, too; a further value is drawn alone.
    prompt["shift"]["inputs"]["shift"] = 2.0
    prompt["x"]["inputs"]["values"] = "0-1(0.5), 0.25"
    plan = prompt | {"compare": prompt["compare"] | {"class_type": "AthanorXYZPlan"}}
    del plan["show"]
    assert "already on disk: 5 of 8" in inner(server.run(plan))["text"][0]  # of 6: one was drawn as the graph stood


def test_widgets_before_the_latent_and_loaders_are_axes(server, lora_files):
    prompt = comparison("sd3", x=varied("start.width", "32, 64"), y=varied("text.text", "green => red\ngreen => blue"))
    prompt["start"] = graphs.node("EmptyLatentImage", width=64, height=32, batch_size=1)
    prompt["text"] = graphs.node("CLIPTextEncode", clip=["ckpt", 1], text="a green cross")
    prompt["noise"] = graphs.node(
        "KSampler", model=["ckpt", 0], positive=["text", 0], negative=["text", 0], latent_image=["start", 0], seed=3,
        steps=1, cfg=1.0, sampler_name="euler", scheduler="normal", denoise=1.0,
    )  # fmt: skip
    prompt["compare"]["inputs"] |= {"latent": ["noise", 0], "denoise": 0.5}
    cells = graphs.cells(server.base / "output" / inner(server.run(prompt))["images"][0]["subfolder"])
    assert sorted(cell["pixels"].shape for cell in cells) == [(32, 32, 3)] * 2 + [(32, 64, 3)] * 2
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]
    assert len({cell["pixels"].tobytes() for cell in cells}) == 4

    loaded = comparison("sd3", x=varied("ckpt.ckpt_name", "sd15, sd3"), y=axis("LoRA strength", "1"))
    cells = graphs.cells(server.base / "output" / inner(server.run(loaded))["images"][0]["subfolder"])
    for cell, plain in zip(cells, drawn_by_the_plain_graph(server, cells), strict=True):
        assert np.array_equal(cell["pixels"], plain), cell["at"]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (("LoraLoader.strenght_model", "1"), "the nearest are LoraLoader.strength_model"),
        (("stack.strength_model", "500"), "takes at least -100 and at most 100, not 500"),
        (
            ("stack.lora_name", "sd3_plan"),
            "there is no lora_name of Load LoRA (Model and CLIP) 'sd3_plan'; the nearest are",
        ),
        (("aside.width", "32, 64"), "does not lead into model, clip, vae or latent"),
    ],
)
def test_wrong_widgets_are_refused_before_the_first_cell(server, lora_files, x, words):
    prompt = stacked(x=varied(*x)) | {"aside": graphs.node("EmptyLatentImage", width=64, height=64, batch_size=1)}
    assert words in failed(server, prompt)


def test_a_widget_before_a_training_is_refused(server, lora_files):
    prompt = stacked(x=varied("stack.strength_model", "0.1, 0.2"))
    training = graphs.training("sd3", train={"output_name": "never"})
    training["train"]["inputs"] |= {"model": ["stack", 0]}
    prompt["name"] = graphs.node("LoraLoaderModelOnly", model=["ckpt", 0], lora_name=["train", 1], strength_model=1.0)
    prompt["compare"]["inputs"] |= {"model": ["name", 0]}
    assert "stands before the training of node train" in failed(server, prompt | training)


def test_starred_pictures_choose_epochs(server, lora_files):
    """What the viewer writes down is kept in the comparison's folder, and nowhere else."""
    epochs = graphs.node("AthanorLoRARunAxis", source="char", epochs="1-3", include_final=False)
    folder = graphs.folder(server, server.run(comparison("sd3", y=epochs, steps=1)))
    route = f"/athanor/compare/{folder.name}"
    data = server.get(route)
    assert (
        data["failed"] == {}
        and data["marks"] == {}
        and folder.name in {one["name"] for one in server.get("/athanor/compare")}
    )
    starred = data["cells"][data["axes"][1]["names"].index("epoch 2")]
    assert server.post(f"{route}/marks", {"cell": starred, "star": True, "note": "this one"}) == {
        "star": True,
        "note": "this one",
    }
    assert (
        json.loads((folder / "marks.json").read_text())
        == server.get(route)["marks"]
        == {starred: {"star": True, "note": "this one"}}
    )
    nodes = {"axis": graphs.node("AthanorLoRARunAxis", source="char", epochs="starred", include_final=False)}
    nodes["show"] = graphs.node("PreviewAny", source=["axis", 1])
    assert server.run(nodes)["outputs"]["axis"]["text"] == ["checkpoint of char, 2 values: base model, epoch 2"]
    server.post(f"{route}/marks", {"cell": starred, "star": False})
    assert "no checkpoint of char is starred" in failed(server, nodes)

    before = set(folder.parent.rglob("*"))
    for path, body, code in (
        (f"{route}/marks", {"cell": "0" * 24, "star": True}, 404),
        (f"{route}/marks", {"cell": "../../plan", "star": True}, 404),
        (f"{route}/marks", ["star"], 400),
        ("/athanor/compare/..%2F..%2Fx/marks", {"cell": starred, "star": True}, 404),
        ("/athanor/compare/nothing/marks", {"cell": starred, "star": True}, 404),
    ):
        request = urllib.request.Request(
            server.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        assert caught.value.code == code, path
    assert set(folder.parent.rglob("*")) == before
    with urllib.request.urlopen(f"{server.url}{route}/cells/{starred}.png") as answer:
        assert answer.headers["Content-Type"] == "image/png" and answer.headers["X-Content-Type-Options"] == "nosniff"
    for path in (f"{route}/cells/..%2F..%2Fplan.png", "/athanor/compare/%2E%2E/cells/a.png"):
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{server.url}{path}")
