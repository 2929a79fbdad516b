"""Every file of a run's folder hurt in every way: that run says what it can, all others are listed, and nothing raises."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fuzz
import pytest
import routes
import run_folders
from athanor.training_core.charts import run_curves
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import (
    damage,
    disk,
    graph,
    handle,
    labels,
    marks,
    registry,
    report,
    resolved,
    results,
    review,
    run_differences,
    run_facts,
    series,
    trained_on,
)
from athanor.training_core.resume import compute_plan, continuing
from athanor.training_core.resume.progress import RunProgress
from athanor.training_core.settings import CurvesSettings

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**53, 2**70, 10**400, 1e308, 0.5, "", "x", "\0", "a" * 5000, "../../x", "\ud800", "²", [], {}, [[]],
    [None], {"a": 1}, "1e999", [1, 2, 3], {"": []},
)  # fmt: skip
"""Values that another version, or a hand, may have put where a reader expects something else."""


def changed(data: bytes, rng: random.Random) -> bytes:
    """JSON with one value replaced, renamed, taken away or added; other files are hurt as bytes."""
    try:
        lines = [json.loads(line) for line in data.splitlines()] if data.count(b"\n{") else [json.loads(data)]
    except ValueError:
        return fuzz.hurt(data, rng)
    if not lines:
        return b"[]"
    at = rng.randrange(len(lines))
    lines[at] = _changed(lines[at], rng)
    return "\n".join(map(json.dumps, lines)).encode() + b"\n"


def _changed(value: Any, rng: random.Random) -> Any:
    inside = isinstance(value, (dict, list)) and value and rng.random() < 0.8
    if not inside:
        return rng.choice(ODD)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    if rng.random() < 0.2:
        del value[key]
    elif isinstance(value, dict) and rng.random() < 0.2:
        value[f"{key}_2"] = value.pop(key)
    else:
        value[key] = _changed(value[key], rng)
    return value


def hurts(path: Path, rng: random.Random) -> Callable[[], object]:
    """One way to hurt a file."""
    data = path.read_bytes()
    way = rng.choice(("bytes", "bytes", "values", "values", "folder", "gone"))
    if way == "folder":
        return lambda: run_folders.as_folder(path)
    if way == "gone":
        return path.unlink
    new = (changed if way == "values" else fuzz.hurt)(data, rng)
    return lambda: path.write_bytes(new)


def look(root: Path, folder: Path) -> None:
    """Do all that a page, a node and a next session do with runs; only sentences may come of it."""
    listed = registry.summaries(root)
    assert "dog" in {run.output_name for run in listed}, "the other run is not listed"
    registry.by_name(listed)
    handle.status_fingerprint(root, "cat")
    record = registry.read(folder)
    if record is not None:
        for sentence in damage.of(record):
            fuzz.check_message(sentence)
        assert json.dumps([list(record.events), record.saved, record.samples, record.probes], allow_nan=False)
        assert json.dumps(review.review(record), allow_nan=False)
        tellings = [
            run_facts.times(record),
            run_facts.epochs(record),
            run_facts.dataset(folder),
            run_facts.batch_size(folder),
            resolved.unlike_defaults(folder),
        ]
        json.dumps(tellings)
        report.page(record).encode("utf-8")
        handle.of_record(record, lambda path: path.name)
        assert json.dumps(results.files(record, root.parents[1], root.parents[1]), allow_nan=False)
        results.path_of(record, "cat.safetensors", root)
        marks.has_stars(folder)
        assert json.dumps(labels.read(folder).as_json(), allow_nan=False)
        assert disk.room(folder, lambda _: root) and disk.own_loras(record, root) is not None
        others = [each for each in registry.records(root) if each.run_id != record.run_id]
        json.dumps(run_differences.table([record, *others]))
        assert json.dumps(series.points(folder, 3, 5), allow_nan=False)
        resolved.rows(folder)
        graph.read_graph(folder)
        try:
            trained_on.view(record).overview()
        except AthanorError as error:
            fuzz.check_message(str(error))
        compare(record)
    resume(root)


def compare(record: registry.Record) -> None:
    """Choose checkpoints of the run and draw its curve, as the comparing nodes do."""
    from athanor.training_core.compare import curves, epochs, runs

    for source in (record.run_id, "cat", "cat-*"):
        try:
            points = runs.find(source)
            for text in ("all", "best 1", "last 1", "1-2"):
                epochs.axis(points, text)
        except AthanorError as error:
            fuzz.check_message(str(error))
    for text in ("*", "cat", record.run_id):
        try:
            found = curves.find(text)
        except AthanorError as error:
            fuzz.check_message(str(error))
            continue
        if text == "*":
            run_curves.draw(found, run_curves.Shown(**CurvesSettings().model_dump(exclude={"runs"})))


def resume(root: Path) -> None:
    """Start the same job, a longer and another one, as Train LoRA does."""
    for job in (run_folders.job(), run_folders.job().model_copy(update={"model_fingerprint": "other"})):
        longer = job.model_copy(update={"training": job.training.model_copy(update={"epochs": 9})})
        for each in (job, longer):
            start = continuing.start_point(root, each, 99)
            for sentence in start.warnings:
                fuzz.check_message(sentence)
            registry.saved_files(root / each.run_id, 99)
            if start.state is None:
                continue
            plan = compute_plan.from_json(start.state.plan)
            if plan:
                plan.memory.describe()
                plan.fits(each, "cpu")
            try:
                run_folders.resumable().restore(start.state.read(), RunProgress())
            except AthanorError as error:
                fuzz.check_message(str(error))


@pytest.fixture(scope="module")
def runs(comfy, tmp_path_factory) -> Iterator[tuple[Path, Path]]:
    """(the folder of all runs, that of the run that is hurt)."""
    base = tmp_path_factory.mktemp("hurt")
    root, loras = base / "output" / "athanor" / "runs", base / "models" / "loras"
    with pytest.MonkeyPatch.context() as patch:
        routes.comfyui_folders(base, patch)
        run_folders.write(root, loras, "dog")
        folder = run_folders.write(root, loras, "cat")
        look(root, folder)  # what is imported late is not counted as time of a case
        yield root, folder


FILES = (
    "run.json", "events.jsonl", "metrics.jsonl", "job.json", "dataset.json", "resolved.json", "graph.json", "stars.json", "metadata.json",
    "labels.json", "report.html", "state/step00000012.safetensors", "samples/cat_000004_00_1.png",
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_hurt_run_is_looked_at(runs, tmp_path, name):
    root, folder = runs
    shutil.copytree(folder, tmp_path / "sound")
    rng = fuzz.generator(f"run folder {name}")
    for case in range(fuzz.cases(100)):
        hurts(folder / name, rng)()
        try:
            with fuzz.no_hang((name, case)):
                look(root, folder)
        except Exception as error:
            kept = folder / name
            content = kept.read_bytes()[:2000] if kept.is_file() else "a folder, or gone"
            raise AssertionError(f"{name}, case {case}: {content!r}") from error
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "sound", folder)


def test_all_files_are_hurt(runs):
    _, folder = runs
    names = {path.relative_to(folder).as_posix() for path in run_folders.files(folder)}
    assert {name for name in names if "/" not in name} <= {*FILES, "loss_curve.png"}  # a picture that only clients read
    assert set(FILES) <= names
