"""What nodes pass on of a run: names and numbers, never weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import heads, registry
from .registry import Record
from .scores import StepScores


def few(captions: Iterable[str]) -> tuple[str, ...]:
    """Return the first lines of at most three captions, each once: runs are sampled and compared with them by default."""
    return tuple(dict.fromkeys(text.partition("\n")[0] for text in captions if text))[:3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One LoRA file of a run."""

    epoch: int
    step: int
    lora_name: str  # as the host's LoRA lists have it
    path: Path
    hash: str
    last: bool  # the file that the run ends with


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run and what it left on disk."""

    run_id: str
    name: str  # of its newest file, without ending
    folder: Path
    checkpoints: tuple[Checkpoint, ...]
    losses: Sequence[float]  # one per step; of a run on disk an array, for a million steps are a million numbers
    lrs: Sequence[float]  # what the optimizer used: d * lr where it finds d itself
    epochs: Sequence[int]
    probes: tuple[tuple[int, float], ...]  # finished steps, per cent of the loss before training
    captions: tuple[str, ...]  # a few that were trained, to compare with
    scores: tuple[StepScores, ...] = ()  # of its sample pictures
    on_pairs: bool = False  # its pictures had control pictures


def of_record(record: Record, name_of: Callable[[Path], str]) -> Run:
    """Return the handle of a run, finished or not; a step that was done again counts once, with its last values.

    Args:
        record: of the run.
        name_of: file -> how the host lists it.
    """
    steps, saved = heads.read(record.folder), checkpoints(record, name_of)
    pictures = registry.dataset(record.folder)
    return Run(
        run_id=record.run_id,
        name=saved[-1].path.stem if saved else record.target.stem,
        folder=record.folder,
        checkpoints=saved,
        losses=steps.losses,
        lrs=steps.rates,
        epochs=steps.epochs,
        probes=probes(record),
        scores=record.scores,
        captions=few(str(picture.get("caption", "")) for picture in pictures),
        on_pairs=any(picture.get("controls") for picture in pictures),
    )


def checkpoints(record: Record, name_of: Callable[[Path], str]) -> tuple[Checkpoint, ...]:
    """Return the saved files of a run that are whole, in order of training."""
    return tuple(
        Checkpoint(
            epoch=event["epoch"],
            step=event["step"],
            lora_name=name_of(Path(event["path"])),
            path=Path(event["path"]),
            hash=event["hash"],
            last=event["kind"] == "last",
        )
        for event in record.saved
    )


def probes(record: Record) -> tuple[tuple[int, float], ...]:
    """Return (finished steps, per cent of the loss before training) of every probe that gave a number, in order."""
    return tuple((event["step"], event["percent"]) for event in record.probes if event["percent"] is not None)


def status_fingerprint(root: Path, output_name: str) -> str:
    """Return a text that changes when the newest run of a name ends or loses its files."""
    named = registry.summaries(root, output_name=output_name)
    record = registry.read(named[0].folder) if named else None
    if record is None:
        return "none"
    # A file that is gone is made again, and may be gone again: that is nothing the host has an answer to.
    gone = f" {time.time_ns()}" if record.state == "done" and not record.done else ""
    return f"{record.run_id} {record.status} {len(record.saved)} {record.done}{gone}"
