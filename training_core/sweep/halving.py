"""Successive halving: at a part of the steps only the better half of the runs goes on (pure).

Jamieson and Talwalkar 2016 (arXiv 1502.07943), with halves: the runs of each rung are compared after equally many of their steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from ..history import patience

MOST_RUNGS = 2
"""At a quarter and at half of the steps: earlier a probe of twenty measurements says little."""

Run = TypeVar("Run")


def rungs(runs: int) -> list[float]:
    """Return the parts of the steps after which runs are compared: [0.25, 0.5] of four and more, [0.5] of two or three."""
    count = min(MOST_RUNGS, int(math.log2(runs))) if runs > 1 else 0
    return [0.5**i for i in range(count, 0, -1)]


def step_of(part: float, steps: int) -> int:
    """Return the step of a rung in a run of so many steps."""
    return max(1, math.ceil(part * steps))


def reached(looks: patience.Looks, step: int) -> patience.Looks | None:
    """Return the measurements of a run up to its first one at or after a rung's step; None if it has not come so far."""
    for number, (at, _) in enumerate(looks):
        if at >= step:
            return looks[: number + 1]
    return None


def survivors(looks: Mapping[Run, patience.Looks], order: Sequence[Run]) -> list[Run]:
    """Return the better half of the runs, rounded up, in their order: those whose lowest measurement so far is lower.

    Args:
        looks: of the runs that have come to the rung; the others have failed or were stopped, and do not go on.
    """
    scored = {run: best[1] for run in order if run in looks and (best := patience.best(looks[run]))}
    kept = sorted(scored, key=lambda run: scored[run])[: max(1, math.ceil(len(scored) / 2))]
    return [run for run in order if run in kept]


def why(rung: int, steps: int, best: float, limit: float) -> str:
    """Return why a run was ended at a rung, as one sentence."""
    return (
        f"Ended early by its sweep at step {rung} of {steps}: its probe of {best:.1f} % of the start was behind that of the better half "
        f"({limit:.1f} % or lower). Queue it by itself to go on."
    )
