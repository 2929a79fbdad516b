"""How many bytes runs take on the disk, counted once for each file, however many names it has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .registry import Record, read, summaries
from .run_files import ever_saved, run_id_of, stamp, with_companions

_Inode = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a run takes on the disk, in bytes."""

    folder: int  # all in its folder; a second name of a LoRA file takes nothing there while the first one is there
    states: int  # of that, the states from which training can go on
    loras: int  # its LoRA files where they were saved, with what belongs to them

    @property
    def whole(self) -> int:
        """All of it, in bytes."""
        return self.folder + self.loras


@dataclass(frozen=True, slots=True)
class _Look:
    """What was found in a run's folder, and what it was found for."""

    stamps: tuple[object, ...]  # of the folder and those in it
    loras: tuple[str, ...]
    lora_stamps: tuple[object, ...]
    room: Room


_PARTS = ("", "/state", "/samples", "/files", "/metrics.jsonl", "/events.jsonl")
_known: dict[str, _Look] = {}  # by the run's folder


def room(folder: Path, copies: Callable[[Record], Path]) -> Room | None:
    """Return what a run takes, or None if the folder holds no run.

    Of one whose files have not changed since, only dates are looked at: thousands of runs take a fraction of a second.

    Args:
        folder: of the run.
        copies: gives the folder of a run's copies in diffusers' names.
    """
    path = os.fspath(folder)
    stamps, known = tuple(stamp(path + part) for part in _PARTS), _known.get(path)
    if known and known.stamps == stamps and known.lora_stamps == tuple(map(stamp, known.loras)):
        return known.room
    record = read(folder)
    if record is None:
        _known.pop(path, None)
        return None
    loras = tuple(map(str, lora_files(record, copies(record))))
    _known[path] = look = _Look(stamps, loras, tuple(map(stamp, loras)), _measured(path, loras))
    return look.room


def forget(folders: Iterable[str]) -> None:
    """Forget all folders but these: the others hold no run any more."""
    for gone in _known.keys() - set(folders):
        _known.pop(gone, None)


def lora_files(record: Record, copies: Path) -> list[Path]:
    """Return the paths that a run has saved LoRA files at, with their companions, whether they are there or not."""
    own = (with_companions(Path(event["path"]), copies, record.folder) for event in ever_saved(record.events))
    return [path for paths in own for path in paths if not path.is_relative_to(record.folder)]


def own_loras(record: Record, copies: Path) -> list[Path]:
    """Return the LoRA files of a run, with their companions, that no other run names as its own.

    A longer run that has gone on from this one lists its files as well, and another run may have taken a name since.

    Args:
        copies: the folder of its copies in diffusers' names.
    """
    line = summaries(record.folder.parent, lineage_id=record.lineage_id) if record.lineage_id else []
    others = [other for run in line if run.run_id != record.run_id and (other := read(run.folder))]
    theirs = {(path, run_id) for other in others for path in lora_files(other, copies) for run_id in other.trained_by}
    there = [path for path in lora_files(record, copies) if path.is_file()]
    owners = {path: run_id_of(path) for path in there}
    return [path for path in there if owners[path] in record.trained_by and (path, owners[path]) not in theirs]


def _measured(folder: str, loras: Iterable[str]) -> Room:
    seen: set[_Inode] = set()
    outside = _sum((stat for path in loras if (stat := _stat(path))), seen)
    states = _sum(_files(f"{folder}/state"), seen)
    return Room(folder=states + _sum(_files(folder), seen), states=states, loras=outside)


@dataclass(frozen=True, slots=True)
class Freed:
    """The bytes that deleting folders would free: a file with another name elsewhere stays."""

    each: list[int]  # one of them alone, in the order in which they were asked for
    all: int


def freed(folders: Iterable[Path]) -> Freed:
    """Return what deleting folders would free; every file is looked at once."""
    together, each = _Names(), []
    for folder in folders:
        alone = _Names()
        for stat in _files(os.fspath(folder)):
            alone.add(stat)
            together.add(stat)
        each.append(alone.freed())
    return Freed(each, together.freed())


class _Names:
    """Files, and how many of their names are among those that were added."""

    def __init__(self) -> None:
        self._files: dict[_Inode, tuple[os.stat_result, int]] = {}

    def add(self, stat: os.stat_result) -> None:
        inode = (stat.st_dev, stat.st_ino)
        self._files[inode] = stat, self._files.get(inode, (stat, 0))[1] + 1

    def freed(self) -> int:
        """Return the bytes of the files whose names are all here."""
        return sum(stat.st_size for stat, names in self._files.values() if names >= stat.st_nlink)


def _sum(stats: Iterable[os.stat_result], seen: set[_Inode]) -> int:
    """Return the bytes of files that were not seen yet; they are seen then."""
    total = 0
    for stat in stats:
        inode = (stat.st_dev, stat.st_ino)
        if inode not in seen:
            seen.add(inode)
            total += stat.st_size
    return total


def _files(folder: str) -> Iterator[os.stat_result]:
    """Yield what the system tells of all files below a folder; links are not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        elif stat := _stat(entry.path):  # not entry.stat, which tells no inode and no links on Windows
            yield stat


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (OSError, ValueError):
        return None
