"""The run's folder on disk: job.json, metrics.jsonl and events.jsonl, readable at any moment."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..data.plan import Buckets
from ..files import write_atomically
from ..settings import Job
from .events import Encoded, Event, Stepped


class RunLog:
    """Writes what happens; every line is flushed as it is written."""

    def __init__(self, folder: Path, job: Job, buckets: Buckets) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        text = job.model_dump_json(indent=1)
        write_atomically(folder / "job.json", lambda temporary: temporary.write_text(text, encoding="utf-8"))
        self._metrics, self._events = folder / "metrics.jsonl", folder / "events.jsonl"
        self._metrics.unlink(missing_ok=True)
        self._write_dataset(buckets)

    def _write_dataset(self, buckets: Buckets) -> None:
        """dataset.json: what the picture numbers in metrics.jsonl mean."""
        pictures = [
            {"name": p.name, "path": str(p.path), "size": p.size, "caption": p.caption, "repeats": repeats}
            for p, repeats in zip(buckets.dataset.pictures, buckets.dataset.repeats, strict=True)
        ]
        for entry in buckets.entries:
            pictures[entry.picture].setdefault("buckets", []).append(entry.placement.bucket)
        text = json.dumps(pictures, ensure_ascii=False)
        write_atomically(self._folder / "dataset.json", lambda temporary: temporary.write_text(text, encoding="utf-8"))

    def told(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on, each written first."""
        for event in events:
            self.add(event)
            yield event

    def add(self, event: Event) -> None:
        """Append one event; of encoding, only that it is finished."""
        if isinstance(event, Encoded) and event.done < event.total:
            return
        values = {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(event).items()}
        if isinstance(event, Stepped):
            _append(self._metrics, values)
        else:
            self.note(type(event).__name__.lower(), **values)

    def note(self, event: str, /, **values: object) -> None:
        """Append to events.jsonl."""
        _append(self._events, {"event": event, "time": time.time(), **values})


def _append(path: Path, values: dict[str, object]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")
