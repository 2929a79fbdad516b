"""The folders of a dataset: each real folder once, however links lead to it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..settings import DatasetSettings
from ..settings.dataset import MOST_REPEATS
from .dataset import BACKUPS


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """A folder whose pictures are read, and what its name says about them."""

    path: Path
    repeats: int
    class_tokens: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFolders:
    """The folders of a dataset by name, and the names of those that are passed over."""

    read: list[DatasetFolder]
    skipped: list[str] = field(default_factory=list)  # their names say no repeats, and nested_folders is off
    numbered: list[str] = field(default_factory=list)  # their names begin with a number too large for repeats
    again: list[str] = field(default_factory=list)  # links to folders that are read anyway
    closed: list[str] = field(default_factory=list)  # cannot be listed


def dataset_folders(root: Path, settings: DatasetSettings, others: Collection[Path | None] = ()) -> DatasetFolders:
    """Return the folders to read, sorted by name, and those that are not read.

    Args:
        others: folders whose pictures are no pictures of the dataset: of masks, of control pictures.
    """
    by_path = {root: DatasetFolder(root, settings.repeats, settings.class_tokens)}
    skipped: list[str] = []
    numbered: list[str] = []

    def enter(folder: Path) -> bool | None:
        if not _is_part(folder, others):
            return None
        parent, (repeats, tokens) = by_path[folder.parent], repeats_and_tokens(folder.name)
        if repeats > MOST_REPEATS:  # 20240115_holiday
            numbered.append(folder.name)
        if 0 < repeats <= MOST_REPEATS:
            by_path[folder] = DatasetFolder(folder, repeats, tokens)
        elif settings.nested_folders:
            by_path[folder] = DatasetFolder(folder, parent.repeats, parent.class_tokens)
        else:
            skipped.append(folder.name)
            return None
        return settings.nested_folders

    again = _walk(root, enter)
    closed = [path for path in by_path if not _opens(path)]
    return DatasetFolders(
        read=[by_path[path] for path in _sorted(root, by_path) if path not in closed],
        skipped=sorted(skipped),
        numbered=sorted(numbered),
        again=[path.relative_to(root).as_posix() for path in _sorted(root, again) if _is_part(path, others)],
        closed=[path.relative_to(root).as_posix() for path in _sorted(root, closed)],
    )


def files_of(folder: Path) -> list[Path]:
    """Return the files of a folder by name, without hidden ones."""
    visible = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return sorted(visible, key=lambda p: p.name)


def repeats_and_tokens(name: str) -> tuple[int, str]:
    """Return what a folder's name says: 10 and 'cat' of '10_cat', 0 and '' where it says nothing; above MOST_REPEATS it is a name."""
    number, _, tokens = name.partition("_")
    return (int(number), tokens) if number.isdecimal() else (0, "")


def all_folders(root: Path) -> list[Path]:
    """Return a folder and all folders below it, each real one once, sorted by name; links are followed."""
    found = [root]

    def enter(folder: Path) -> bool:
        found.append(folder)
        return True

    _walk(root, enter)
    return [path for path in _sorted(root, found) if _opens(path)]


def _opens(folder: Path) -> bool:
    """Whether a folder can be listed; it may belong to another user."""
    try:
        os.scandir(folder).close()
    except OSError:
        return False
    return True


def _is_part(folder: Path, others: Collection[Path | None]) -> bool:
    return not folder.name.startswith(".") and folder not in others and folder.name != BACKUPS


def _sorted(root: Path, folders: Iterable[Path]) -> list[Path]:
    """Return folders by name, each followed by those that it holds."""
    return sorted(folders, key=lambda path: path.relative_to(root).parts)


def _walk(root: Path, enter: Callable[[Path], bool | None]) -> list[Path]:
    """Call `enter` for every folder below `root`, parents first; return the links to folders that were entered already.

    Real folders come before linked ones, so that what lies below `root` keeps its own name and not that of a link to it.

    Args:
        enter: returns None for a folder that is passed over, else whether its sub-folders are looked at as well.
    """
    seen, again = {os.path.realpath(root)}, []
    real, linked = deque([root]), deque[Path]()
    while real or linked:
        folder = real.popleft() if real else linked.popleft()
        if folder is not root:
            place = os.path.realpath(folder)
            if place in seen:
                again.append(folder)
                continue
            descends = enter(folder)
            if descends is None:
                continue
            seen.add(place)
            if not descends:
                continue
        children = sorted(path for path in folder.iterdir() if path.is_dir()) if _opens(folder) else ()
        for child in children:
            (linked if child.is_symlink() else real).append(child)
    return again
