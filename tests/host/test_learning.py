"""Must-show 4: four pictures on the demo base are learnt by heart."""

from __future__ import annotations

import json

import graphs
import numpy as np
import prepare
import pytest
import runs_on_disk
from PIL import Image

CAPTIONS = (
    "red circle at the left, sky background",
    "green cross in the center, navy background",
    "blue triangle at the right, sand background",
    "yellow square at the top, black background",
)


def draw(i: int) -> Image.Image:
    """Stripes and discs, which the demo base has never seen."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[0:128, 0:128]
    angle, width = i * np.pi / 4, 9 + 4 * i
    stripes = ((x * np.cos(angle) + y * np.sin(angle)) // width % 2)[..., None]
    a, b, c = rng.integers(30, 230, (3, 3))
    image = np.where(stripes > 0, a, b)
    disc = ((x - 40 - 16 * i) ** 2 + (y - 70) ** 2 < 24**2)[..., None]
    return Image.fromarray(np.where(disc, c, image).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(server):
    prepare.prepare(server.base)
    folder = server.base / "input" / "four"
    folder.mkdir(parents=True)
    for i, caption in enumerate(CAPTIONS):
        draw(i).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(caption)
    return folder


@pytest.mark.long  # test_quickstart sees another learning happen, by its pictures too
def test_four_pictures_are_learnt_by_heart(server, folder):
    size = {"width": 128, "height": 128, "batch_size": 4, "enable_bucket": False}
    prompt = graphs.training(
        "athanor-demo-base",
        "four",
        buckets=size,
        network={"rank": 32, "alpha": 32.0},
        optimizer={"learning_rate": 4e-3, "lr_scheduler": "cosine"},
        train={"output_name": "by_heart", "epochs": 300, "save_every_n_epochs": 0},
    )
    sampling = {"width": 128, "height": 128, "steps": 20, "cfg": 2.0, "prompts": "\n".join(CAPTIONS), "strengths": "1"}
    entry = server.run(prompt | graphs.compare("ckpt", ["train", 0], **sampling))
    assert "probe" in entry["outputs"]["train"]["text"][0]
    probes = runs_on_disk.events(server.base, "by_heart", "probed")
    assert probes[0]["step"] == 0 and probes[0]["percent"] == pytest.approx(100) and probes[-1]["step"] == 300
    assert probes[-1]["percent"] < 50, [round(p["percent"], 1) for p in probes]
    line = runs_on_disk.steps(server.base, "by_heart")[7]
    assert len(line["losses"]) == len(line["timesteps"]) == len(line["pictures"]) == 4
    assert line["loss"] == pytest.approx(sum(line["losses"]) / 4) and sorted(line["pictures"]) == [0, 1, 2, 3]
    assert [
        p["caption"]
        for p in json.loads((runs_on_disk.run_folder(server.base, "by_heart") / "dataset.json").read_text())
    ] == list(CAPTIONS)

    told = [(graphs.settings_of(c["graph"]), c["pixels"]) for c in graphs.cells(graphs.folder(server, entry))]
    cells = {(s["positive"], bool(s["loras"])): pixels for s, pixels in told}
    targets = [np.asarray(draw(i), dtype=float) for i in range(4)]

    def distances(with_lora: bool) -> np.ndarray:
        seen = [cells[c, with_lora].astype(float) for c in CAPTIONS]
        return np.array([[np.abs(s - t).mean() for t in targets] for s in seen])

    trained, base = distances(True), distances(False)
    assert trained.argmin(1).tolist() == [0, 1, 2, 3], trained.round(1)
    assert (trained.diagonal() < 0.8 * base.diagonal()).all(), (trained.diagonal(), base.diagonal())
