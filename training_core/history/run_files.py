"""The LoRA files of runs: whose they are, whether they are whole, and names that no other run has taken."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from itertools import chain, count
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..files import METADATA, UnreadableFile, safetensors_header, safetensors_metadata

COMPANIONS = ("ema", "diffusers")
"""Endings of the files that may lie beside a saved one: its running mean, and its copy in diffusers' names (older versions
wrote that there; now it lies in a folder of its own, since the host lists every file of a folder of LoRAs)."""
_COMPANION = re.compile(rf"-({'|'.join(COMPANIONS)})$")
_COPY = re.compile(r"-diffusers(\.safetensors)?$")
Value = TypeVar("Value")


def run_id_of(path: Path) -> str | None:
    """Return the id of the run whose file this is; None if it is of none: of another trainer, unreadable, or what LoRA Edit has made.

    Such a file carries over what its originals tell, their run's id as well: named cat-2, it would be taken for epoch 2 of cat.
    """
    metadata = safetensors_metadata(path)
    return None if "athanor_edit" in metadata else metadata.get("athanor_run_id")


def stamp(path: str | Path) -> tuple[int, int, int] | None:
    """Return size, time of change and inode, which change when the file does; None if there is no file."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):  # a name that no file can have
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


class Remembered(Generic[Value]):
    """What is read from files: each is read once, and again after it has changed."""

    def __init__(self, read: Callable[[Path], Value], missing: Value) -> None:
        """`read`: gives what a file holds; `missing`: stands for what a file that is not there holds."""
        self._read, self._missing = read, missing
        self._known: dict[str, tuple[object, Value]] = {}  # path -> (stamp, what it holds)

    def of(self, path: str | Path) -> Value:
        """Return what a file holds now."""
        now, key = stamp(path), str(path)
        if now is None:
            self._known.pop(key, None)
            return self._missing
        known = self._known.get(key)
        if known is None or known[0] != now:
            self._known[key] = known = (now, self._read(Path(path)))
        return known[1]


def is_whole(path: Path) -> bool:
    """Whether a file is safetensors, holds a tensor, and is as long as its header says; an unchanged one is not read again."""
    return _whole.of(path)


def _holds_tensors(path: Path) -> bool:
    try:
        return any(name != METADATA for name in safetensors_header(path))
    except UnreadableFile:
        return False


_whole = Remembered(_holds_tensors, missing=False)


def companion(path: Path, ending: str) -> Path:
    """Return the path of a saved file's companion; `ending`: one of COMPANIONS."""
    return path.with_name(f"{path.stem}-{ending}{path.suffix}")


def diffusers_copy(path: Path, copies: Path) -> Path:
    """Return the path of a saved file's copy in diffusers' names, in the folder of these copies."""
    return copies / companion(path, "diffusers").name


def ever_saved(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last event about every file that a run has saved, whether it is still there or not, in order of training.

    The file that a run ends with is the last one, also where it is of an earlier step (patience).
    """
    latest = {event["path"]: event for event in events if event["event"] == "saved"}

    def place(event: dict[str, Any]) -> tuple[int, bool]:
        return max(event["step"], event.get("reached", 0)), event["kind"] == "last"

    return sorted(latest.values(), key=place)


def in_run(run: Path) -> Path:
    """Return where a run's files have a second name (see `results`); `run`: its folder."""
    return run / "files"


def second_name(path: Path, run: Path) -> Path:
    """Return the second name of a file of a run. The host's /view refuses names that hold two dots in a row."""
    return in_run(run) / path.name.replace("..", "._")


def with_companions(path: Path, copies: Path | None, run: Path) -> list[Path]:
    """Return the paths of all that a saved file may have: in the run's folder, in that of copies, beside it, and then its own.

    Who deletes them in this order leaves no companion alone if it is killed in between: the file is known, and its turn comes.
    """
    beside = [*(companion(path, ending) for ending in COMPANIONS), path]
    second = [second_name(file, run) for file in beside]
    return [*second, *beside] if copies is None else [*second, diffusers_copy(path, copies), *beside]


def alone(target: Path, run_id: str, copies: Path) -> list[Path]:
    """Return companions of a run whose files are no more: an older version deleted the file first, and was killed before them."""
    found = [*files_of(target), *files_of(copies / target.name)]
    originals = {path: target.with_name(f"{_COMPANION.sub('', path.stem)}{path.suffix}") for path in found}
    return [
        path
        for path, file in originals.items()
        if is_companion(path) and path != target and not file.exists() and run_id_of(path) == run_id
    ]


def is_companion(path: Path) -> bool:
    """Return whether a file of a run is the running mean or the copy in diffusers' names of another one."""
    return bool(_COMPANION.search(path.stem))


def without_copies(names: Iterable[str]) -> list[str]:
    """Return names of files without those that older versions' copies in diffusers' names have beside their originals."""
    names = list(names)
    there = set(names)
    return [name for name in names if (original := _COPY.sub(r"\1", name)) == name or original not in there]


def files_of(path: Path) -> list[Path]:
    """Return the files of a run that ends with `path`, by their names, in no order.

    They are name.safetensors, name-000001.safetensors, name-step00000001.safetensors, and -ema and -diffusers of each.
    """
    stem = path.stem
    if not path.parent.is_dir():
        return []
    matches = []
    for other in path.parent.glob("*.safetensors"):
        name = other.stem if other.stem == stem else _COMPANION.sub("", other.stem)
        tail = name.removeprefix(stem)
        digits = tail.removeprefix("-step") if tail.startswith("-step") else tail.removeprefix("-")
        if name == stem or (name.startswith(stem) and tail.startswith("-") and digits.isdecimal()):
            matches.append(other)
    return matches


def free_path(path: Path, own: Collection[str], overwrite: bool, copies: Path | None = None) -> Path:
    """Return `path`, or name_2, name_3 ... if files of another run have that name.

    Args:
        path: the file that the run is to end with.
        own: ids of the runs whose files it may replace: itself, and the one that it continues.
        overwrite: take `path` whoever's files are there.
        copies: the folder of copies in diffusers' names, which are nobody else's either.
    """
    if overwrite:
        return path
    for number in chain([0], count(2)):
        candidate = path if not number else path.with_name(f"{path.stem}_{number}{path.suffix}")
        copied = [] if copies is None else files_of(copies / candidate.name)
        if all(run_id_of(other) in own for other in chain(files_of(candidate), copied)):
            return candidate
    raise AssertionError("unreachable: the numbers do not end")
