"""The scores of a run's samples over its steps: as lines with their errors, and as the page takes them (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..score_kinds import KINDS, TITLES
from . import trade_off
from .scores import Measured, StepScores, measured_alike

TOGETHER = {kind.name for kind in KINDS if kind.is_likeness}
"""Kinds that have one scale."""


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One kind of score over the steps."""

    name: str
    title: str
    points: tuple[tuple[int, Measured], ...]  # (finished steps, mean)


def lines(steps: Sequence[StepScores]) -> list[ScoreLine]:
    """Return the kinds of scores of a run, by the scorer that measured last; those that were not measured are absent."""
    own = measured_alike(steps)
    names = [*TITLES, *sorted({name for each in own for name in each.values} - TITLES.keys())]
    found = {name: tuple((each.step, each.values[name]) for each in own if name in each.values) for name in names}
    return [ScoreLine(name, TITLES.get(name, name), points) for name, points in found.items() if points]


def panels(shown: Sequence[ScoreLine]) -> list[list[ScoreLine]]:
    """Return the lines by the chart that they stand in: those of one scale together."""
    together = [line for line in shown if line.name in TOGETHER]
    return [*([together] if together else []), *([line] for line in shown if line.name not in TOGETHER)]


def as_json(steps: Sequence[StepScores]) -> dict[str, Any] | None:
    """Return what the page shows of a run's scores; None where there are none.

    Returns:
        title and weak of the scorer; panels: lists of lines with name, title, points (step, mean, error or null, n); copies: (step,
        epoch, copies, pictures) of steps that have some; trade_off: see trade_off.py, or null.
    """
    if not steps:
        return None
    own, drawn = measured_alike(steps), trade_off.of_steps(steps)
    return {
        "title": own[-1].title,
        "weak": own[-1].weak,
        "panels": [[_line(line) for line in panel] for panel in panels(lines(steps))],
        "copies": [[each.step, each.epoch, each.copies, len(each.pictures)] for each in own if each.copies],
        "trade_off": asdict(drawn) if drawn else None,
    }


def _line(line: ScoreLine) -> dict[str, Any]:
    points = [[step, value.mean, value.error, value.n] for step, value in line.points]
    return {"name": line.name, "title": line.title, "points": points}
