"""How time grows with pictures, captions of a natural vocabulary, runs, steps and cells: 100, 1,000 and 10,000 of each.

python dev.py test tests/benchmarks/bench_growth.py -s

Processor time, with the exponent between the last two sizes: 1 is linear, 2 quadratic. ATHANOR_BENCH_MOST=1000 leaves the
largest size out.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from athanor.training_core.settings import BucketSettings, DatasetSettings, DoctorSettings, TrainingSettings
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

MOST = int(os.environ.get("ATHANOR_BENCH_MOST", "10000"))
SIZES = [size for size in (100, 1_000, 10_000) if size <= MOST]
STEEPEST, SEEN = 1.4, 0.5
"""An exponent above the first is no longer linear, n log n and the noise of a busy machine included; below the second, in
seconds at the largest size, it is not looked at."""

Rows = dict[str, list[float]]
"""What was measured -> seconds for each size."""


def timed(rows: Rows, name: str, act: Callable[[], Any]) -> Any:
    """What `act` gives; its processor time goes into the row."""
    start = time.process_time()
    result = act()
    rows.setdefault(name, []).append(time.process_time() - start)
    return result


def told(capsys: pytest.CaptureFixture[str], rows: Rows) -> None:
    """Print the rows, and fail for one that grows too fast."""
    steep = []
    with capsys.disabled():
        print("\n| seconds of CPU |" + "".join(f" {size:,} |" for size in SIZES) + " exponent |")
        print("|---" * (len(SIZES) + 2) + "|")
        for name, seconds in rows.items():
            exponent = math.log10(max(seconds[-1], 1e-4) / max(seconds[-2], 1e-4)) if len(seconds) > 1 else math.nan
            print(f"| {name} |" + "".join(f" {each:.3f} |" for each in seconds) + f" {exponent:.2f} |")
            if seconds[-1] > SEEN and exponent > STEEPEST:
                steep.append(f"{name}: {exponent:.2f}")
    assert not steep


class Language:
    """Made-up words whose frequencies follow Zipf's law: of more captions, ever new words are among them."""

    def __init__(self, words: int = 60_000) -> None:
        rng = random.Random(0)
        parts = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "on", "us")]
        self.words = list(dict.fromkeys("".join(rng.choices(parts, k=rng.randint(2, 4))) for _ in range(words)))
        self._weights = [1 / rank for rank in range(1, len(self.words) + 1)]

    def captions(self, count: int) -> Iterator[str]:
        """Tags, with a typing error in every hundredth caption."""
        rng = random.Random(1)
        for number in range(count):
            tags = list(dict.fromkeys(rng.choices(self.words, self._weights, k=20)))
            if number % 100 == 0:
                tags[0] = tags[0][:-2] + tags[0][-1] + tags[0][-2]
            yield ", ".join(tags)


def pictures_in(folder: Path, captions: list[str]) -> Path:
    """Small pictures of five scenes, each a little different, and their captions."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    scenes = [np.kron(rng.integers(0, 255, (6, 6, 3)), np.ones((8, 8, 1))) for _ in range(5)]
    for number, caption in enumerate(captions):
        noise = rng.integers(-12, 12, (48, 48, 3))
        pixels = (scenes[number % 5] + noise).clip(0, 255).astype(np.uint8)[: 48 - number % 3 * 8]
        Image.fromarray(pixels).save(folder / f"{number:05}.png", compress_level=1)
        (folder / f"{number:05}.txt").write_text(caption)
    return folder


def test_pictures(tmp_path, capsys):
    rows: Rows = {}
    captions = list(Language().captions(SIZES[-1]))
    for size in SIZES:
        of_pictures(rows, pictures_in(tmp_path / str(size) / "10_thing", captions[:size]).parent)
    told(capsys, rows)


def of_pictures(rows: Rows, folder: Path) -> None:
    """From a folder to the plan of an epoch, and what a page shows of it."""
    from athanor.training_core.data import scan, sheet
    from athanor.training_core.data.cache import LatentCache
    from athanor.training_core.data.plan import epoch_plan, sort_into_buckets
    from athanor.training_core.data.store import MemoryStore
    from athanor.training_core.data.view import DatasetView, Filter

    settings = DatasetSettings(folder="x", flip_aug=True, shuffle_caption=True)
    shape = BucketSettings(width=64, height=64, batch_size=2, min_bucket_reso=32)
    dataset = timed(rows, "folder read", lambda: scan.scan(settings, folder))
    timed(rows, "folder read again", lambda: scan.scan(settings, folder))
    timed(rows, "folder looked at for changes", lambda: scan.stamp(settings, folder))
    timed(rows, "fingerprint", lambda: dataset.fingerprint)
    buckets = timed(rows, "sorted into buckets", lambda: sort_into_buckets(dataset, shape))
    timed(rows, "Bucketer's table", lambda: sheet.summary(buckets))
    timed(rows, "Bucketer's contact sheet", lambda: sheet.contact_sheet(buckets))
    plan = timed(rows, "an epoch planned, 10 repeats", lambda: epoch_plan(buckets, TrainingSettings(), 0))
    variants = [sample.variant for batch in plan for sample in batch.samples]
    timed(rows, "keys of its latents", lambda: LatentCache(MemoryStore(), buckets, "v", 1).keys(variants))
    view = timed(rows, "page of the dataset", lambda: DatasetView(title="x", dataset=dataset, buckets=buckets))
    timed(rows, "a search in it", lambda: view.page(Filter(text="nan"), 0, 60))


def test_doctor(tmp_path, capsys):
    from athanor.training_core.data import scan

    rows: Rows = {}
    captions = list(Language().captions(SIZES[-1]))
    for size in SIZES:
        of_doctor(rows, scan.scan(DatasetSettings(folder="x"), pictures_in(tmp_path / str(size), captions[:size])))
    told(capsys, rows)


def of_doctor(rows: Rows, dataset: Any) -> None:
    """All checks, and the picture that shows what they have found."""
    from athanor.training_core.data.doctor import examine, report

    settings = DoctorSettings(resolution=256)
    found = timed(rows, "Dataset Doctor, five scenes", lambda: examine.examine(dataset, settings))
    timed(rows, "again, with all pictures measured", lambda: examine.examine(dataset, settings))
    timed(rows, "its report", lambda: report.draw(found))


def test_runs(tmp_path, capsys):
    rows: Rows = {}
    for size in SIZES:
        for number in range(size):
            run(tmp_path / str(size), number)
        of_runs(rows, tmp_path / str(size), size)
    told(capsys, rows)


def of_runs(rows: Rows, root: Path, size: int) -> None:
    """The list as the sidebar reads it."""
    from athanor.training_core.history import changes, disk, handle, labels, marks, registry

    listing = changes.Changes("run_id")

    def make() -> list[dict[str, Any]]:
        fields = ("run_id", "title", "step", "status")
        return [
            {name: getattr(each, name) for name in fields}
            | labels.read(each.folder).as_json()
            | {"starred": marks.has_stars(each.folder)}
            for each in registry.summaries(root)
        ]

    def measured() -> list[Any]:
        return [disk.room(each.folder, lambda _: root) for each in registry.summaries(root)]

    def listed(revision: int) -> dict[str, Any]:
        return json.loads(json.dumps(listing.since(revision, make)))

    first = timed(rows, "runs listed", lambda: listed(0))
    again = timed(rows, "again, for what has changed", lambda: listed(first["revision"]))
    assert len(first["rows"]) == size and again["rows"] == []
    timed(rows, "what they take on the disk", measured)
    timed(rows, "again, of what has not changed", measured)
    timed(rows, "the newest of a name", lambda: handle.status_fingerprint(root, "lora_3"))


def run(root: Path, number: int) -> None:
    """A finished run of a name that others have, too; every tenth was killed."""
    from athanor.training_core.history import registry

    folder, name = root / f"{number:016x}", f"lora_{number % 500}"
    folder.mkdir(parents=True)
    told = {"run_id": folder.name, "lineage_id": "l", "output_name": name, "target": root / f"{name}.safetensors"}
    registry.write_run(registry.Record(folder=folder, steps=100, events=(), **told))
    events = [{"event": "started", "steps": 100, "epochs": 1, "trained": "", "run_id": folder.name}]
    events += [
        {"event": "probed", "step": step, "loss": 0.1, "percent": 99.0, "label": ""} for step in range(0, 101, 5)
    ]
    if number % 10 == 9:
        (folder / "owner.json").write_text('{"pid": 1}')
    else:
        events += [{"event": "done", "step": 100}]
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(each | {'time': number + 1.0})}\n" for each in events))


def test_steps(tmp_path, capsys):
    """With 100 times as many steps as there are of the others: 10,000 to 1,000,000."""
    rows: Rows = {}
    for size in SIZES:
        run(tmp_path / str(size), 0)
        folder, rng = tmp_path / str(size) / f"{0:016x}", random.Random(0)
        with (folder / "metrics.jsonl").open("w") as file:
            file.writelines(f"{json.dumps(step(number, rng))}\n" for number in range(1, 100 * size + 1))
        of_steps(rows, folder)
    told(capsys, rows)


def step(number: int, rng: random.Random) -> dict[str, Any]:
    """A line of metrics.jsonl for a step of four pictures."""
    head = {"step": number, "epoch": 1 + number // 100, "loss": rng.random(), "lr": 1e-4, "grad_norm": rng.random()}
    samples = {"timesteps": [rng.random() * 1000 for _ in range(4)], "losses": [rng.random() for _ in range(4)]}
    return head | {"seconds": 0.5, "data_wait": 0.0, "pictures": [1, 2, 3, 4]} | samples | {"d_lr": None, "memory": 1.0}


def of_steps(rows: Rows, folder: Path) -> None:
    """What is read and drawn of a run's steps."""
    from athanor.training_core.charts.curve import loss_curve
    from athanor.training_core.charts.run_curves import Curve, Shown, draw
    from athanor.training_core.history import heads, report, series

    found = timed(rows, "100 x steps: handle of a run", lambda: heads.read(folder))
    timed(rows, "100 x steps: loss_curve", lambda: loss_curve("x", found.losses, found.rates, found.epochs))
    curve = Curve(name="x", epochs=found.epochs, losses=found.losses, lrs=found.rates, probes=())
    shown = Shown(x_axis="step", half_life=0, log_scale=False, raw=True, learning_rate=True, probe=True)
    timed(rows, "100 x steps: Loss Curves", lambda: draw([curve], shown))
    timed(rows, "100 x steps: the page's chart", lambda: series.points(folder))
    timed(rows, "100 x steps: and each further look", lambda: series.points(folder))
    timed(rows, "100 x steps: report", lambda: report.write(folder))


def test_cells(comfy, tmp_path, capsys):
    rows: Rows = {}
    for size in SIZES:
        of_cells(rows, tmp_path / str(size), size)
    told(capsys, rows)


def of_cells(rows: Rows, folder: Path, size: int) -> None:
    """From two axes to a grid whose pictures are on disk."""
    from athanor.training_core.compare import document, grid, identity, kinds, labels, plan, viewer
    from athanor.training_core.settings import GridSettings
    from cell import base_cell

    texts = {"seed": f"1-{size // 10}", "cfg": "1-10"}
    axes = timed(rows, "axes read", lambda: [kinds.read(kind, text, {}) for kind, text in texts.items()])
    whole = timed(rows, "cells planned", lambda: plan.plan(axes, base_cell()))
    order = timed(rows, "and put in order", lambda: whole.order)
    assert len(order) == size
    content = {"model:": "m", "vae:": "v"}
    keys = timed(rows, "named by their content", lambda: {cell: identity.identity(cell, content) for cell in order})
    named, rest = tuple(map(labels.labels, whole.axes)), {"seeds": {}, "family": "f", "loras": {}, "graph": {}}
    written = timed(rows, "plan.json", lambda: document.document(whole, named, title="x", keys=keys, **rest))
    (folder / "cells").mkdir(parents=True)
    Image.new("RGB", (16, 16)).save(folder / "one.png")
    for key in written["order"]:
        os.link(folder / "one.png", folder / "cells" / f"{key}.png")
    timed(rows, "viewer", lambda: viewer.write(folder, written))
    painter = timed(rows, "grid laid out", lambda: grid.Painter(written, folder, GridSettings(cell_size=64)))
    timed(rows, "grid of cells of 64 pixels", lambda: [page.size for page in painter.draw()])
