"""Writes a run's folder: job.json, run.json, dataset.json, metrics.jsonl, events.jsonl and report.html, readable at any moment."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..data.plan import Buckets
from ..files import append_line, write_atomically
from ..settings import Job
from . import report
from .events import Encoded, Event, Stepped
from .graph import Graph
from .registry import ENDS


class NullRunLog:
    """Writes nothing: of several processes of a run, only the first one does."""

    def told(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass events on."""
        yield from events

    def add(self, event: Event) -> None:
        """Drop it."""

    def note(self, event: str, /, **values: object) -> None:
        """Drop it."""


def write_job(folder: Path, job: Job, graph: Graph | None) -> Path:
    """job.json: the settings, and the graph that gives the same run in a ComfyUI without a page."""
    path, told = folder / "job.json", json.loads(job.model_dump_json())
    if graph:
        told["graph"] = {"node": graph.node, "prompt": graph.prompt}
    write_atomically(path, lambda temporary: temporary.write_text(json.dumps(told, indent=1), encoding="utf-8"))
    return path


class RunLog:
    """Every line is flushed as it is written; nothing is ever rewritten."""

    def __init__(
        self, folder: Path, job: Job, buckets: Buckets, target: Path, steps: int, graph: Graph | None = None
    ) -> None:
        """Goes on with the logs that are there.

        Args:
            target: the file that the run ends with.
            steps: of the whole run.
            graph: that the run comes from.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._metrics, self._events = folder / "metrics.jsonl", folder / "events.jsonl"
        write_job(folder, job, graph)
        told = {"run_id": job.run_id, "line_id": job.lineage_id, "output_name": job.training.output_name}
        self._put("run.json", json.dumps({**told, "target": str(target), "steps": steps}, indent=1))
        self._put("dataset.json", json.dumps(_pictures(buckets), ensure_ascii=False))

    def _put(self, name: str, text: str) -> None:
        write_atomically(self._folder / name, lambda temporary: temporary.write_text(text, encoding="utf-8"))

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
            append_line(self._metrics, json.dumps(_finite(values)))
        else:
            self.note(type(event).__name__.lower(), **values)

    def note(self, event: str, /, **values: object) -> None:
        """Append to events.jsonl; the end of a session leaves a report."""
        append_line(self._events, json.dumps(_finite({"event": event, "time": time.time(), **values})))
        if event in ENDS:
            report.write(self._folder)


def _finite(value: Any) -> Any:
    """NaN and infinity as null: JSON has no words for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def _pictures(buckets: Buckets) -> list[dict[str, Any]]:
    """What the picture numbers in metrics.jsonl mean."""
    pictures: list[dict[str, Any]] = [
        {
            **{"name": p.name, "path": str(p.path), "size": p.size, "caption": p.caption, "repeats": repeats},
            **{"content": p.content, "subset": p.subset},
        }
        for p, repeats in zip(buckets.dataset.pictures, buckets.dataset.repeats, strict=True)
    ]
    for entry in buckets.entries:
        told, placement = pictures[entry.picture], entry.placement
        told.setdefault("buckets", []).append(placement.bucket)
        told.setdefault("crops", []).append((*placement.resized, *placement.crop))
    return pictures
