"""When a run stops by itself: the probe has not become better for so many measurements (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..wording import plural
from .verdict import MEASUREMENTS, noise_of

Looks = Sequence[tuple[int, float]]
"""(finished steps, per cent of the loss before training) of every measurement in order; NaN where one gave no number."""


def best(looks: Looks) -> tuple[int, float] | None:
    """Return the lowest measurement after the first step, the earliest of equal ones; None where there is none with a number."""
    known = [look for look in looks if look[0] and math.isfinite(look[1])]
    return min(known, key=lambda look: look[1], default=None)


def waited(looks: Looks) -> int:
    """Return how many measurements have followed the last one that was lower by more than the probe's noise than all that counted.

    Several small falls count together: each is compared with the last one that counted, not with its neighbour.
    """
    noise = noise_of([percent for _, percent in looks if math.isfinite(percent)])
    lowest, since = math.inf, 0
    for _, percent in looks:
        if percent < lowest - noise:
            lowest, since = percent, 0
        else:
            since += 1
    return since


def over(looks: Looks, patience: int) -> bool:
    """Return whether a run is to stop; never with fewer measurements than it takes to know the probe's noise."""
    return 0 < patience <= waited(looks) and len(looks) >= MEASUREMENTS


def sentence(looks: Looks, patience: int, steps: int) -> str:
    """Return why a run has stopped by itself and what its file holds; `steps`: of the whole run."""
    noise = noise_of([percent for _, percent in looks if math.isfinite(percent)])
    found, at = best(looks), looks[-1][0]
    why = (
        f"Stopped by itself at step {at} of {steps}: {plural(patience, 'measurement')} of the probe without an improvement beyond its "
        f"noise of {noise:.1f} points (patience)"
    )
    return f"{why}." if found is None else f"{why}. {kept(found)}"


def kept(found: tuple[int, float]) -> str:
    """Return which measurement the file of a run with patience belongs to."""
    return f"The LoRA file is that of step {found[0]}, where the probe was lowest ({found[1]:.1f} % of the start)."
