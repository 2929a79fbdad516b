"""Where a run's files are after ComfyUI's folders were moved: its records name them by the absolute paths of their time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Places:
    """The folders of a run's files: as its records have them, else where the same ones are beside its output folder of today."""

    def __init__(self, run: Path) -> None:
        """`run`: the run's folder, output/athanor/runs/<run id> below the base directory."""
        parents = Path(os.path.abspath(run)).parents
        self._base = parents[3] if len(parents) > 3 else None
        self._found: dict[str, str] = {}

    def now(self, path: str) -> str:
        """Return the path of a file in a folder that was moved together with the run, or from another system; others as they are."""
        folder, slash, name = _cut(path)
        if not slash or not name:
            return path
        if folder not in self._found:
            self._found[folder] = self._find(folder)
        there = self._found[folder]
        return path if there == folder else os.path.join(there, name)  # noqa: PTH118 (texts, as the records have them)

    def in_rows(self, rows: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        """Return objects of JSON with `path` where it is now."""
        return tuple(row | {"path": self.now(row["path"])} if isinstance(row.get("path"), str) else row for row in rows)

    def _find(self, folder: str) -> str:
        parts = re.split(r"[/\\]", folder)
        if self._base is None or ".." in parts or os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises for odd names)
            return folder
        ways = (self._base.joinpath(*filter(None, parts[at:])) for at in range(1, len(parts)))
        return next((str(way) for way in ways if os.path.isdir(way)), folder)  # noqa: PTH112


def _cut(path: str) -> tuple[str, str, str]:
    at = max(path.rfind("/"), path.rfind("\\"))
    return path[: max(at, 0)], path[at : at + 1] if at >= 0 else "", path[at + 1 :]
