"""Names of the folders that a misspelt one may mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path


def sub_folders(roots: Sequence[Path]) -> Iterator[str]:
    """Yield the names of folders in `roots` and in those, as a Dataset Loader takes them; at most a few hundred.

    Folders without a file are left out, such as ComfyUI's own input/3d.
    """
    for root in roots:
        for name in _names_of_folders(root):
            inner = [f"{name}/{each}" for each in _names_of_folders(root / name) if _holds_a_file(root / name / each)]
            if inner or _holds_a_file(root / name):
                yield name
            yield from inner


def _holds_a_file(folder: Path) -> bool:
    """Return whether one of the first entries of a folder is a file that is not hidden."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.is_file() and not entry.name.startswith(".") for entry in islice(entries, 200))
    except OSError:
        return False


def _names_of_folders(folder: Path) -> list[str]:
    """Return the folders in a folder, at most 100 of them, in order; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = (entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
            return sorted(islice(found, 100))
    except OSError:
        return []
