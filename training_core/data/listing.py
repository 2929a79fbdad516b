"""What the folders below a place hold, counted without opening a file: pictures, captions, sub-folders; bounded, links once."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock

from ..settings.dataset import MOST_REPEATS
from . import decode, names
from .dataset import BACKUPS
from .folders import repeats_and_tokens

MOST_FOLDERS, MOST_FILES, DEEPEST = 2000, 100_000, 6
"""Folders of one listing, names that are read of one of them, and levels below the place."""
SECONDS = 3.0
"""After so long the listing ends with what it has."""
BESIDE = frozenset({"mask", "masks", "control", "controls"})
"""Usual names of sub-folders for masks and control pictures: they are no pictures that somebody has forgotten to read."""
_REMEMBERED = 5000
_SETTLED = 2.0
"""Seconds after which a folder's time of change tells of everything: file systems count it in steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """One folder without its sub-folders."""

    pictures: tuple[str, ...]  # their names, sorted
    captions: int  # pictures with a caption file
    folders: tuple[tuple[str, bool], ...]  # (name, whether it is a link) of what it holds, sorted
    time: float  # of its last change, in seconds since 1970


@dataclass(slots=True, kw_only=True)
class Holding:
    """A folder as a Dataset Loader reads it at its defaults: with its sub-folders 'N_name', but no others."""

    folder: str  # below its place, with '/'
    pictures: int = 0
    captions: int = 0
    below: int = 0  # pictures in further sub-folders, which nested_folders reads
    captions_below: int = 0
    time: float = 0.0  # of the newest change
    repeated: list[str] = field(default_factory=list)  # its sub-folders 'N_name'


class Listings:
    """Reads folders, and remembers what they hold until they change."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[int, Inside]] = {}
        self._lock = Lock()

    def inside(self, folder: Path, extension: str) -> Inside | None:
        """Return what a folder holds; None if it cannot be listed. `extension`: of caption files, such as '.txt'."""
        key = (str(folder), extension)
        try:
            changed = os.stat(folder).st_mtime_ns
            with self._lock:
                known = self._known.get(key)
            if known and known[0] == changed:
                return known[1]
            found = _read(folder, extension, changed)
        except OSError:
            return None
        if time.time() - changed / 1e9 > _SETTLED:
            with self._lock:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[key] = (changed, found)
        return found

    def below(self, root: Path, extension: str = ".txt", seconds: float = SECONDS) -> tuple[list[Holding], bool]:
        """Return the folders below `root` that hold pictures, the newest first, and whether there may be more of them.

        A folder's sub-folders 'N_name' are counted with it, and not listed besides. Hidden folders and backups of captions are
        passed over; links are followed, and each real folder is listed once.
        """
        found, more = self._walk(root, extension, time.monotonic() + seconds)
        holdings = _summed(found, 1)
        own = {f"{each.folder}/{name}" for each in holdings.values() if each.folder for name in each.repeated}
        listed = [
            h
            for h in holdings.values()
            if h.folder and h.folder not in own and not _is_beside(h.folder, 1) and h.pictures + h.below
        ]
        return sorted(listed, key=lambda h: (-h.time, h.folder)), more

    def of(self, folder: Path, extension: str = ".txt") -> Holding:
        """Return what one folder holds."""
        found, _ = self._walk(folder, extension, time.monotonic() + SECONDS)
        return _summed(found, 0).get("", Holding(folder=""))

    def _walk(self, root: Path, extension: str, end: float) -> tuple[dict[str, Inside], bool]:
        """Return what the folders below `root` hold, by their names below it ('' for itself), parents first; and whether it stopped.

        Real folders come before linked ones, so that what lies below `root` keeps its own name and not that of a link to it.
        """
        seen: set[str] = set()
        found: dict[str, Inside] = {}
        real, linked = deque([("", os.path.realpath(root))]), deque[tuple[str, str]]()
        while real or linked:
            name, place = real.popleft() if real else linked.popleft()
            if place in seen:
                continue
            if len(found) >= MOST_FOLDERS or time.monotonic() > end:
                return found, True
            seen.add(place)
            inside = self.inside(root / name if name else root, extension)
            if inside is None:
                continue
            found[name] = inside
            if name.count("/") + bool(name) >= DEEPEST:
                continue
            for child, is_link in inside.folders:
                path = f"{name}/{child}" if name else child
                if is_link:
                    linked.append((path, os.path.realpath(root / path)))
                else:
                    real.append((path, os.path.join(place, child)))  # noqa: PTH118
        return found, False


def _read(folder: Path, extension: str, changed: int) -> Inside:
    with os.scandir(folder) as entries:
        listed = list(islice((entry for entry in entries if not entry.name.startswith(".")), MOST_FILES))
    files, folders = set[str](), list[tuple[str, bool]]()
    for entry in listed:
        try:
            if entry.is_dir():
                if entry.name != BACKUPS:
                    folders.append((entry.name, entry.is_symlink()))
            elif entry.is_file():
                files.add(entry.name)
        except OSError:  # a link to itself
            continue
    pictures = sorted(name for name in files if os.path.splitext(name)[1].lower() in decode.SUFFIXES)  # noqa: PTH122
    normal = {names.normal(name) for name in files if name.endswith(extension)}
    captions = sum(_has_caption(os.path.splitext(name)[0], extension, normal) for name in pictures)  # noqa: PTH122
    return Inside(pictures=tuple(pictures), captions=captions, folders=tuple(sorted(folders)), time=changed / 1e9)


def _has_caption(stem: str, extension: str, files: set[str]) -> bool:
    """Whether one of `files` is the caption of the picture `stem` (as `captions.caption_file` finds it)."""
    if names.normal(stem + extension) in files:
        return True
    box = names.face_box(stem)
    return box is not None and bool(box[0]) and names.normal(box[0] + extension) in files


def _summed(found: dict[str, Inside], first: int) -> dict[str, Holding]:
    """Return what each folder holds with its sub-folders; `first` as for `_is_beside`."""
    holdings = {name: Holding(folder=name) for name in found}
    for name, inside in found.items():
        _count(holdings[name], inside)
        above = _above(name)
        if above is not None and _is_repeated(name.rpartition("/")[2]):
            _count(holdings[above], inside)
            holdings[above].repeated.append(name.rpartition("/")[2])
            above = _above(above)
        while above is not None and not _is_beside(name, first):
            holdings[above].below += len(inside.pictures)
            holdings[above].captions_below += inside.captions
            above = _above(above)
    return holdings


def _count(holding: Holding, inside: Inside) -> None:
    holding.pictures += len(inside.pictures)
    holding.captions += inside.captions
    holding.time = max(holding.time, inside.time)


def _above(folder: str) -> str | None:
    """Return the folder that one lies in; '' is the first, and lies in none."""
    return folder.rpartition("/")[0] if folder else None


def _is_repeated(name: str) -> bool:
    """Whether a folder's name is 'N_name', which a Dataset Loader reads with the folder above."""
    return 0 < repeats_and_tokens(name)[0] <= MOST_REPEATS


def _is_beside(folder: str, first: int) -> bool:
    """Whether a folder is one of masks or control pictures by its name, or lies in one.

    Args:
        first: how many parts of its name are those of the dataset and not of a sub-folder.
    """
    return any(part.lower() in BESIDE for part in folder.split("/")[first:])


def spread(items: Sequence[str], most: int) -> list[str]:
    """Return up to `most` items, evenly from all of them."""
    count = min(most, len(items))
    return [items[i * len(items) // count] for i in range(count)]
