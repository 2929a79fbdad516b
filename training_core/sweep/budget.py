"""How long a sweep takes, and which of its runs a budget has room for (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ..randomness import keyed
from ..wording import plural


def duration(seconds: float) -> str:
    """Return a time as people say it: 45 s, 12 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def fitting(costs: Sequence[float], budget: float, seed: int) -> list[int]:
    """Return the numbers of the runs that a budget has room for: drawn by the seed one after another, as long as they fit.

    Args:
        costs: of each run, in the budget's unit; those that are finished cost nothing.
        budget: 0 = no limit.
    """
    if not budget or sum(costs) <= budget:
        return list(range(len(costs)))
    order = list(range(len(costs)))
    keyed("sweep budget", seed, len(costs)).shuffle(order)
    kept, left = [], budget
    for number in sorted(order, key=lambda n: bool(costs[n])):
        if costs[number] <= left:
            kept.append(number)
            left -= costs[number]
    return sorted(kept)


def announcement(steps: Sequence[int], seconds: Sequence[float] | None, finished: int, left_out: int) -> str:
    """Return what a sweep says before its first step.

    Args:
        steps: of each run that is left to train, as far as it has not trained them.
        seconds: that each of them takes by the speed of earlier runs; None where nobody knows.
        finished: runs that are finished already.
        left_out: runs that the budget has no room for.
    """
    lengths = sorted(set(steps))
    each = f" of {lengths[0]}" if len(lengths) == 1 else f" of {lengths[0]} to {lengths[-1]}" if lengths else ""
    words = [f"{plural(len(steps), 'run')}{each} steps" if steps else "nothing is left to train"]
    if steps:
        words.append(
            f"about {duration(sum(seconds))} by the speed of earlier runs"
            if seconds is not None
            else "how long is known after the first"
        )
    if finished:
        words.append(f"{plural(finished, 'run')} finished before and used again")
    if left_out:
        words.append(f"{plural(left_out, 'combination')} left out, drawn by seed, as the budget has no room")
    return "; ".join(words)
