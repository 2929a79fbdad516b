"""Likeness against prompt following, one point for each checkpoint: what a chart of the two shows (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..score_kinds import TITLES
from .scores import CheckpointScores, ComparisonScores, Measured, StepScores, measured_alike

Y, X, INSTEAD = "likeness", "prompt", "variety"
BASE = "base model"
"""How comparisons call what has no LoRA."""
_EPOCH = re.compile(r"\b(epoch|step) \d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One checkpoint with both of its means."""

    label: str
    group: str  # points of one group are joined in their order; "": joined with none
    x: Measured
    y: Measured
    copies: int
    best: bool = False  # none without copies is above it in both; not of the base model, which is no candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """The points, and what their two axes are."""

    x: str
    y: str
    note: str  # one sentence, where the axes are not the usual ones; else ""
    points: tuple[Point, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as the page takes it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is known of a checkpoint."""

    label: str
    group: str
    values: Mapping[str, Measured]
    copies: int
    is_base: bool = False  # before training


def of(rows: Sequence[Row], titles: Mapping[str, str] = TITLES) -> TradeOff | None:
    """Return likeness (y) against prompt following (x), or against variety where no prompt was scored; None below two points.

    Args:
        rows: checkpoints in the order of training.
        titles: how kinds of scores are called, by name.
    """
    x = X if sum(X in row.values and Y in row.values for row in rows) > 1 else INSTEAD
    points = [
        Point(label=row.label, group=row.group, x=row.values[x], y=row.values[Y], copies=row.copies)
        for row in rows
        if x in row.values and Y in row.values
    ]
    if len(points) < 2:
        return None
    note = "" if x == X else "The prompt was not scored, which takes a CLIP model: likeness against variety."
    bases = {row.label for row in rows if row.is_base}
    marked = tuple(point if point.label in bases else _marked(point, points) for point in points)
    return TradeOff(x=titles.get(x, x), y=titles.get(Y, Y), note=note, points=marked)


def _marked(point: Point, points: Sequence[Point]) -> Point:
    """Return a point with `best` set: no copy, and no other without copies is at least as good in both and better in one."""
    mine = point.x.mean, point.y.mean
    rivals = [(each.x.mean, each.y.mean) for each in points if not each.copies]
    beaten = any(x >= mine[0] and y >= mine[1] and (x, y) != mine for x, y in rivals)
    return replace(point, best=not point.copies and not beaten)


def of_comparison(found: ComparisonScores) -> TradeOff | None:
    """Return that of a comparison: checkpoints are joined that differ in their epoch alone."""
    most = max((len(each.labels) for each in found.checkpoints), default=0)
    at = max(range(most), key=lambda place: _epochs(found.checkpoints, place), default=0)
    rows = [
        Row(
            label=", ".join(each.labels) or "all pictures",
            group=_group(each.labels, at) if 0 < len(each.labels) == most else "",
            values=each.values,
            copies=each.copies,
            is_base=BASE in each.labels,
        )
        for each in found.checkpoints
    ]
    return of(rows, {**TITLES, **{kind.name: kind.title for kind in found.scorer.kinds}})


def _epochs(checkpoints: Sequence[CheckpointScores], place: int) -> int:
    """Return how many checkpoints have an epoch or a step as their label in this place."""
    return sum(bool(_EPOCH.search(each.labels[place])) for each in checkpoints if place < len(each.labels))


def _group(labels: Sequence[str], at: int) -> str:
    """Return what a checkpoint has in common with those that it is joined with; "" of what is no epoch, such as an average."""
    if not _EPOCH.search(labels[at]):
        return ""
    run = _EPOCH.sub("", labels[at]).strip()  # where an axis has epochs of several runs
    return ", ".join(filter(None, ["all", run, *labels[:at], *labels[at + 1 :]]))


def of_steps(steps: Sequence[StepScores]) -> TradeOff | None:
    """Return that of the samples of a run, measured by the scorer that measured last."""
    own = measured_alike(steps)
    epochs = [each.epoch for each in own if each.step]
    by_epoch = len(set(epochs)) == len(epochs)
    rows = [
        Row(
            label=(f"epoch {each.epoch}" if by_epoch else f"step {each.step}") if each.step else "before training",
            group="run" if each.step else "",
            values=each.values,
            copies=each.copies,
            is_base=not each.step,
        )
        for each in own
    ]
    return of(rows)
