"""What a run's folder tells to programs beside its events and settings: dataset, times. Numbers and names, no paths."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..absolute_paths import name_of
from ..settings import BucketSettings, identity
from . import registry
from .registry import ENDS, RUNNING, STARTS, Record


def batch_size(folder: Path) -> int | None:
    """Return how many pictures a batch has; None where job.json does not tell."""
    buckets = registry.job(folder).get("buckets")
    size = identity.read(BucketSettings, buckets).get("batch_size") if isinstance(buckets, dict) else None
    return size if type(size) is int else None


def dataset(folder: Path) -> dict[str, Any]:
    """Return what was trained on: folders by name, each with its pictures and their repeats, and the sums.

    Returns:
        folders: folder (of the Dataset Loader, with the sub-folder), pictures, repeats (of each, the highest where a balance
        gave them different ones); pictures: of all; samples: of an epoch, each picture as often as it is repeated.
    """
    rows, subsets = registry.dataset(folder), registry.job(folder).get("datasets")
    names = [_folder(each) for each in subsets] if isinstance(subsets, list) else []
    counts, repeats = Counter[str](), dict[str, int]()
    samples = 0
    for row in rows:
        subset, times = row.get("subset"), row.get("repeats")
        times = times if type(times) is int else 1
        first = names[subset] if type(subset) is int and 0 <= subset < len(names) else ""
        parts = (first, str(row.get("name", "")).replace("\\", "/").rpartition("/")[0])
        name = "/".join(filter(None, parts))
        counts[name] += 1
        repeats[name] = max(times, repeats.get(name, 0))
        samples += times
    folders = [{"folder": name, "pictures": count, "repeats": repeats[name]} for name, count in counts.items()]
    return {"folders": folders, "pictures": len(rows), "samples": samples}


def _folder(subset: object) -> str:
    """Return a dataset's folder as the workflow names it; of an absolute path the last name."""
    name = str(subset.get("folder") or "") if isinstance(subset, dict) else ""
    absolute = name.startswith(("/", "\\", "~")) or name[1:2] == ":"
    return name_of(name) if absolute else name.replace("\\", "/").strip("/")


def times(record: Record) -> dict[str, float | None]:
    """Return when a run was queued, started and ended, in seconds since 1970, and how many seconds it has trained.

    Returns:
        created: its first event; queued: by the client, started: of its last session; ended: None while it trains, and of a
        killed one its last sign of life; seconds: from the first step to the end of each session, added up.
    """
    sessions, running = _sessions(record.events), record.status in RUNNING
    last = sessions[-1] if sessions else []
    seconds = sum(map(_trained, sessions[:-1])) + _trained(last, time.time() if running else None)
    return {
        "created": _time(record.events[:1]),
        "queued": next((e.get("queued") for e in last if e["event"] == "preparing"), None),
        "started": _time(last),
        "ended": None if running else _time(_end(last)),
        "seconds": round(max(0.0, seconds), 3),
    }


_Events = Sequence[Mapping[str, Any]]
_ADDED = ("scored", "stopped")
"""What is noted of a session after its end: scores of its samples (run/scored_later.py), why it does not go on (log.ended_early)."""


def _sessions(events: _Events) -> list[list[Mapping[str, Any]]]:
    """Return the events of each session; one without an end was killed. Those of older versions do not begin with "preparing"."""
    sessions: list[list[Mapping[str, Any]]] = []
    for event in events:
        kind, kinds = event["event"], {e["event"] for e in sessions[-1]} if sessions else set[str]()
        again = kind in STARTS and not kinds.isdisjoint(STARTS)
        after = not kinds.isdisjoint(ENDS) and kind not in _ADDED
        if not sessions or kind == "preparing" or again or after:
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def _trained(session: _Events, now: float | None = None) -> float:
    """Return the seconds from a session's first step on to its end: `now`, or its last event."""
    begun = _time([e for e in session if e["event"] in STARTS])
    end = now or _time(_end(session))
    return end - begun if begun is not None and end is not None else 0.0


def _end(session: _Events) -> _Events:
    return [e for e in session if e["event"] in ENDS] or session[-1:]


def _time(events: _Events) -> float | None:
    """Return the time of the first event that has one."""
    return next((e["time"] for e in events if "time" in e), None)


def epochs(record: Record) -> int | None:
    """Return the epochs of the whole run, as its last session has told them."""
    told = (e["epochs"] for e in reversed(record.events) if e["event"] in STARTS and "epochs" in e)
    return next(told, None)
