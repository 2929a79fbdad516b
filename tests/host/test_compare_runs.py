"""Runs as axes: finished, stopped, by name, and chosen by stars; and their losses side by side."""

import json
import urllib.error
import urllib.request

import comparing
import graphs
import pytest
from answers import failed
from athanor.training_core.compare import kinds
from athanor.training_core.files import read_safetensors
from waiting import until


@pytest.fixture(scope="module")
def finished(server) -> dict:
    """A run of two epochs, compared by the widgets of XYZ Compare alone: the entry of its prompt."""
    prompt = graphs.training("sd3", train={"output_name": "compared_whole", "epochs": 2, "save_every_n_epochs": 1})
    ports = {"run": ["train", 0], "model": ["ckpt", 0], "clip": ["ckpt", 1], "vae": ["ckpt", 2]}
    prompt["compare"] = graphs.node("AthanorXYZCompare", **ports, width=64, height=64, steps=2)
    # The same checkpoints by an axis, behind which nothing is left to draw.
    prompt["epochs"] = graphs.node("AthanorXYZAxis", type=kinds.CHECKPOINT, values="2")
    inputs = prompt["compare"]["inputs"] | {"y": ["epochs", 0], "strengths": "1"}
    prompt["again"] = prompt["compare"] | {"inputs": inputs}
    prompt["low"] = graphs.node("ModelSamplingSD3", model=["ckpt", 0], shift=3.0)  # stands for a model of its own
    experts = {"model_low": ["low", 0], "run_low": ["train", 0], "boundary": 0.7, "steps": 4, "prompts": "red circle"}
    prompt["experts"] = graphs.node(
        "AthanorXYZCompare", **(prompt["compare"]["inputs"] | experts | {"strengths": "0.8"})
    )
    # Blocks are known when the run is: each off at a time, of both experts. Another seed: a cell of both is labelled by who draws first.
    prompt["blocks"] = graphs.node("AthanorXYZAxis", type="LoRA blocks", values="each off")
    inputs = prompt["experts"]["inputs"] | {
        "x": ["blocks", 0],
        "include_base": False,
        "checkpoints": "last",
        "seeds": "75",
    }
    prompt["by_block"] = graphs.node("AthanorXYZCompare", **inputs)
    return server.run(prompt)


@pytest.fixture(scope="module")
def stopped(server) -> str:
    """The id of a run that was stopped after its third checkpoint at the earliest."""
    prompt = graphs.training("sd3", train={"output_name": "compared_half", "epochs": 3000, "save_every_n_epochs": 2})
    prompt_id = server.queue(prompt)
    root = server.base / "models" / "loras"
    until(lambda: len(list(root.glob("compared_half-*"))) >= 3)
    server.post(f"/api/jobs/{prompt_id}/cancel", {})
    server.finish(prompt_id)
    jobs = (server.base / "output" / "athanor" / "runs").glob("*/job.json")
    return next(job.parent.name for job in jobs if '"compared_half"' in job.read_text())


def test_pick_my_epoch_by_itself(server, finished):
    """Train LoRA -> XYZ Compare, nothing else: base + epochs x strengths, three prompts."""
    folder = graphs.folder(server, finished)
    plan = json.loads((folder / "plan.json").read_text())
    shape = [(a["title"], a["values"]) for a in plan["axes"] if len(a["values"]) > 1]
    assert shape[0] == ("LoRA strength", ["0.6", "0.8", "1"])
    assert shape[1] == ("checkpoint of compared_whole", ["base model", "epoch 1", "epoch 2"])
    assert shape[2][0] == "prompt" and len(shape[2][1]) == 3
    cells = graphs.cells(folder)
    assert len(cells) == 3 * (1 + 2 * 3) == len({cell["pixels"].tobytes() for cell in cells})
    comparing.assert_plain(
        server, [cell for cell in cells if cell["at"]["checkpoint of compared_whole"] == "epoch 1"][:2]
    )
    again = comparing.cells_of(server, finished, "again")
    assert {cell["path"].name for cell in again} < {cell["path"].name for cell in cells} and len(again) == 3 * 2


def test_two_experts_draw_one_picture(server, finished):
    """Each with the checkpoint of its own run of the same epoch; the graph in the picture has two samplers, and draws it."""
    drawn = comparing.cells_of(server, finished, "experts")
    cells = sorted(drawn, key=lambda cell: cell["at"]["checkpoint of compared_whole"])
    assert [cell["at"]["checkpoint of compared_whole"] for cell in cells] == ["base model", "epoch 1", "epoch 2"]
    comparing.assert_plain(server, cells)
    kinds_of = [sorted(node["class_type"] for node in cell["graph"].values()) for cell in cells]
    assert all(names.count("KSamplerAdvanced") == 2 and "KSampler" not in names for names in kinds_of)
    assert ["LoraLoaderModelOnly" in names and "LoraLoader" in names for names in kinds_of] == [False, True, True]
    assert "<lora:compared_whole-000001:0.8> <lora:compared_whole-000001:0.8>" in cells[1]["parameters"]
    assert "Low-noise model below: 0.7" in cells[0]["parameters"]


def test_blocks_of_the_run_that_is_compared(server, finished):
    """One value for each block of its LoRA, whose layers are left out in both experts' LoRAs; the graph draws the same."""
    cells = {cell["at"]["LoRA blocks"]: cell for cell in comparing.cells_of(server, finished, "by_block")}
    assert {"all", "layers0 off", "layers1 off"} <= cells.keys()
    comparing.assert_plain(server, [cells["all"], cells["layers1 off"]])
    off = [n["inputs"]["blocks"] for n in cells["layers1 off"]["graph"].values() if "blocks" in n["inputs"]]
    assert off == ["all but layers1"] * 2 and "LoraLoader" in {n["class_type"] for n in cells["all"]["graph"].values()}
    assert len({cell["pixels"].tobytes() for cell in cells.values()}) == len(cells)


def test_an_unfinished_run_is_compared(server, stopped):
    """Its name, its id and its files give the same checkpoints; a run that was stopped has those it saved."""
    texts = []
    for source in ("compared_half", stopped, "compared_half-*"):
        nodes = {"axis": graphs.node("AthanorLoRARunAxis", source=source, epochs="first 3")}
        nodes["show"] = graphs.node("PreviewAny", source=["axis", 1])
        texts.append(server.run(nodes)["outputs"]["axis"]["text"][0].partition(": ")[2])
    assert texts[0] == texts[1] == texts[2] == "base model, epoch 2, epoch 4, epoch 6"
    epochs = graphs.node("AthanorLoRARunAxis", source=stopped, epochs="2, 4", include_final=False)
    own = {"steps": 1, "seeds": "71"}  # of no other test: base pictures are shared
    entry = server.run(comparing.comparison("sd3", y=epochs, **own))
    assert comparing.text_of(entry).startswith("3 pictures, 3 drawn now")


def kept(server, route: str, body: dict) -> dict:
    """What has become of a file that a comparison's route makes, or why it makes none."""
    work = server.post(f"{route}/lora", body)
    look = lambda: server.get(f"/athanor/making?id={work['id']}")  # noqa: E731
    return until(lambda: (now := look())["state"] != "making" and now, 0.02) if "id" in work else work


def test_an_average_is_saved_as_a_file_that_draws_the_same(server, finished):
    """Exact in float32: its cell is that of the files together, to the rounding of a pixel."""
    epochs = graphs.node("AthanorLoRARunAxis", source="compared_whole", epochs="mean(1-2)", include_base=False)
    own = {"steps": 1, "seeds": "73", "strengths": "0.8"}
    folder = graphs.folder(server, server.run(comparing.comparison("sd3", y=epochs, **own)))
    route = f"/athanor/compare/{folder.name}"
    data = server.get(route)
    names = next(axis["names"] for axis in data["axes"] if "mean 1-2" in axis["names"])
    key = data["cells"][names.index("mean 1-2")]
    assert data["virtual"] == {key: ["loras"]}
    offer = server.get(f"{route}/lora/{key}")
    assert (offer["name"], offer["strength"], offer["rank"]) == ("compared_whole-mean-1-2", 0.8, offer["own_rank"])
    assert (
        not offer["exact"]
        and offer["ranks"][0] == 0
        and "Use it at strength 0.8, as the picture was drawn." in offer["text"]
    )
    body = {"cell": key, "name": "kept_whole", "rank": 0, "precision": "float"}
    made = kept(server, route, body)["made"]
    assert made["file"] == "kept_whole.safetensors" and "Equal to the sum of the originals." in made["text"]
    told = graphs.metadata(server.base / "models" / "loras" / made["file"])
    assert [part["weight"] for part in json.loads(told["athanor_edit"])["from"]] == [0.5, 0.5]
    again = kept(server, route, body)
    assert "was made from these files and settings before" in again["made"]["text"][0]
    refused = {"rank": 1}, {"cell": "0" * 24}, {"rank": "x"}
    said = [kept(server, route, body | wrong)["error"] for wrong in refused]
    assert said[:2] == [
        "kept_whole.safetensors is in the loras folder already: choose another name.",
        "there is no such picture",
    ]
    assert said[2].startswith("rank is 'x': it takes a whole number from 0 (exact)")
    assert server.get(f"/athanor/making?id={again['id']}") == again
    half = kept(server, route, body | {"name": "kept_half", "precision": "fp16"})["made"]
    values = f"{made['axis']}\n{half['axis'].splitlines()[1]}"
    entry = server.run(comparing.comparison("sd3", y=comparing.axis("LoRA", values), **own | {"strengths": "1"}))
    together, single, rounded = (cell["pixels"].astype(int) for cell in comparing.cells_of(server, entry))
    assert abs(together - single).max() <= 1 and abs(together - rounded).max() <= 2
    assert together.std() > 5


def test_losses_of_runs_are_compared(server, finished, stopped):
    """A finished and a stopped run, by name."""
    nodes = {"curves": graphs.node("AthanorLossCompare", runs="compared_half\ncompared_whole")}
    nodes["show"] = graphs.node("PreviewImage", images=["curves", 0])
    picture = graphs.saved(server, server.run(nodes), "show")
    assert picture.shape == (800, 1280, 3)
    for colour in ((90, 200, 120), (240, 150, 70)):
        assert (picture == colour).all(2).sum() > 50
    nodes["curves"]["inputs"]["runs"] = "compared_hlaf"
    assert "there is no run 'compared_hlaf'; the nearest: compared_half" in failed(server, nodes)


def test_starred_pictures_choose_epochs(server, lora_files):
    """What the viewer writes down is kept in the comparison's folder, and nowhere else."""
    epochs = graphs.node("AthanorLoRARunAxis", source="char", epochs="1-3", include_final=False)
    folder = graphs.folder(server, server.run(comparing.comparison("sd3", y=epochs, steps=1)))
    route = f"/athanor/compare/{folder.name}"
    data = server.get(route)
    assert data["failed"] == data["marks"] == {}
    assert folder.name in {listed["name"] for listed in server.get("/athanor/compare")}
    starred = data["cells"][data["axes"][1]["names"].index("epoch 2")]
    mark = {"star": True, "note": "this one"}
    assert server.post(f"{route}/marks", {"cell": starred} | mark) == mark
    assert json.loads((folder / "marks.json").read_text()) == server.get(route)["marks"] == {starred: mark}
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


def test_a_starred_picture_recommends_its_strength_where_the_lora_is_published(server, finished):
    """A real run and grid: the file is found in the comparison, and the grid goes without its graph."""
    folder = graphs.folder(server, finished)
    plan = json.loads((folder / "plan.json").read_text())
    key = next(key for key, text in plan["parameters"].items() if "<lora:compared_whole:0.8>" in text)
    server.post(f"/athanor/compare/{folder.name}/marks", {"cell": key, "star": True})
    (run,) = server.get("/athanor/runs?name=compared_whole")
    route = f"/athanor/runs/{run['run_id']}/publish"
    offer = server.get(route)
    assert offer["file"] == "compared_whole.safetensors" and offer["strengths"] == [0.8]
    chosen = [picture["id"] for picture in offer["pictures"] if picture["chosen"]]
    assert chosen == [f"grid/{folder.name}/grid.png", "curve"]  # of two comparisons, the one with the star
    body = {"file": offer["file"], "name": "Whole", "metadata": "recipe", "title": "Whole"}
    written = server.post(route, body)
    assert "| Recommended strength | 0.8 |" in written["readme"] and str(server.base) not in json.dumps(written)
    place = server.base / "output" / "athanor" / "published" / "Whole"
    assert {file["filename"] for file in written["files"]} == {path.name for path in place.iterdir()}
    assert (
        b"class_type" not in (place / "grid.png").read_bytes() and b"class_type" in (folder / "grid.png").read_bytes()
    )
    source, kept = server.base / "models" / "loras" / offer["file"], place / "Whole.safetensors"
    tensors, metadata = read_safetensors(kept)
    original = read_safetensors(source)[0]
    assert tensors.keys() == original.keys() and all(tensors[name].equal(original[name]) for name in original)
    assert metadata["sshs_model_hash"] == graphs.metadata(source)["sshs_model_hash"] and "prompt" not in metadata
