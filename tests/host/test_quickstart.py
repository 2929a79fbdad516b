"""The quickstart workflow, as the page saves it, on the demo base: loads, runs, and is seen to learn."""

import json
import shutil
from pathlib import Path

import graphs
import numpy as np
import prepare
import pytest
import runs_on_disk
import workflow

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "demo" / "quickstart.json"


@pytest.fixture(scope="module")
def demo(server):
    prepare.prepare(server.base)
    return json.loads(QUICKSTART.read_text(encoding="utf-8"))


def eyes_and_feet(picture: np.ndarray) -> int:
    """Pixels that are nearly white or nearly black: a sprout has some 600 of them, the base's shapes few."""
    return int((picture.min(2) > 170).sum() + (picture.max(2) < 70).sum())


def test_the_grid_shows_the_lora_learn(server, demo):
    """Of six sprouts alone, which takes 96 steps: the loss falls, and the last epoch's pictures have what makes a sprout,
    eyes and feet.
    """
    few = server.base / "input" / "sprouts"
    few.mkdir()
    for number in range(0, prepare.SPROUTS, 4):
        for path in (server.base / "input" / prepare.DATASET / "3_sprout").glob(f"sprout_{number:02}.*"):
            shutil.copy(path, few)
    prompt = workflow.to_prompt(demo, server.get("/object_info"))
    prompts = ["red sprout in the center, gray background", "red sprout at the left, sky background"]
    workflow.nodes_of(prompt, "AthanorDatasetLoader")[0].update(folder="sprouts")
    workflow.nodes_of(prompt, "AthanorTrainLoRA")[0].update(epochs=96, save_every_n_epochs=96, output_name="learned")
    workflow.nodes_of(prompt, "AthanorXYZCompare")[0].update(prompts="\n".join(prompts), seeds="1, 2", steps=10)
    entry = server.run(prompt)
    losses = [step["loss"] for step in runs_on_disk.steps(server.base, "learned")]
    assert len(losses) == 96 and np.mean(losses[-40:]) < 0.75 * np.mean(losses[:10])
    key = next(k for k, n in prompt.items() if n["class_type"] == "AthanorXYZCompare")
    cells = graphs.cells(graphs.folder(server, entry, key))
    assert len(cells) == 2 * 2 * 2
    loras = [graphs.settings_of(cell["graph"])["loras"] for cell in cells]
    base = [eyes_and_feet(cell["pixels"]) for cell, used in zip(cells, loras, strict=True) if not used]
    last = [
        eyes_and_feet(cell["pixels"])
        for cell, used in zip(cells, loras, strict=True)
        if used == [("learned.safetensors", 1.0, 1.0)]
    ]
    assert len(base) == len(last) == 4
    assert np.mean(last) > 3 * np.mean(base) + 60, (base, last)


def test_its_whole_dataset_is_read(server, demo):
    """Sprouts, shapes and photographs of other sizes, by the workflow's own loader and buckets."""
    prompt = workflow.to_prompt(demo, server.get("/object_info"))
    kinds = {"AthanorDatasetLoader", "AthanorBucketer"}
    parts = {key: node for key, node in prompt.items() if node["class_type"] in kinds}
    (buckets,) = (key for key, node in parts.items() if node["class_type"] == "AthanorBucketer")
    parts["sheet"] = graphs.node("PreviewImage", images=[buckets, 2])
    parts["show"] = graphs.node("PreviewAny", source=[buckets, 1])
    text = server.run(parts)["outputs"]["show"]["text"][0]
    pictures = list((server.base / "input" / prepare.DATASET).rglob("*.txt"))
    assert len(pictures) >= prepare.SPROUTS + prepare.KNOWN and "128x128" in text, text
