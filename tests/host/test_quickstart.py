"""The quickstart workflow, as the page saves it, on the demo base: loads, runs, and is seen to learn."""

import json
import random
from pathlib import Path

import graphs
import numpy as np
import pictures
import prepare
import pytest
import workflow

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "example_workflows" / "quickstart.json"


@pytest.fixture(scope="module")
def demo(server):
    prepare.prepare(server.base)
    return json.loads(QUICKSTART.read_text(encoding="utf-8"))


def test_the_workflow_fits_the_nodes(server, demo):
    """Every widget has a value and every link two ends, so that the page loads it without a warning."""
    info = server.get("/object_info")
    for node in demo["nodes"]:
        specs = {**info[node["type"]]["input"].get("required", {}), **info[node["type"]]["input"].get("optional", {})}
        widgets = [
            s
            for s in specs.values()
            if isinstance(s[0], list) or s[0] in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
        ]
        seeds = sum(bool(s[1].get("control_after_generate")) for s in widgets if len(s) > 1)
        assert len(node["widgets_values"]) == len(widgets) + seeds, node["type"]
        assert [i["name"] for i in node["inputs"]] == [n for n, s in specs.items() if s not in widgets]
    assert QUICKSTART.with_suffix(".jpg").is_file()


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float)).mean())


def test_the_grid_shows_the_lora_learn(server, demo):
    """The loss falls, and the last epoch's sprouts look more like sprouts than the base model's."""
    prompt = workflow.to_prompt(demo, server.get("/object_info"))
    prompts = ["red sprout in the center, gray background", "blue sprout at the left, sand background"]
    workflow.nodes_of(prompt, "AthanorTrainLoRA")[0].update(epochs=8, save_every_n_epochs=4, output_name="learned")
    workflow.nodes_of(prompt, "AthanorXYZCompare")[0].update(prompts="\n".join(prompts), seeds="1, 2")
    entry = server.run(prompt)
    run = next(
        f for f in (server.base / "output" / "athanor" / "runs").iterdir()
        if json.loads((f / "job.json").read_text())["training"]["output_name"] == "learned"
    )  # fmt: skip
    losses = [json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert np.mean(losses[-40:]) < 0.85 * np.mean(losses[:40])
    key = next(k for k, n in prompt.items() if n["class_type"] == "AthanorXYZCompare")
    folder = server.base / "output" / entry["outputs"][key]["images"][0]["subfolder"]
    assert len(list(folder.glob("*_seed*.png"))) == 3 * 2 * 2
    nearer = 0
    for place, background, colour, words in (
        ("center", "gray", "red", prompts[0]),
        ("left", "sand", "blue", prompts[1]),
    ):
        scene = pictures.Scene("sprout", colour, place, background)
        sprout = np.mean([np.asarray(pictures.draw(scene, random.Random(i))) for i in range(20)], axis=0)
        for seed in (1, 2):
            cells = {p.name.split("_")[0]: p for p in folder.glob(f"*_seed{seed}_{graphs.hashed(words)}.png")}
            base = distance(graphs.pixels(cells["base"]), sprout)
            last = distance(
                graphs.pixels(next(folder.glob(f"learned_strength1_seed{seed}_{graphs.hashed(words)}.png"))), sprout
            )
            nearer += last < base
    assert nearer >= 3
