"""Reads run folders: the truth about what has been trained, whatever the host remembers."""

from __future__ import annotations

import json
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ..errors import AthanorError
from ..files import write_atomically
from .events import Saved
from .handle import Checkpoint, Run, few
from .names import owner

ENDS = ("done", "stopped", "interrupted", "failed")
"""Events that end a session of a run; after "started" or "resumed" without one, it runs, or its process was killed."""


@dataclass(frozen=True, slots=True)
class Record:
    """A run as its folder tells it."""

    folder: Path
    run_id: str
    line_id: str  # the same for jobs that differ in their length alone
    output_name: str
    target: Path
    steps: int  # of the whole run
    status: str  # "started", "resumed" or one of ENDS
    why: str  # it failed
    events: tuple[dict[str, Any], ...]

    @property
    def saved(self) -> list[dict[str, Any]]:
        """The last word on every file that was saved and is still whole, in order of training."""
        latest = {event["path"]: event for event in self.events if event["event"] == "saved"}
        return sorted(
            (e for e in latest.values() if whole(Path(e["path"]))), key=lambda e: (e["step"], e["kind"] == "last")
        )

    @property
    def done(self) -> bool:
        """Finished, and the file it ended with is still there."""
        there = any(Path(event["path"]) == self.target for event in self.saved)
        return self.status == "done" and there and owner(self.target) == self.run_id


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a .jsonl file; a line that a killed process left unfinished is passed over."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in a few words: what a list of thousands needs, small enough to be kept of all of them."""

    folder: Path
    run_id: str
    line_id: str
    output_name: str
    steps: int
    step: int  # that events tell of last
    status: str
    why: str
    time: float | None  # of the last event

    @classmethod
    def of(cls, record: Record) -> RunSummary:
        """A record in short."""
        step = max((e.get("step", 0) for e in record.events), default=0)
        time = record.events[-1]["time"] if record.events else None
        told = (getattr(record, name) for name in ("folder", "run_id", "line_id", "output_name", "steps"))
        return cls(*told, step, record.status, record.why, time)


_OPEN = 64
_known: OrderedDict[Path, tuple[object, Record]] = OrderedDict()  # of those asked for last
_briefs: dict[Path, tuple[object, RunSummary]] = {}  # of all
_whole: dict[Path, tuple[object, bool]] = {}
_lock = Lock()


def read(folder: Path) -> Record | None:
    """A run's record; None if the folder is none. What has not changed on disk is not read again."""
    return _look(folder)[1]


def brief(folder: Path) -> RunSummary | None:
    """The same in short, also from memory when the record is not there any more."""
    known = _briefs.get(folder)
    if known and known[0] == _stamps(folder):
        return known[1]
    _look(folder, keep=False)
    told = _briefs.get(folder)
    return told[1] if told else None


def _look(folder: Path, keep: bool = True) -> tuple[object, Record | None]:
    stamp = _stamps(folder)
    known = _known.get(folder)
    if known and known[0] == stamp:
        return known
    record = _read(folder)
    with _lock:
        _known.pop(folder, None)
        if record is None:
            _briefs.pop(folder, None)
        else:
            _briefs[folder] = (stamp, RunSummary.of(record))
            if keep:
                _known[folder] = (stamp, record)
                while len(_known) > _OPEN:
                    _known.popitem(last=False)
    return stamp, record


def _stamps(folder: Path) -> tuple[object, object]:
    return _stamp(folder / "run.json"), _stamp(folder / "events.jsonl")


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Changes when a file does; None if there is none."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _read(folder: Path) -> Record | None:
    try:
        told = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        events = tuple(lines(folder / "events.jsonl"))
        state = next((e for e in reversed(events) if e["event"] in ("started", "resumed", *ENDS)), {"event": "started"})
        names = ("run_id", "line_id", "output_name")
        return Record(
            folder,
            *(told[name] for name in names),
            Path(told["target"]),
            told["steps"],
            state["event"],
            str(state.get("why", "")),
            events,
        )
    except (OSError, ValueError, KeyError):
        return None


def briefs(root: Path, **wanted: str) -> list[RunSummary]:
    """Runs in short, the newest first; `wanted`: those whose `output_name` or `line_id` is this one."""
    found = [told for folder in root.glob("*") if (told := brief(folder))]
    found = [told for told in found if all(getattr(told, name) == value for name, value in wanted.items())]
    return sorted(found, key=lambda told: told.time or 0, reverse=True)


def records(root: Path, **wanted: str) -> list[Record]:
    """The same as whole records."""
    return [record for told in briefs(root, **wanted) if (record := read(told.folder))]


def metrics(folder: Path, after: int = 0) -> list[dict[str, Any]]:
    """One entry per step above `after`, in order; of a step that was done again, the last."""
    latest = {entry["step"]: entry for entry in lines(folder / "metrics.jsonl") if entry.get("step", 0) > after}
    return [latest[step] for step in sorted(latest)]


def files(folder: Path, step: int) -> list[Saved]:
    """What a run had saved up to `step`, and is still there."""
    record = read(folder)
    found = [event for event in record.saved if event["step"] <= step] if record else []
    return [Saved(Path(e["path"]), e["step"], e["epoch"], e["hash"], e["kind"]) for e in found]


def told(root: Path, output_name: str) -> str:
    """Short words on how the last run of a name stands; they change when it ends or loses its files."""
    named = briefs(root, output_name=output_name)
    found = read(named[0].folder) if named else None
    if found is None:
        return "none"
    return f"{found.run_id} {found.status} {len(found.saved)} {found.done}"


def whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    stamp = _stamp(path)
    if stamp is None:
        return False
    known = _whole.get(path)
    if known is None or known[0] != stamp:
        _whole[path] = known = (stamp, _is_whole(path))
    return known[1]


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size)) if size < 100_000_000 else {}
        ends = [value["data_offsets"][1] for key, value in header.items() if key != "__metadata__"]
        return bool(ends) and path.stat().st_size == 8 + size + max(ends)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def handle(record: Record, name_of: Any) -> Run:
    """What nodes pass on of a run.

    Args:
        record: of a run that has saved something.
        name_of: file -> how the host lists it.
    """
    steps = metrics(record.folder)
    checkpoints = tuple(
        Checkpoint(e["epoch"], e["step"], name_of(Path(e["path"])), Path(e["path"]), e["hash"], e["kind"] == "last")
        for e in record.saved
    )
    probes = {e["step"]: e["percent"] for e in record.events if e["event"] == "probed"}
    return Run(
        record.run_id,
        checkpoints[-1].path.stem,
        record.folder,
        checkpoints,
        tuple(nan(s["loss"]) for s in steps),
        tuple(s["lr"] if s.get("d_lr") is None else s["d_lr"] for s in steps),
        tuple(s["epoch"] for s in steps),
        tuple(sorted(probes.items())),
        _captions(record.folder),
    )


def nan(value: float | None) -> float:
    """null stands for a number that JSON cannot have."""
    return float("nan") if value is None else value


def _captions(folder: Path) -> tuple[str, ...]:
    """A few that were trained."""
    try:
        pictures = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return few(picture["caption"] for picture in pictures)


def keep_graph(folder: Path, node: str, graph: Mapping[str, Any]) -> None:
    """Let a run remember the node that trained it, and its graph (prompt; workflow, if a page has queued it)."""
    text = json.dumps({"node": node, **graph}, ensure_ascii=False)
    write_atomically(
        folder / "graph.json", lambda temporary: temporary.write_text(text, encoding="utf-8"), durable=False
    )


def graph(folder: Path) -> dict[str, Any]:
    """What `keep_graph` has kept; empty if nothing."""
    try:
        found = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def discard(record: Record, path: Path) -> None:
    """Take away one saved file of a run, with its running mean and its copy in diffusers' names.

    Raises:
        AthanorError: it is no file of the run.
    """
    if path not in [Path(event["path"]) for event in record.saved]:
        raise AthanorError(f"{path.name} is no file of run {record.run_id}, or is gone already.")
    for other in (path, *(path.with_name(f"{path.stem}-{what}{path.suffix}") for what in ("ema", "diffusers"))):
        other.unlink(missing_ok=True)


def carry_over(old: Path, new: Path) -> None:
    """Let a run that continues another begin with its curve and its files."""
    new.mkdir(parents=True, exist_ok=True)
    for name in ("events.jsonl", "metrics.jsonl"):
        if (old / name).is_file():
            shutil.copyfile(old / name, new / name)
