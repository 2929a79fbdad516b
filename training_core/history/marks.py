"""What a user does with a run's saved files: give them a star, copy one under another name, discard one."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import AthanorError
from ..files import read_json, write_atomically, write_json
from .moved import Places
from .registry import Record
from .run_files import Remembered, with_companions


def stars(folder: Path) -> frozenset[str]:
    """Return the paths of the run's files that have a star (stars.json)."""
    places = Places(folder)
    return frozenset(places.now(path) for path in read_json(folder / "stars.json", []) if isinstance(path, str))


def has_stars(folder: Path) -> bool:
    """Return whether a file of the run has a star, without reading stars.json again while it is the same."""
    return _starred.of(f"{folder}/stars.json")


_starred = Remembered(lambda path: bool(stars(path.parent)), missing=False)


def star(record: Record, path: Path, on: bool) -> None:
    """Give a file its star, or take it away."""
    paths = stars(record.folder) - {str(path)} | ({str(path)} if on else set())
    write_json(record.folder / "stars.json", sorted(paths))


def copy(path: Path, target: Path) -> None:
    """Copy a file to `target`, whole or not at all.

    Raises:
        AthanorError: there is a file of that name.
    """
    if target.exists():
        raise AthanorError(f"{target.stem} exists already: give the copy another name.")
    write_atomically(target, lambda temporary: shutil.copyfile(path, temporary))


def discard(record: Record, path: Path, copies: Path | None = None) -> None:
    """Delete one saved file of a run, with its running mean, its copy in diffusers' names, and their second names.

    Args:
        copies: the folder of such copies.

    Raises:
        AthanorError: it is no file of the run.
    """
    if path not in [Path(event["path"]) for event in record.saved]:
        raise AthanorError(f"{path.name} is not a file of run {record.run_id}, or was deleted already.")
    for file in with_companions(path, copies, record.folder):
        file.unlink(missing_ok=True)
