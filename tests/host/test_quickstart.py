"""The quickstart workflow, as the page saves it, on the demo base: loads, runs, and is seen to learn."""

import json
from pathlib import Path

import graphs
import numpy as np
import prepare
import pytest
import runs_on_disk
import workflow

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "example_workflows" / "quickstart.json"


@pytest.fixture(scope="module")
def demo(server):
    prepare.prepare(server.base)
    return json.loads(QUICKSTART.read_text(encoding="utf-8"))


def eyes_and_feet(picture: np.ndarray) -> int:
    """Pixels that are nearly white or nearly black: a sprout has some 600 of them, the base's shapes few."""
    return int((picture.min(2) > 170).sum() + (picture.max(2) < 70).sum())


def test_the_grid_shows_the_lora_learn(server, demo):
    """The loss falls, and the last epoch's pictures have what makes a sprout: eyes and feet."""
    prompt = workflow.to_prompt(demo, server.get("/object_info"))
    prompts = ["red sprout in the center, gray background", "red sprout at the left, sky background"]
    workflow.nodes_of(prompt, "AthanorTrainLoRA")[0].update(epochs=40, save_every_n_epochs=20, output_name="learned")
    workflow.nodes_of(prompt, "AthanorXYZCompare")[0].update(prompts="\n".join(prompts), seeds="1, 2")
    entry = server.run(prompt)
    losses = [step["loss"] for step in runs_on_disk.steps(server.base, "learned")]
    assert np.mean(losses[-100:]) < 0.7 * np.mean(losses[:40])
    key = next(k for k, n in prompt.items() if n["class_type"] == "AthanorXYZCompare")
    cells = graphs.cells(graphs.folder(server, entry, key))
    assert len(cells) == 3 * 2 * 2
    loras = [graphs.settings_of(cell["graph"])["loras"] for cell in cells]
    base = [eyes_and_feet(cell["pixels"]) for cell, used in zip(cells, loras, strict=True) if not used]
    last = [
        eyes_and_feet(cell["pixels"])
        for cell, used in zip(cells, loras, strict=True)
        if used == [("learned.safetensors", 1.0, 1.0)]
    ]
    assert len(base) == len(last) == 4
    assert np.mean(last) > 3 * np.mean(base) + 60, (base, last)
