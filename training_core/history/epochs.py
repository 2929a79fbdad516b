"""The one count of epochs: the epoch that a step belongs to, from 1, wherever a step, a file or a picture is shown.

Logs and names of files count finished epochs, as sd-scripts does: a file that is saved at a step within epoch 7 has a 6 there, and the
page said "epoch 7" beside it. At the end of an epoch both are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def per_epoch(events: Iterable[Mapping[str, Any]]) -> int:
    """Return the steps of an epoch of a run: as its last session has told, or as a file at the end of one shows; 0 if neither does."""
    found = 0
    for event in events:
        if event["event"] in ("started", "resumed"):
            found = event.get("steps_per_epoch") or found
        elif event["event"] == "saved" and event["kind"] == "epoch" and event["epoch"] and not found:
            whole, rest = divmod(event["step"], event["epoch"])
            found = 0 if rest else whole
    return found


def of_step(step: int, steps_per_epoch: int) -> int:
    """Return the epoch that a finished step belongs to, from 1; 0 before the first step."""
    return -(-step // steps_per_epoch)


def counter(events: Iterable[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], int]:
    """Return what gives the epoch of an event of a run that has a step: a saved file or a sample.

    Where nobody knows how long an epoch is, it is the finished ones, as the event has them.
    """
    steps = per_epoch(events)
    return lambda event: of_step(event["step"], steps) if steps else event["epoch"]
