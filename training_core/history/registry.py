"""Reads run folders: they alone tell what has been trained, whatever the host remembers."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ..files import read_json, write_json
from . import lines, run_json, scores
from .events import Saved
from .lasting import lasting
from .moved import Places
from .run_files import ever_saved, files_of, is_whole, run_id_of, stamp
from .scores import StepScores
from .taken import taken
from .verdict import harmed
from .warned import count, looks

ENDS = ("done", "stopped", "interrupted", "failed")
"""Events that end a session of a run."""
RUNNING = ("preparing", "started", "resumed")
"""Events of a session that has not ended: a process holds the run, or was killed."""
STATUSES = (*RUNNING, *ENDS, "killed")
STARTS = ("started", "resumed")
"""Those with which its steps begin; from "preparing" on until then it encodes pictures and loads the model."""


def status(state: str, folder: Path) -> str:
    """Return how a run stands: its last event of ENDS or RUNNING, or "killed" if it has not ended and no process holds it."""
    return state if state in ENDS or taken(folder) else "killed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run as its folder describes it."""

    folder: Path
    run_id: str
    lineage_id: str  # the same for jobs that differ in their length alone
    output_name: str
    target: Path  # the file that the run ends with
    steps: int  # of the whole run
    events: tuple[dict[str, Any], ...]  # lines of events.jsonl that `lines.is_event` takes for one
    trouble: str = ""  # what is wrong with run.json and events.jsonl, in sentences

    @property
    def title(self) -> str:
        """The name of the run's files with output_name's folder: `sub/name_2` where another run has taken `sub/name`."""
        folder = self.output_name.replace("\\", "/").rpartition("/")[0]
        return f"{folder}/{self.target.stem}" if folder else self.target.stem

    @property
    def _state(self) -> Mapping[str, Any]:
        """The last event that a session starts or ends with."""
        states = (event for event in reversed(self.events) if event["event"] in (*RUNNING, *ENDS))
        return next(states, {"event": "preparing"})

    @property
    def state(self) -> str:
        """The kind of that event, one of RUNNING and ENDS; of a killed run it is one of RUNNING for ever."""
        return self._state["event"]

    @property
    def status(self) -> str:
        """How the run stands right now: one of STATUSES."""
        return status(self.state, self.folder)

    @property
    def why(self) -> str:
        """Why the run has failed or was interrupted, was stopped before its first step or has stopped by itself; else ''.

        Older versions named an exception of the host's for an interrupt.
        """
        why = str(self._state.get("why", ""))
        return (
            why if self.state in ("failed", "stopped", "done") or (self.state == "interrupted" and " " in why) else ""
        )

    @property
    def prompt_id(self) -> str:
        """The id of the host's job that its last session belongs to; '' from the command line, and of older versions."""
        told = (event for event in reversed(self.events) if event["event"] == "preparing")
        return next((event.get("prompt_id", "") for event in told), "")

    @property
    def saved(self) -> list[dict[str, Any]]:
        """The last event about every saved file that is still whole, in order of training."""
        return [event for event in ever_saved(self.events) if is_whole(Path(event["path"]))]

    @property
    def trained_by(self) -> frozenset[str]:
        """The ids of the runs that have made its steps: its own, and those of shorter ones that were continued one after another."""
        sessions = (event for event in self.events if event["event"] in STARTS)
        return frozenset({self.run_id, *(str(event.get("run_id")) for event in sessions)})

    @property
    def probes(self) -> list[dict[str, Any]]:
        """The probes in order; those after the step that a killed run was resumed from are done again and do not count."""
        return lasting(self.events, "probed")

    @property
    def scores(self) -> tuple[StepScores, ...]:
        """What was measured on its sample pictures, in order of training, likewise; none without a node Likeness."""
        return scores.of_events(self.events)

    @property
    def samples(self) -> list[dict[str, Any]]:
        """The last event about every sample picture, in order of training and of the prompts."""
        latest = {(event["step"], event["index"]): event for event in self.events if event["event"] == "sampled"}
        return [latest[key] for key in sorted(latest)]

    @property
    def done(self) -> bool:
        """Whether the run has finished, and the file it ended with is still there."""
        there = any(Path(event["path"]) == self.target for event in self.saved)
        return self.state == "done" and there and run_id_of(self.target) == self.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run in a few fields: what a list of thousands needs, small enough to be remembered of all of them."""

    folder: Path
    run_id: str
    lineage_id: str
    output_name: str
    title: str
    steps: int
    step: int  # that the last session has reached, as far as events tell
    state: str  # as `Record.state`
    why: str
    trouble: str
    prompt_id: str
    time: float | None  # of the last event
    warnings: int  # sentences that it was warned with, mere notes left out
    harmed: bool  # its probe ended worse than it began, or was far above its start meanwhile
    base_model: str  # the name of its file, '' where nothing tells it
    probe: float | None  # the lowest of its probes, per cent of the loss before training

    @property
    def status(self) -> str:
        """How the run stands right now: one of STATUSES."""
        return status(self.state, self.folder)

    @classmethod
    def of(cls, record: Record) -> RunSummary:
        """Return the summary of a record."""
        step = 0
        for event in record.events:
            step = event.get("step", 0) if event["event"] in STARTS else max(step, event.get("step", 0))
        return cls(
            folder=record.folder,
            run_id=record.run_id,
            lineage_id=record.lineage_id,
            output_name=record.output_name,
            title=record.title,
            steps=record.steps,
            step=step,
            state=record.state,
            why=record.why,
            trouble=record.trouble,
            prompt_id=record.prompt_id,
            time=record.events[-1].get("time") if record.events else None,
            warnings=count(record.events),
            harmed=harmed(looks(record.probes)),
            base_model=run_json.base_model(record.folder),
            probe=min((e["percent"] for e in record.probes if e.get("percent") is not None), default=None),
        )


_MOST_RECORDS = 64
_records: OrderedDict[Path, tuple[object, Record]] = OrderedDict()  # folder -> (stamps, record), those asked for last
_summaries: dict[str, tuple[object, RunSummary]] = {}  # the same of all runs; keys of Path would take half of a look
_lock = Lock()


def advice(record: Record, wait: str) -> str:
    """Return what to do about something that a run has not got yet: `wait` while it trains, else to queue it again."""
    now = record.status
    return wait if now in RUNNING else f"it is not training ({now}), so queue its graph again"


def write_run(record: Record) -> None:
    """Write run.json, which `read` makes the record of; the events stand in their own file."""
    identity = {"run_id": record.run_id, "line_id": record.lineage_id, "output_name": record.output_name}
    write_json(record.folder / "run.json", {**identity, "target": str(record.target), "steps": record.steps}, indent=1)


def is_run(folder: Path) -> bool:
    """Return whether a folder is one of a run: it holds run.json or events.jsonl, in whatever state."""
    return os.path.lexists(folder / "run.json") or os.path.lexists(folder / "events.jsonl")


def _read(folder: Path) -> Record | None:
    if not is_run(folder):
        return None
    events, about_events = lines.events(folder / "events.jsonl")
    events = Places(folder).in_rows(events)
    found, about_run = run_json.of(folder, events)
    trouble = " ".join(filter(None, (about_run, about_events)))
    return Record(folder=folder, **found, events=events, trouble=trouble)


def read(folder: Path) -> Record | None:
    """Return a run's record, or None if the folder holds no run. What has not changed on disk is not read again."""
    return _look(folder)


def summary(folder: str | Path) -> RunSummary | None:
    """Return a run's summary, or None if the folder holds no run; its record is not remembered for that."""
    path = os.fspath(folder)
    known = _summaries.get(path)
    if known is None or known[0] != _stamps(path):
        _look(Path(path), remember=False)
        known = _summaries.get(path)
    return known[1] if known else None


def _look(folder: Path, remember: bool = True) -> Record | None:
    stamps = _stamps(os.fspath(folder))
    known = _records.get(folder)
    if known and known[0] == stamps:
        return known[1]
    record = _read(folder)
    with _lock:
        _records.pop(folder, None)
        if record is None:
            _summaries.pop(os.fspath(folder), None)
        else:
            _summaries[os.fspath(folder)] = (stamps, RunSummary.of(record))
            if remember:
                _records[folder] = (stamps, record)
                while len(_records) > _MOST_RECORDS:
                    _records.popitem(last=False)
    return record


def _stamps(folder: str) -> tuple[object, object]:
    return stamp(f"{folder}/run.json"), stamp(f"{folder}/events.jsonl")


def summaries(root: Path, **wanted: str) -> list[RunSummary]:
    """Return the summaries of all runs, the newest first; `wanted`: only those with this `output_name`, `lineage_id`, ..."""
    matches = [
        run
        for folder in _children(root)
        if (run := summary(folder)) and all(getattr(run, name) == value for name, value in wanted.items())
    ]
    return sorted(matches, key=lambda run: run.time or 0, reverse=True)


def _children(root: Path) -> list[str]:
    with suppress(OSError), os.scandir(root) as entries:
        return [entry.path for entry in entries]
    return []


def by_name(runs: Iterable[RunSummary]) -> dict[str, RunSummary]:
    """Return the runs by the names that users know them by: the first of each output_name, and titles that are none."""
    runs = [*runs][::-1]  # of equal names the first one stays
    return {run.title: run for run in runs} | {run.output_name: run for run in runs}


def records(root: Path, **wanted: str) -> list[Record]:
    """Return the same as `summaries` as whole records."""
    return [record for run in summaries(root, **wanted) if (record := read(run.folder))]


def job(folder: Path) -> dict[str, Any]:
    """Return the settings of a run (job.json); empty if it cannot be read."""
    return read_json(folder / "job.json", {})


def dataset(folder: Path) -> list[dict[str, Any]]:
    """Return the pictures of a run in the order of their numbers (dataset.json), {} for one that cannot be read."""
    rows = read_json(folder / "dataset.json", [])
    return [*Places(folder).in_rows(row if isinstance(row, dict) else {} for row in rows)]


def saved_files(folder: Path, step: int) -> list[Saved]:
    """Return what a run had saved up to `step` and is still whole: only files that are named as its own are."""
    record = read(folder)
    own = files_of(record.target) if record else []
    events = [event for event in record.saved if event["step"] <= step and Path(event["path"]) in own] if record else []
    return [
        Saved(path=Path(e["path"]), step=e["step"], epoch=e["epoch"], hash=e["hash"], kind=e["kind"]) for e in events
    ]
