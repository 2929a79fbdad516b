"""Write a run's folder: job.json, run.json, dataset.json, metrics.jsonl, events.jsonl and report.html, readable at any moment."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..data.dataset import Control
from ..data.plan import Buckets
from ..files import append_line, make_folder, write_json
from ..json_text import finite
from ..settings import Job
from . import registry, report, results
from .events import Encoded, Event, Phase, Saved, Stepped, ended_together
from .graph import Graph
from .registry import ENDS, Record


class NullRunLog:
    """Write nothing: of several processes of a run, only the first one writes."""

    def logged(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield events as they are."""
        yield from events

    def add(self, event: Event) -> list[Event]:
        """Return the event alone."""
        return [event]

    def note(self, event: str, /, **values: object) -> None:
        """Do nothing with the event."""


def write_job(folder: Path, job: Job, graph: Graph | None) -> Path:
    """Write job.json: the settings, and the graph that gives the same run in a ComfyUI without a page; return its path."""
    path, settings = folder / "job.json", job.model_dump(mode="json")
    if graph:
        # The number tells later whether the settings beside the graph were edited.
        settings["graph"] = {"node": graph.node, "settings": Job.settings_id(settings), "prompt": graph.prompt}
    write_json(path, settings, indent=1)
    return path


class RunLog:
    """Append events to a run's logs; every line is flushed as it is written, none is ever rewritten."""

    def __init__(
        self, folder: Path, job: Job, buckets: Buckets, target: Path, steps: int, graph: Graph | None = None
    ) -> None:
        """Write what does not change during the run; logs that are there already are continued.

        Args:
            target: the file that the run ends with.
            steps: of the whole run.
            graph: that the run comes from.
        """
        make_folder(folder)
        self._folder, self._step = folder, 0  # the last step with a line of this session
        self._metrics, self._events = folder / "metrics.jsonl", folder / "events.jsonl"
        write_job(folder, job, graph)
        record = Record(
            folder=folder,
            run_id=job.run_id,
            lineage_id=job.lineage_id,
            output_name=job.training.output_name,
            target=target,
            steps=steps,
            events=(),
        )
        registry.write_run(record)
        write_json(folder / "dataset.json", _pictures(buckets))

    def logged(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield events, each written to the log before it is passed on; a saved file gets its place for clients (see `results`)."""
        with ended_together(events):
            for event in events:
                yield from self.add(event)

    def add(self, event: Event) -> list[Event]:
        """Append one event; of encoding, only that it is finished; of phases, those before the first step. A saved file gets its
        place in the run's folder.

        Returns:
            the event, and a warning where that has failed, which is appended as well.
        """
        self._append(event)
        failed = results.delivered(event, self._folder) if isinstance(event, Saved) else ()
        for warning in failed:
            self._append(warning)
        return [event, *failed]

    def _append(self, event: Event) -> None:
        if isinstance(event, Encoded) and event.done < event.total:
            return
        if isinstance(event, Phase) and self._step:  # a line for every file that is saved would tell nobody anything
            return
        values = {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(event).items()}
        if isinstance(event, Stepped):
            if event.step > self._step:  # whoever stops a run while a step is shown leaves it pending, with its line
                append_line(self._metrics, json.dumps(finite(values)))
                self._step = event.step
        else:
            self.note(type(event).__name__.lower(), **values)

    def note(self, event: str, /, **values: object) -> None:
        """Append a line to events.jsonl; one that ends a session writes report.html as well."""
        append_line(self._events, json.dumps(finite({"event": event, "time": time.time(), **values})))
        if event in ENDS:
            report.write(self._folder)


def ended_early(folder: Path, step: int, why: str) -> None:
    """Note in the folder of a run that has stopped why it does not go on, such as that its sweep has ended it; once."""
    record = registry.read(folder)
    if record is not None and record.status == "stopped" and record.why != why:
        append_line(
            folder / "events.jsonl", json.dumps({"event": "stopped", "time": time.time(), "step": step, "why": why})
        )
        report.write(folder)


def _pictures(buckets: Buckets) -> list[dict[str, Any]]:
    """Return the pictures in the order of their numbers in metrics.jsonl, with the crops that they are trained in."""
    pictures: list[dict[str, Any]] = [
        {
            **{"name": p.name, "path": str(p.path), "size": p.size, "caption": p.caption, "repeats": repeats},
            **{"content": p.content, "subset": p.subset},
            **({"controls": [_control(each) for each in p.controls]} if p.controls else {}),
        }
        for p, repeats in zip(buckets.dataset.pictures, buckets.dataset.repeats, strict=True)
    ]
    for entry in buckets.entries:
        picture, placement = pictures[entry.picture], entry.placement
        picture.setdefault("buckets", []).append(placement.bucket)
        picture.setdefault("crops", []).append((*placement.resized, *placement.crop))
    return pictures


def _control(control: Control) -> dict[str, Any]:
    return {"path": str(control.path), "size": control.size, "content": control.content}
