"""What a user says of a run's files: which are worth keeping in mind, and which are kept under another name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..errors import AthanorError
from ..files import write_atomically
from .registry import Record


def stars(folder: Path) -> frozenset[str]:
    """The paths of a run's files that have a star."""
    try:
        found = json.loads((folder / "stars.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def star(record: Record, path: Path, on: bool) -> None:
    """Give a file its star, or take it away."""
    found = sorted(stars(record.folder) - {str(path)} | ({str(path)} if on else set()))
    write_atomically(
        record.folder / "stars.json", lambda temporary: temporary.write_text(json.dumps(found), encoding="utf-8")
    )


def copy(path: Path, target: Path) -> None:
    """Keep a file under another name as well.

    Raises:
        AthanorError: there is a file of that name.
    """
    if target.exists():
        raise AthanorError(f"{target.stem} exists already: give the copy another name.")
    write_atomically(target, lambda temporary: shutil.copyfile(path, temporary))
