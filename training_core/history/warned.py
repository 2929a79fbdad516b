"""What a run was warned of, and how its probe stood at each look: from its events alone, which is cheap."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any


def warnings(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the sentences of all `warned` events, each once: a session that goes on says most of them again."""
    return [*dict.fromkeys(e["text"] for e in events if e["event"] == "warned" and e.get("text"))]


def count(events: Iterable[Mapping[str, Any]]) -> int:
    """Return how many different sentences of `warned` events are hints at something to do, and no mere notes."""
    return len(warnings(event for event in events if not event.get("note")))


def looks(probed: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """Return (finished steps, per cent of the loss before training) of `probed` events; NaN where a look gave no number."""
    return [(e["step"], math.nan if e["percent"] is None else e["percent"]) for e in probed]
