"""Recipes of other programs, as people published them, trained ten steps through a real server: read, questions answered, queued.

What differs from the recipes: tiny models and pictures, 64 pixels, rank 4, ten steps, float32 (fp16 and bf16 take a CPU minutes),
no samples, and a comparison of one picture.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import graphs
import pytest
import runs_on_disk
from athanor.training_core.families import FAMILIES
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.recipe import Model, Recipe

PUBLISHED = Path(__file__).parents[1] / "recipes" / "published"
SMALL = {
    "AthanorBucketer": {
        "width": 64, "height": 64, "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32, "batch_size": 1,
        "enable_bucket": True, "extra_resolutions": "",
    },
    "AthanorNetworkConfig": {"rank": 4, "conv_rank": 0},
    "AthanorTrainLoRA": {
        "max_train_steps": 10, "gradient_checkpointing": "off",
        "save_every_n_epochs": 0, "save_every_n_steps": 0, "mixed_precision": "no", "full_precision": "no",
    },
    "AthanorXYZCompare": {
        "width": 64, "height": 64, "steps": 1, "strengths": "1", "checkpoints": "last", "include_base": False, "prompts": "a cat",
    },
}  # fmt: skip
ANSWERS = {"checkpoint": "sd15.safetensors", "folder": "ds", "diffusion_model": "sd3.safetensors"}
FORMS = {
    "kohya GUI settings": "kohya-gui-2023-sd15-locon.json",
    "LoRA file": "lora-sd15-adamw.metadata.json",
    "sd-scripts command": "sd-scripts-sd15-one-line.txt",
    "OneTrainer configuration": "onetrainer-sdxl-prodigy.json",
    "ai-toolkit job": "ai-toolkit-sd35.yaml",
}
"""Form -> its recipe."""


def sent(name: str) -> dict[str, str]:
    return {"name": name, "text": (PUBLISHED / name).read_bytes().decode("utf-8-sig")}


def header_of(name: str) -> dict[str, str]:
    """The header of a LoRA file with that metadata, as the page sends it: 8 bytes of length, and JSON."""
    told = json.dumps({"__metadata__": json.loads((PUBLISHED / name).read_text(encoding="utf-8"))}).encode()
    data = len(told).to_bytes(8, "little") + told
    return {"name": "published.safetensors", "base64": base64.b64encode(data).decode()}


@pytest.fixture(scope="module")
def place(server):
    """The server, which has the small SD3 as a diffusion model, too."""
    target = server.base / "models" / "diffusion_models" / "sd3.safetensors"
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to((server.base / "models" / "checkpoints" / "sd3.safetensors").resolve())
    return server


def answered(answer: dict[str, Any], output_name: str) -> dict[str, Any]:
    """The prompt with its questions answered, everything made small, and a small probe."""
    prompt = answer["prompt"]
    files = ANSWERS | ({"checkpoint": "sd3.safetensors"} if answer["family"] == "SD3" else {})
    for question in answer["questions"]:
        prompt[question["node"]]["inputs"][question["input"]] = files[question["role"]]
    for node in prompt.values():
        node["inputs"] |= SMALL.get(node["class_type"], {})
    train = next(node for node in prompt.values() if node["class_type"] == "AthanorTrainLoRA")
    train["inputs"]["output_name"] = output_name
    train["inputs"].pop("samples", None)
    train["inputs"]["validation"] = ["probe", 0]
    return prompt | {"probe": graphs.node("AthanorValidationConfig", **graphs.SMALL_PROBE)}


@pytest.mark.parametrize("form", FORMS)
def test_published_recipe_trains_ten_steps(place, form):
    server, file = place, header_of(FORMS[form]) if form == "LoRA file" else sent(FORMS[form])
    answer = server.post("/athanor/recipes/read", {"files": [file]})
    assert answer["form"] == form and {line["kind"] for line in answer["lines"]} >= {"taken", "translated"}
    name = f"imported_{form.replace(' ', '_')}"
    server.run(answered(answer, name))
    assert [step["step"] for step in runs_on_disk.steps(server.base, name)] == list(range(1, 11))
    job = json.loads(graphs.metadata(graphs.lora_file(server, name))["athanor_job"])
    nodes = {node["type"]: node["inputs"] for node in answer["nodes"]}
    for group in ("network", "loss", "noise", "optimizer"):
        kind = f"Athanor{group.capitalize()}Config"
        told = nodes.get(kind, {}) | SMALL.get(kind, {})
        assert {name: job[group][name] for name in told} == told


def wrong(node: dict[str, Any], info: dict[str, Any], asked: set[str]) -> list[str]:
    """What the host would not take of a node's inputs; files and folders that are asked for are left out."""
    groups = info["input"]
    specs = groups.get("required", {}) | groups.get("optional", {})
    found = [f"lacks {name}" for name in groups.get("required", {}) if name not in node["inputs"]]
    for name, value in node["inputs"].items():
        if name not in specs:
            found.append(f"has no {name}")
        elif name not in asked and not isinstance(value, list):
            kind, options = specs[name][0], (specs[name][1:] or [{}])[0]
            choices = kind if isinstance(kind, list) else options.get("options")
            least, most = options.get("min", value), options.get("max", value)
            if choices is not None and value not in choices:
                found.append(f"{name} {value!r} is none of {choices}")
            elif isinstance(value, (int, float)) and not least <= value <= most:
                found.append(f"{name} {value} is not within {least} and {most}")
    return found


def test_every_published_recipe_becomes_a_graph_that_this_comfyui_takes(server):
    """Types, inputs, choices and bounds of all nodes are the host's, and each node leads to the comparison or is looked at."""
    info, seen = server.get("/object_info"), 0
    unread = {"README.md", "lora-easy-training-sdxl.toml", "diffusion-pipe-sdxl-broken-line.toml"}
    for path in sorted(PUBLISHED.iterdir()):
        if path.name in unread:
            continue
        answer = server.post("/athanor/recipes/read", {"files": [sent(path.name)]})
        assert "error" not in answer, (path.name, answer["error"])
        asked: dict[str, set[str]] = {}
        for question in answer["questions"]:
            asked.setdefault(question["node"], set()).add(question["input"])
        for key, node in answer["prompt"].items():
            assert not wrong(node, info[node["class_type"]], asked.get(key, set())), (path.name, node)
        seen += 1
    assert seen > 80


@pytest.mark.parametrize("dtype", ["default", "fp8_e4m3fn"])
def test_the_loaders_of_every_family_are_this_comfyuis(server, dtype):
    info = server.get("/object_info")
    for family in FAMILIES:
        model = Model(family=family.title, weight_dtype=dtype, clip_skip=2, v_prediction=True)
        made = graph(Recipe(model=model))
        asked = {(question.node, question.input) for question in made.questions}
        for key, node in made.prompt().items():
            names = {name for place, name in asked if place == key}
            assert not wrong(node, info[node["class_type"]], names), (family.title, node)


PASTED = """accelerate launch train_network.py --network_dim=2 --network_alpha=1 --optimizer_type=Lion --learning_rate=3e-4 ^
  --noise_offset=0.05 --min_snr_gamma=5 --resolution=64,64 --min_bucket_reso=32 --train_batch_size=2 --max_train_steps=3 --nonsense=1"""


def test_the_node_gives_a_recipe_to_a_graph(server):
    """Its settings train, its sizes reach Bucketer, and what it does not know stands in its text."""
    prompt = graphs.training("sd15", validation=graphs.SMALL_PROBE)
    prompt["recipe"] = graphs.node("AthanorImportRecipe", recipe=PASTED)
    names = [
        "network", "loss", "noise", "optimizer", "conditioning", "cache", "validation", "samples", "width", "height", "batch_size",
        "epochs", "max_train_steps", "output_name", "text",
    ]  # fmt: skip
    out = {name: ["recipe", slot] for slot, name in enumerate(names)}
    prompt["buckets"]["inputs"] |= {name: out[name] for name in ("width", "height", "batch_size")}
    used = ("network", "loss", "noise", "optimizer", "conditioning", "cache", "samples", "epochs", "max_train_steps")
    prompt["train"]["inputs"] |= {name: out[name] for name in used} | {"output_name": "from_the_node"}
    prompt["text"] = graphs.node("PreviewAny", source=out["text"])
    entry = server.run(prompt)
    assert len(runs_on_disk.steps(server.base, "from_the_node")) == 3
    job = json.loads(graphs.metadata(graphs.lora_file(server, "from_the_node"))["athanor_job"])
    assert job["network"]["rank"] == 2 and job["optimizer"]["optimizer_type"] == "Lion"
    assert job["loss"]["min_snr_gamma"] == 5 and job["noise"]["noise_offset"] == 0.05 and job["buckets"]["width"] == 64
    assert "as no output carries them: Train LoRA: " in entry["outputs"]["recipe"]["text"][0]
    assert (
        "nonsense" in entry["outputs"]["recipe"]["text"][0]
        and "### Not known here" in entry["outputs"]["text"]["text"][0]
    )


@pytest.mark.parametrize(
    "recipe, sentence",
    [
        ("", "There is nothing to import"), ("hello", "is no recipe that can be read here"),
        ("none.toml", "'none.toml' is not in ComfyUI's input folder"), ("../secret.toml", "is not in ComfyUI's input folder"),
        ("none.safetensors", "is not in the loras folders"),
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_be_read_is_refused_when_it_is_queued(server, recipe, sentence):
    with pytest.raises(ValueError, match="recipe") as error:
        server.queue({"recipe": graphs.node("AthanorImportRecipe", recipe=recipe)})
    assert sentence in str(error.value)


def test_a_file_of_the_input_folder_and_a_lora(server):
    """The LoRA that a test above has trained is a recipe itself."""
    (server.base / "input" / "r.json").write_text(sent(FORMS["kohya GUI settings"])["text"])
    entry = server.run({"recipe": graphs.node("AthanorImportRecipe", recipe="r.json")})
    assert entry["outputs"]["recipe"]["text"][0].startswith("kohya GUI settings for SD1.5: ")


def test_reading_a_large_recipe_leaves_the_event_loop_free(comfy):
    """ComfyUI asks its nodes in the event loop when a graph is queued: while a thread reads, every other request is answered."""
    from athanor.nodes.import_recipe import AthanorImportRecipe

    text = "accelerate launch train_network.py " + " ".join(f"--option_{number} {number}" for number in range(3000))

    async def asked() -> tuple[Any, int]:
        waiting, turns = asyncio.create_task(AthanorImportRecipe.validate_inputs(text)), 0
        while not waiting.done():
            await asyncio.sleep(0.005)
            turns += 1
        return waiting.result(), turns

    answer, turns = asyncio.run(asked())
    assert "no recipe" in str(answer) and turns > 3
