"""What a run has measured, without what a killed session had measured after the step that the next one has resumed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def lasting(events: Iterable[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind in order of their steps; those of steps that were done again count once, as they were last.

    Args:
        events: lines of events.jsonl, see `lines.is_event`.
        kind: an event that has a step, such as "probed".
    """
    found: list[dict[str, Any]] = []
    for event in events:
        if event["event"] not in ("resumed", kind):
            continue
        if "step" not in event:  # nobody knows where it was resumed
            continue
        first = event["step"] + (event["event"] == "resumed")
        while found and found[-1]["step"] >= first:  # steps rise, so those that are done again are the last ones
            found.pop()
        if event["event"] == kind:
            found.append(dict(event))
    return found
