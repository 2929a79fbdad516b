"""What runs have logged so far, as curves: losses, learning rates, probes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from PIL import Image

from ..charts import run_curves
from ..charts.run_curves import Curve, Score
from ..errors import AthanorError, quoted
from ..history import handle, registry, score_curves
from ..history.handle import Run
from ..history.registry import Record
from ..history.score_curves import ScoreLine
from ..host import folders
from ..lists import names as names_in
from ..lists import once
from ..names import nearest
from ..settings import CurvesSettings

NEWEST = 8
"""Runs that * stands for."""
SCORES = ("likeness", "prompt")
"""Kinds of scores that are drawn."""


def of_run(run: Run) -> Curve:
    """Return the curve of a handle."""
    counts: dict[int, int] = {}
    for epoch in run.epochs:
        counts[epoch] = counts.get(epoch, 0) + 1
    # The last epoch may be cut short: it is taken to be as long as the longest one.
    longest = max(counts.values(), default=1)
    done: dict[int, int] = {}
    parts = array("d")
    for epoch in run.epochs:
        done[epoch] = done.get(epoch, 0) + 1
        length = longest if epoch == run.epochs[-1] else counts[epoch]
        parts.append(epoch - 1 + done[epoch] / max(1, length))
    scored = [_score(line, run.scores[-1].title) for line in score_curves.lines(run.scores) if line.name in SCORES]
    return Curve(name=run.name, epochs=parts, losses=run.losses, lrs=run.lrs, probes=run.probes, scores=scored)


def _score(line: ScoreLine, scorer: str) -> Score:
    points = [(step, value.mean, value.error or 0.0) for step, value in line.points]
    return Score(title=line.title, scorer=scorer, points=points)


def of_record(record: Record) -> Curve:
    """Return the curve of a run as its folder describes it, finished or not: the same as that of its handle.

    Raises:
        AthanorError: it has no step yet.
    """
    run = handle.of_record(record, lambda path: path.name)
    if not run.losses:
        advice = registry.advice(record, "wait until its training has started")
        raise AthanorError(f"The run {run.name} ({run.run_id}) has no step yet; {advice}.")
    return replace(of_run(run), name=record.target.stem)  # of an unfinished run the newest file changes as it trains


def find(text: str) -> list[Curve]:
    """Return the curves of runs that a text names, in lines or between commas: a name (its newest run), an id, or * for the
    newest eight. A name with a comma is known as it is, and may be quoted.

    Raises:
        AthanorError: there is no such run, and the nearest are listed; or it has no step yet.
    """
    newest = registry.summaries(folders.runs_folder()) if text.strip() else []
    by_name = registry.by_name(newest) | {run.run_id: run for run in newest}
    names = once(name.replace("\\", "/") for name in names_in(text, lambda name: name.replace("\\", "/") in by_name))
    curves = []
    for name in names:
        if name == "*":
            begun = (run.folder for run in newest if (run.folder / "metrics.jsonl").is_file())
            wanted = list(islice(begun, NEWEST))[::-1]
        elif name in by_name:
            wanted = [by_name[name].folder]
        else:
            raise AthanorError(f"runs: there is no run {quoted(name)}; {nearest(name, list(by_name))}.")
        curves += [of_record(record) for folder in wanted if (record := registry.read(folder))]
    return curves


def draw(curves: Sequence[Curve], settings: CurvesSettings) -> Image.Image:
    """Draw loss, learning rate and probe of runs.

    Raises:
        AthanorError: no run is given.
    """
    if not curves:
        raise AthanorError(
            "runs is empty: connect a run, or write the names of runs, in lines or between commas (* = the newest)."
        )
    return run_curves.draw(curves, run_curves.Shown(**settings.model_dump(exclude={"runs"})))
