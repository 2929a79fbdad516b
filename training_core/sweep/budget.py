"""How long a sweep takes, and which of its runs a budget has room for; what was chosen is noted, so that it stays."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..files import read_json, write_json
from ..randomness import keyed
from ..wording import duration, plural


def fitting(costs: Sequence[float], budget: float, seed: int) -> list[int]:
    """Return the numbers of the runs that a budget has room for: drawn by the seed one after another, as long as they fit.

    Args:
        costs: of each run from its first step to its last, in the budget's unit.
        budget: 0 = no limit.
    """
    if not budget or sum(costs) <= budget:
        return list(range(len(costs)))
    order = list(range(len(costs)))
    keyed("sweep budget", seed, len(costs)).shuffle(order)
    kept, left = [], budget
    for number in order:
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
    in_all = f", {sum(steps)} in all" if len(steps) > 1 else ""
    words = [f"{plural(len(steps), 'run')}{each} steps{in_all}" if steps else "nothing is left to train"]
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


def noted(folder: Path, runs: Sequence[str], limit: str) -> list[str] | None:
    """Return the ids that were chosen of these runs for this budget before; None where nobody has chosen.

    Args:
        folder: where that is noted.
        runs: ids of all runs that can be trained.
        limit: the budget with its unit, and the seed that draws.
    """
    found = [each for each in read_json(_place(folder, runs, limit), []) if each in runs]
    return found or None


def note(folder: Path, runs: Sequence[str], limit: str, chosen: Sequence[str]) -> None:
    """Note which runs were chosen: queued again, a sweep trains the same ones, though it knows another speed by then."""
    write_json(_place(folder, runs, limit), list(chosen))


def _place(folder: Path, runs: Sequence[str], limit: str) -> Path:
    digest = hashlib.sha256("\n".join([limit, *sorted(runs)]).encode()).hexdigest()
    return folder / f"{digest[:16]}.json"
