"""Scores in a grid: a number and a small bar under each picture."""

from __future__ import annotations

from pathlib import Path

from PIL import ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, font, wrap
from ..history import scores
from .pages import Grid

COPY = (255, 154, 122)


class GridScores:
    """The first kind of score that the pictures of a comparison have; `foot` is 0 where there is none."""

    def __init__(self, folder: Path, grid: Grid) -> None:
        found = scores.of_comparison(folder)
        cells = {key: found.cells[key] for key in grid.sizes if key in found.cells} if found else {}
        kinds = (
            [kind for kind in found.scorer.kinds if any(kind.name in c.values for c in cells.values())] if found else []
        )
        self._size = max(11, min(24, round(min(grid.widths()) / 18)))
        self.foot, self.title = (
            (round(self._size * 1.6), f"{kinds[0].title} by {found.scorer.title}") if kinds and found else (0, "")
        )
        if not kinds:
            return
        self._values = {key: cell.values[kinds[0].name] for key, cell in cells.items() if kinds[0].name in cell.values}
        self._copies = {key for key, cell in cells.items() if cell.copy}
        self._low, self._high = min(self._values.values()), max(self._values.values())
        self._rising = kinds[0].high_is_better

    def draw(self, pen: ImageDraw.ImageDraw, key: str, place: tuple[int, int, int]) -> None:
        """Draw the score of a cell; `place`: left side and width of its column, and the bottom of its row."""
        if not self.foot or key not in self._values:
            return
        left, width, bottom = place
        value, middle = self._values[key], bottom - self.foot // 2
        words, colour = (f"{value:.3f} copy?", COPY) if key in self._copies else (f"{value:.3f}", INK)
        small = font(self._size)
        shown = wrap(words, small, width, 1)[0]
        pen.text((left + 2, middle), shown, font=small, fill=colour, anchor="lm")
        start, end = left + 2 + small.getlength(shown) + 8, left + width - 2
        if end - start < 12:
            return
        part = (value - self._low) / (self._high - self._low) if self._high > self._low else 1.0
        part = part if self._rising else 1 - part
        half = max(2, self._size // 6)
        pen.rectangle((start, middle - half, end, middle + half), fill=LINE)
        if part > 0:
            pen.rectangle(
                (start, middle - half, start + (end - start) * part, middle + half),
                fill=ACCENT if colour == INK else MUTED,
            )
