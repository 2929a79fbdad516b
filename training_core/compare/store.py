"""A comparison's folder: plan.json, cells.jsonl and cells/<id>.png, whole and readable at any moment."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import AthanorError
from ..files import append_line, link_or_copy, make_folder, read_lines, write_atomically, write_json
from ..leftovers import sweep
from ..text_files import whole_characters
from .plan_file import read_plan, read_whole_plan

PAGE = re.compile(r"(grid|redrawn)(-\d{1,6})?\.(png|jpg|webp)")
"""Names of the files that hold the pages of a comparison's grid, and of its last redrawn one."""
_END = b"\0\0\0\0IEND\xaeB`\x82"
"""The last chunk of every PNG, its empty length and its checksum included."""


class PictureStore:
    """One comparison on disk. Pictures that other comparisons have drawn are taken over by their identity."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cells, self._log = folder, folder / "cells", folder / "cells.jsonl"

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Write plan.json, unless it is there and can be read: the folder's name is made of what is in it.

        What a killed process has left in the folder is swept before.
        """
        viewer = self.folder / "viewer"
        sweep((self.folder, self.cells, viewer, viewer / "cells"))
        try:
            read_whole_plan(self.folder)
        except AthanorError:
            write_json(self.folder / "plan.json", plan, indent=1)

    def path(self, key: str) -> Path:
        """Return the file of a cell's picture, whether it is there or not."""
        return self.cells / f"{key}.png"

    def available(self, keys: Iterable[str]) -> set[str]:
        """Return the keys whose pictures lie here or in the folder of another comparison."""
        own, missing = self._split(keys)
        return own | elsewhere(self.folder, missing).keys()

    def take_over(self, keys: Iterable[str]) -> None:
        """Link the pictures that only other comparisons have into this folder."""
        for key, source in elsewhere(self.folder, self._split(keys)[1]).items():
            link_or_copy(source, self.path(key))

    def _split(self, keys: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the keys whose pictures are in this folder, and those whose are not."""
        wanted = set(keys)
        own = {key for key in wanted if is_whole(self.path(key))}
        return own, wanted - own

    def add(self, key: str, write: Callable[[Path], object], **values: Any) -> Path:
        """Write a picture, then its line in cells.jsonl: a crash between the two costs the line, not the picture."""
        write_atomically(self.path(key), write)
        self.log_cell(key, status="done", bytes=self.path(key).stat().st_size, **values)
        return self.path(key)

    def log_cell(self, key: str, **values: Any) -> None:
        """Append a line about a cell to cells.jsonl, and wait until it is on the disk."""
        make_folder(self.folder)
        line = json.dumps({"cell": key, "time": time.time(), **values}, ensure_ascii=False)
        append_line(self._log, whole_characters(line), durable=True)


def is_whole(path: Path) -> bool:
    """Whether a PNG is there to its end; one that a full disk or a power cut has left cut is drawn again."""
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - len(_END), 0))
            return file.read() == _END
    except OSError:
        return False


def elsewhere(folder: Path, keys: set[str]) -> dict[str, Path]:
    """Pictures of `keys` in the folders of other comparisons."""
    result: dict[str, Path] = {}
    if not keys or not folder.parent.is_dir():
        return result
    for other in folder.parent.iterdir():
        if other == folder or not (other / "cells").is_dir():
            continue
        with os.scandir(other / "cells") as entries:
            for entry in entries:
                key = entry.name.removesuffix(".png")
                if key in keys and entry.name.endswith(".png") and is_whole(Path(entry.path)):
                    result[key] = Path(entry.path)
    return result


def failures(folder: Path) -> dict[str, str]:
    """Return why cells could not be drawn, by cell; those that were drawn later are in it, too."""
    lines = [line for line in read_lines(folder / "cells.jsonl") if "error" in line]
    return {line["cell"]: str(line["error"]) for line in lines if isinstance(line.get("cell"), str)}


def newest(root: Path, limit: int = 50) -> list[Path]:
    """Return the folders of the comparisons that were planned last."""
    plans = [p for p in root.glob("*/plan.json") if p.is_file()] if root.is_dir() else []
    return [p.parent for p in sorted(plans, key=lambda p: -p.stat().st_mtime)[:limit]]


def known_seeds(root: Path, family: str) -> dict[int, int]:
    """Return the random seeds that comparisons of this family have drawn before: so that they can be extended."""
    result: dict[int, int] = {}
    for folder in newest(root):
        try:
            plan = read_plan(folder)
        except AthanorError:
            continue
        if plan.get("family") == family:
            result = {int(number): seed for number, seed in plan.get("seeds", {}).items()} | result
    return result


def speeds(root: Path, model: str) -> tuple[float, float] | None:
    """(seconds per step and megapixel, bytes per pixel), measured in earlier comparisons with this model."""
    seconds, sizes = [], []
    for folder in newest(root, 10):
        for line in read_lines(folder / "cells.jsonl"):
            measured = [line.get(name) for name in ("seconds", "work", "bytes", "pixels")]
            if line.get("status") == "done" and line.get("model") == model and all(map(_is_positive, measured)):
                seconds.append(line["seconds"] / line["work"])
                sizes.append(line["bytes"] / line["pixels"])
        if len(seconds) >= 20:
            break
    if not seconds:
        return None
    seconds.sort()
    return seconds[len(seconds) // 2], sum(sizes) / len(sizes)


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < 1e18  # pyright: ignore[reportOperatorIssue] # it is a number
