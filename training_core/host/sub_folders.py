"""Names of the folders that a misspelt one may mean."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path


def sub_folders(roots: Sequence[Path]) -> Iterator[str]:
    """Yield the names of folders in `roots` and in those, as a Dataset Loader takes them; at most a few hundred."""
    for root in roots:
        above = _names_of_folders(root)
        yield from above
        for name in above:
            yield from (f"{name}/{inner}" for inner in _names_of_folders(root / name))


def _names_of_folders(folder: Path) -> list[str]:
    """Return the folders in a folder, at most 100 of them, in order; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = (entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
            return sorted(islice(found, 100))
    except OSError:
        return []
