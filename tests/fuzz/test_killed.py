"""kill -9 at random moments of encoding, training, saving, states, samples and a grid: the same bytes, and nothing left.

Each world is one run and one comparison in folders of its own. Its process is killed up to five times, by the clock or just
before an operation on files; then it goes on to its end, and all that it has made is compared with a world that nobody killed.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzz
import graphs
import killing
import pytest
import torch
import whole_run
from athanor.training_core import settings as s
from PIL import Image

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that is killed is a fork of this one")

MOST = 5
"""Kills of one world."""
NAME = "killed"


class Worlds:
    """Runs of the same job, each with its own output, loras and user folder."""

    def __init__(self, models: tuple[Any, Any, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from athanor.training_core.data import plan, scan

        self._models, self._folder, self._patch = models, folder, monkeypatch
        graphs.draw_dataset(folder / "ds", count=3)
        dataset = scan.scan(s.DatasetSettings(folder="ds", flip_aug=True), folder / "ds")
        sizes = s.BucketSettings(width=64, height=64, batch_size=2, min_bucket_reso=64)
        self._buckets = plan.sort_into_buckets(dataset, sizes)
        self._job = s.Job(
            datasets=dataset.subsets,
            buckets=self._buckets.settings,
            dataset_fingerprint=dataset.fingerprint,
            model_fingerprint="m",
            network=s.NetworkSettings(rank=2, dropout=0.1),
            optimizer=s.OptimizerSettings(learning_rate=1e-3, ema_decay=0.9),
            sampling=s.SamplingSettings(
                sample_prompts="a cat", sample_every_n_epochs=0, sample_every_n_steps=3, width=64, height=64, steps=1, cfg=1.0
            ),
            training=s.TrainingSettings(
                output_name=NAME, epochs=3, save_every_n_steps=2, save_last_n_steps=2, save_diffusers_copy=True,
                mixed_precision="no", save_precision="float",
            ),
        )  # fmt: skip

    def enter(self, name: str) -> Path:
        """Let ComfyUI's folders be those of a world, and return its folder."""
        import folder_paths

        world = self._folder / name
        for folder in ("output", "user", "loras"):
            (world / folder).mkdir(parents=True, exist_ok=True)
        self._patch.setattr(folder_paths, "output_directory", str(world / "output"))
        self._patch.setattr(folder_paths, "user_directory", str(world / "user"))
        extensions = folder_paths.folder_names_and_paths["loras"][1]
        self._patch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(world / "loras")], extensions))
        return world

    def live(self) -> None:
        """Train, unless that is done, and compare the files of the run, as Train LoRA and XYZ Compare do."""
        from athanor.training_core.history import handle, registry
        from athanor.training_core.host import folders, guard
        from athanor.training_core.run.train import tidy, train

        folder = folders.run_folder(self._job.run_id)
        record = registry.read(folder)
        if record is None or not record.done:
            with guard.training():
                list(train(self._job, self._buckets, *self._models))
            record = registry.read(folder)
        else:
            tidy(record)
        assert record is not None and record.done
        with torch.inference_mode():
            self._compare(handle.of_record(record, folders.lora_name))

    def _compare(self, run: Any) -> None:
        from athanor.training_core.compare import engine, grid, grid_files, prepare, request, viewer
        from athanor.training_core.host import folders

        asked = request.ComparisonRequest(
            settings=s.CompareSettings(prompts="a cat", width=64, height=64, steps=1, cfg=1.0, strengths="1"),
            sampler="euler", scheduler="normal", columns="strength", rows="checkpoint", models=self._models, run=run,
        )  # fmt: skip
        prepared = prepare.prepare(asked, folders.compare_folder(""))
        missing = prepared.missing()
        prepared.store.take_over(prepared.keys.values())
        prepared.store.write_plan(prepared.document)
        assert not [result.error for result in engine.sample(missing, prepared.painter) if result.error]
        painter = grid.Painter(prepared.document, prepared.store.folder, s.GridSettings())
        grid_files.draw_pages(painter, prepared.store.folder, s.GridSettings(), info={}, stem="grid")
        viewer.write(prepared.store.folder, prepared.document)


@pytest.fixture
def worlds(comfy, checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worlds]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a fork has none of the threads of its parent
    yield Worlds(whole_run.models_of(checkpoints["sd3"]), tmp_path, monkeypatch)
    torch.set_num_threads(before)


def content(path: Path) -> object:
    """What of a file must be equal in every world; None for a file that tells of times and of attempts."""
    if path.suffix == ".safetensors":
        return whole_run.weights(path)
    if path.suffix == ".png":
        with Image.open(path) as image:
            return image.size, image.tobytes()
    return None


def made(world: Path) -> dict[str, object]:
    """All files of a world and their content, by names that do not tell of the world's place and of the time of training."""
    found: dict[str, object] = {}
    files = (path for path in world.rglob("*") if path.is_file() and path.parent.name != "leases")
    for path in sorted(files):  # leases of killed runs are removed by the next run that looks for room in the cache
        name = path.relative_to(world).as_posix()
        name = re.sub(r"athanor/names/[0-9a-f]+/", "athanor/names/of the LoRA/", name)
        name = re.sub(r"athanor/compare/[^/]+/", "athanor/compare/of the run/", name)
        if re.search(r"/cells/[0-9a-f]{24}\.png$", name):
            with Image.open(path) as image:
                name = f"{name.rpartition('/')[0]}/{image.text['xyz']}"  # type: ignore[attr-defined]
        assert name not in found, name
        found[name] = content(path)
    return found


def check_readable(world: Path) -> None:
    """Whoever looks into the folders now finds whole files alone, besides temporary ones."""
    from athanor.training_core.history import registry, series
    from athanor.training_core.history.run_files import is_whole

    for path in world.rglob("*"):
        if not path.is_file() or path.suffix == ".tmp":
            continue
        if path.suffix == ".safetensors":
            assert is_whole(path), path
        elif path.suffix == ".json" and path.name != "owner.json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".png":
            content(path)
        elif path.suffix == ".jsonl":
            for line in path.read_bytes().splitlines(keepends=True):
                assert not line.endswith(b"\n") or json.loads(line), path
    for folder in (world / "output" / "athanor" / "runs").glob("*"):
        registry.read(folder)
        series.points(folder)


def losses(world: Path) -> list[tuple[int, float]]:
    from athanor.training_core.history import series

    (folder,) = (world / "output" / "athanor" / "runs").glob("*")
    return [(point["step"], point["loss"]) for point in series.points(folder)]


def age(world: Path) -> None:
    """Let the next start be ten seconds later, for those who wait before they sweep."""
    then = time.time() - 10
    for path in world.rglob(".*.tmp"):
        os.utime(path, (then, then))


def killed_up_to(most: int, live: Callable[[], None], world: Path, moments: Iterator[dict[str, Any]]) -> int:
    """Kill a world's process so many times, look at what is there each time, and let it end; returns how often it died."""
    kills = 0
    while kills < most:
        if not killing.forked(live, world, **next(moments)):
            return kills
        kills += 1
        check_readable(world)
        age(world)
    killing.forked(live, world)
    return kills


def test_a_killed_process_leaves_nothing_and_loses_nothing(worlds: Worlds):
    rng = fuzz.generator("killed")
    unkilled = worlds.enter("unkilled")
    start = time.monotonic()
    with killing.counted(
        unkilled
    ) as counter:  # in this process: what it imports need not be imported by each that is killed
        worlds.live()
    took = time.monotonic() - start
    operations = counter.count
    wanted, steps = made(unkilled), losses(unkilled)
    assert operations > 100 and len(steps) == 6
    assert {Path(name).suffix for name in wanted} >= {".safetensors", ".png", ".jsonl", ".json", ".html"}
    assert [name for name in wanted if name.startswith("user/")] and [name for name in wanted if "-ema" in name]

    left, number = fuzz.cases(200, slice_of=200), 0
    while left > 0:
        number += 1
        world = worlds.enter(str(number))
        kills = killed_up_to(min(left, rng.randint(1, MOST)), worlds.live, world, moments(rng, operations, took))
        left -= kills
        print(f"{kills} kills, {left} left", flush=True)
        found = made(world)
        assert found.keys() == wanted.keys(), (number, kills, found.keys() ^ wanted.keys())
        assert found == wanted, (number, kills, [name for name in wanted if found[name] != wanted[name]])
        assert losses(world) == steps, (number, kills)


def moments(rng: random.Random, operations: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield when to kill: two of three times just before an operation on files, else by the clock."""
    while True:
        if rng.random() < 2 / 3:
            yield {"operation": rng.randint(1, operations)}
        else:
            yield {"seconds": rng.uniform(0.05, seconds)}
