"""Control pictures in a grid: beside the row, or above the column, of the pictures that were made from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ..drawing import MUTED
from ..pictures import UnreadablePicture, opened
from .control_pictures import file
from .pages import Grid, Strip

PART = 0.6
"""Width and height of a control picture, as a part of those of the grid's smallest picture."""
ARROW = 14
"""Pixels for the arrow from a row's control pictures to its pictures."""

Keys = tuple[str, ...]


class GridControls:
    """Where the control pictures of a plan.json stand: beside rows if all pictures of each row have the same, else above columns."""

    def __init__(self, document: Mapping[str, Any], folder: Path, grid: Grid) -> None:
        self._folder = folder
        of_cells = {key: tuple(keys) for key, keys in document.get("controls", {}).items()}
        at = {place: of_cells.get(key, ()) for place, key in grid.keys.items()}
        rows, columns = _agreed(at, 0), _agreed(at, 1)
        self._rows = rows or {}
        self._columns = columns or {} if rows is None else {}
        box = min(grid.widths()), min(grid.heights().values())
        self._size = max(32, round(box[0] * PART)), max(32, round(box[1] * PART))
        self._most = max(map(len, (*self._rows.values(), *self._columns.values())), default=0)

    def side(self, gap: int) -> int:
        """Return the pixels that they take beside the rows."""
        return self._most * (self._size[0] + gap) + ARROW if self._rows and self._most else 0

    def head(self, gap: int) -> int:
        """Return the pixels that they take above the columns."""
        return self._size[1] + gap if self._columns and self._most else 0

    def draw_row(
        self, sheet: Image.Image, pen: ImageDraw.ImageDraw, strip: Strip, corner: tuple[int, int], gap: int
    ) -> None:
        """Draw a row's pictures, from the upper left corner of their room."""
        keys = self._rows.get((strip.row, *strip.block), ())
        x, middle = corner[0] + gap, corner[1] + strip.height // 2
        x += (self._most - len(keys)) * (self._size[0] + gap)
        for key in keys:
            self._paste(sheet, key, (x, middle - self._size[1] // 2))
            x += self._size[0] + gap
        if keys:
            pen.polygon([(x, middle - 5), (x + 8, middle), (x, middle + 5)], fill=MUTED)

    def draw_column(
        self,
        sheet: Image.Image,
        pen: ImageDraw.ImageDraw,
        block: tuple[int, ...],
        column: int,
        place: tuple[int, int, int],
        gap: int,
    ) -> None:
        """Draw a column's pictures; `place`: its left side and width, and where its first picture begins."""
        keys = self._columns.get((column, *block), ())
        left, width, bottom = place
        size = min(self._size[0], max(16, (width - gap * (len(keys) - 1)) // max(1, len(keys))))
        x = left + (width - len(keys) * size - gap * (len(keys) - 1)) // 2
        for key in keys:
            self._paste(sheet, key, (x, bottom - gap - self._size[1]), size)
            x += size + gap

    def _paste(self, sheet: Image.Image, key: str, corner: tuple[int, int], width: int = 0) -> None:
        """Paste a picture into the middle of its box, scaled down to fit; nothing if its file is gone."""
        box = width or self._size[0], self._size[1]
        try:
            with opened(file(self._folder, key)) as image:
                picture = image.convert("RGB")
        except UnreadablePicture:
            return
        scale = min(box[0] / picture.width, box[1] / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
        sheet.paste(picture, (corner[0] + (box[0] - size[0]) // 2, corner[1] + (box[1] - size[1]) // 2))


def _agreed(at: Mapping[tuple[int, ...], Keys], along: int) -> dict[tuple[int, ...], Keys] | None:
    """Return what all cells along an axis (0: of a row, 1: of a column) have; None if some of them differ."""
    found: dict[tuple[int, ...], Keys] = {}
    for place, keys in at.items():
        line = (*place[:along], *place[along + 1 :])
        if found.setdefault(line, keys) != keys:
            return None
    return found
