"""The route that writes graphs and runs as recipes, on a server in this process: every form, what it leaves out, what it refuses."""

from __future__ import annotations

import base64
import io
import json
import shutil
from typing import Any

import pytest
import routes
import run_folders
from athanor.training_core.history import registry
from athanor.training_core.network.files import save_lora
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from PIL import Image

GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
    "2": {"class_type": "AthanorDatasetLoader", "inputs": {"folder": "cats", "repeats": 3}},
    "3": {"class_type": "AthanorBucketer", "inputs": {"dataset": ["2", 0], "width": 1024, "height": 1024}},
    "4": {
        "class_type": "LoraLoader",
        "inputs": {"model": ["1", 0], "clip": ["1", 1], "lora_name": "detail.safetensors"},
    },
    "5": {
        "class_type": "AthanorTrainLoRA",
        "inputs": {
            "model": ["4", 0],
            "clip": ["4", 1],
            "vae": ["1", 2],
            "buckets": ["3", 0],
            "output_name": "exported_graph",
            "epochs": 4,
        },
    },
}
FILES = {
    "command": ["train.sh", "dataset.toml"],
    "job": ["job.json"],
    "api": ["workflow_api.json"],
    "table": ["settings.md"],
    "civitai": ["description.html", "fields.txt"],
}


@pytest.fixture(scope="module")
def place(comfy, tmp_path_factory):
    """(routes, ComfyUI's base folder, id of a run): a comparison of the run's last file has a picture with a star."""
    import torch
    from athanor.training_core.host import fingerprint

    base = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        routes.comfyui_folders(base, patch)
        runs, loras = base / "output" / "athanor" / "runs", base / "models" / "loras"
        folder = run_folders.write(runs, loras, "exported")
        save_lora(loras / "exported.safetensors", {"a": torch.ones(4)}, {"athanor_run_id": folder.name})
        comparison = base / "output" / "athanor" / "compare" / "exported"
        comparison.mkdir(parents=True)
        plan = {
            "title": "exported",
            "axes": [],
            "loras": {"k": [fingerprint.file(loras / "exported.safetensors")]},
            "parameters": {"k": "a cat <lora:exported:0.8>\nNegative prompt: "},
        }
        (comparison / "plan.json").write_text(json.dumps(plan))
        (comparison / "marks.json").write_text('{"k": {"star": true}}')
        Image.new("RGB", (64, 32), "red").save(comparison / "grid.png")
        yield routes.table(patch), base, folder.name
        registry._records.clear()


def asked(place, body: Any) -> tuple[int, Any]:
    async def session(client: Any) -> Any:
        async with client.post("/athanor/recipes/export", json=body) as response:
            return response.status, await response.json()

    return routes.served(place[0], session)


def imported(answer: Any):
    texts = [each for each in answer["files"] if "text" in each]
    return read([Document(name=each["name"], data=each["text"].encode()) for each in texts]).recipe


@pytest.mark.parametrize("form", FILES)
def test_an_open_graph(place, form):
    status, answer = asked(place, {"form": form, "prompt": GRAPH, "node": "5"})
    assert status == 200, answer
    assert [file["name"] for file in answer["files"]] == FILES[form]
    told = " ".join(answer["left_out"])
    assert ("detail.safetensors" in told) == (form not in ("job", "api")), "the graph itself has it"
    if form in ("command", "job", "api"):
        recipe = imported(answer)
        assert recipe.settings["training"].items() >= {"output_name": "exported_graph", "epochs": 4}.items()
        assert recipe.datasets[0].items() >= {"folder": "cats", "repeats": 3}.items()
        assert recipe.model.files == {"checkpoint": "base.safetensors"}


@pytest.mark.parametrize("form", FILES)
def test_a_run(place, form):
    status, answer = asked(place, {"form": form, "run": place[2]})
    assert status == 200, answer
    more = ["grid.jpg", "loss_curve.png"] if form == "table" else []
    assert [file["name"] for file in answer["files"]] == FILES[form] + more
    texts = {file["name"]: file.get("text", "") for file in answer["files"]}
    if form == "table":
        text = texts["settings.md"]
        assert "| Length | 3 epochs, 12 steps |" in text and "| Pictures | 2 |" in text
        assert text.endswith("![Comparison](grid.jpg)\n\n![Loss over the steps of the training](loss_curve.png)\n")
        for file in answer["files"][1:]:
            with Image.open(io.BytesIO(base64.b64decode(file["base64"]))) as picture:
                assert picture.size == ((64, 32) if file["name"] == "grid.jpg" else (960, 480))
    elif form == "civitai":
        assert "Recommended strength: 0.8\nFile: exported.safetensors\n" in texts["fields.txt"]
    elif form == "api":
        assert json.loads(texts["workflow_api.json"])["node"] == run_folders.GRAPH.node
    else:
        assert imported(answer).settings["training"]["output_name"] == "exported"


def test_a_run_whose_files_and_settings_are_gone(place):
    folder = place[1] / "output" / "athanor" / "runs" / place[2]
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    lora = place[1] / "models" / "loras" / "exported.safetensors"
    lora.rename(lora.with_suffix(".away"))
    try:
        assert asked(place, {"form": "table", "run": place[2]})[0] == 200
        (folder / "job.json").unlink()
        status, answer = asked(place, {"form": "table", "run": place[2]})
        assert (status, answer["error"]) == (
            422,
            "The run's job.json is missing or damaged, so its settings are not known.",
        )
    finally:
        lora.with_suffix(".away").rename(lora)
        shutil.copy(kept / "job.json", folder / "job.json")
        shutil.rmtree(kept)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"form": "x", "prompt": GRAPH, "node": "5"}, 400, "form must be one of command, job, api, table, civitai"),
        ({"form": "job"}, 400, "the body must be JSON"),
        ({"form": "job", "prompt": GRAPH, "node": "2"}, 422, "The graph has no Train LoRA node '2'"),
        ({"form": "job", "prompt": {"5": 1}, "node": "5"}, 422, "prompt is no graph in the form of ComfyUI's API"),
        ({"form": "job", "run": "0123456789abcdef"}, 404, "there is no such run"),
        ({"form": "job", "run": 5}, 404, "there is no such run"),
        (
            {"form": "job", "prompt": {"5": {"class_type": "AthanorTrainLoRA", "inputs": {"epochs": 0}}}, "node": "5"},
            422,
            "Train LoRA (5): epochs is 0: it must be at least 1.",
        ),
    ],
)
def test_what_is_refused(place, body, status, sentence):
    assert asked(place, body)[0] == status
    assert sentence in asked(place, body)[1]["error"]
