"""Recipes of other programs, as people published them, trained ten steps through a real server: read, questions answered, queued.

What differs from the recipes: tiny models and pictures, 64 pixels, rank 4, ten steps, float32 (fp16 and bf16 take a CPU minutes),
no samples, and a comparison of one picture.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphs
import pytest
import runs_on_disk

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
ANSWERS = {"checkpoint": "sd15.safetensors", "folder": "ds"}
FORMS = {
    "kohya GUI settings": "kohya-gui-2023-sd15-locon.json",
    "metadata of a LoRA file": "lora-sd15-adamw.metadata.json",
    "sd-scripts command": "sd-scripts-sd15-one-line.txt",
    "OneTrainer configuration": "onetrainer-sdxl-prodigy.json",
    "LoRA-scripts TOML": "lora-scripts-sd15-prodigy.toml",
}
"""Form -> its recipe."""


def sent(name: str) -> dict[str, str]:
    return {"name": name, "text": (PUBLISHED / name).read_text(encoding="utf-8")}


def answered(answer: dict[str, Any], output_name: str) -> dict[str, Any]:
    """The prompt with its questions answered, everything made small, and a small probe."""
    prompt = answer["prompt"]
    for question in answer["questions"]:
        prompt[question["node"]]["inputs"][question["input"]] = ANSWERS[question["role"]]
    for node in prompt.values():
        node["inputs"] |= SMALL.get(node["class_type"], {})
    train = next(node for node in prompt.values() if node["class_type"] == "AthanorTrainLoRA")
    train["inputs"]["output_name"] = output_name
    train["inputs"].pop("samples", None)
    train["inputs"]["validation"] = ["probe", 0]
    return prompt | {"probe": graphs.node("AthanorValidationConfig", **graphs.SMALL_PROBE)}


@pytest.mark.parametrize("form", FORMS)
def test_published_recipe_trains_ten_steps(server, form):
    answer = server.post("/athanor/recipes/read", {"files": [sent(FORMS[form])]})
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
