"""Draw a grid from the pictures on disk, page by page."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ..drawing import INK, LINE, MUTED, PAPER, font_for, wrap
from ..pictures import UnreadablePicture, opened
from ..settings import GridSettings
from .grid_controls import GridControls
from .grid_scores import GridScores
from .pages import Grid, Page, Room, grid, pages
from .store import failures

TILE = (44, 36, 40)
TROUBLE = (224, 128, 112)


@dataclass(frozen=True, slots=True)
class WrappedLabels:
    """All labels of an axis in one size, broken into lines."""

    size: int
    lines: tuple[tuple[str, ...], ...]

    @property
    def line(self) -> int:
        """Pixels from one line to the next."""
        return round(self.size * 1.25)

    @property
    def height(self) -> int:
        """Of the tallest label."""
        return self.line * max(map(len, self.lines), default=0)


def wrapped_labels(labels: Sequence[str], width: int, most: int, size: int, floor: float = 0.6) -> WrappedLabels:
    """Labels in `width` pixels: one size for all, at least `floor` of `size`; then more than `most` lines.

    Words are broken only if the smallest size does not help, and nothing is cut before 12 lines are full; then the
    middle goes, never the end.
    """
    if fitted := fitted_labels(labels, width, most, size, floor):
        return fitted
    smallest = max(9, round(size * floor))
    return WrappedLabels(smallest, tuple(tuple(wrap(label, font_for(label, smallest), width, 12)) for label in labels))


def fitted_labels(labels: Sequence[str], width: int, most: int, size: int, floor: float = 0.6) -> WrappedLabels | None:
    """Return the same, but None where something would be cut: that is found at the first long label."""
    smallest = max(9, round(size * floor))
    sizes = range(max(size, smallest), smallest - 1, -1)
    for whole_words in (True, False):
        for points in sizes:
            if whole_words and longest_word(labels, points) > width:
                continue
            if fitted := _uncut(labels, width, most, points):
                return fitted
    return _uncut(labels, width, 12, smallest)


def _uncut(labels: Sequence[str], width: int, most: int, size: int) -> WrappedLabels | None:
    """Return the labels in this size; None as soon as one of them does not fit into `most` lines."""
    result = []
    for label in labels:
        lines = wrap(label, font_for(label, size), width, most)
        if cut(lines, label):
            return None
        result.append(tuple(lines))
    return WrappedLabels(size, tuple(result))


def longest_word(labels: Sequence[str], size: int) -> float:
    """Pixels of the longest piece that has no place to break at."""
    words = {word for label in labels for word in _WORD.findall(label)}
    longest = 0.0
    for word in sorted(words, key=len, reverse=True):
        if len(word) * size * _WIDEST < longest:  # no shorter one can be wider
            break
        longest = max(longest, font_for(word, size).getlength(word))
    return longest


_WIDEST = 1.5
"""The width of the widest sign, in sizes of the font."""


_WORD = re.compile(r"[\u2e80-\uffef]|[^ ,_\-./\u2e80-\uffef]+[,_\-./]?")


def cut(lines: Sequence[str], label: str) -> bool:
    """Return whether something of the label is missing."""
    return len("".join("".join(lines).split())) < len("".join(label.split()))


class Painter:
    """Draws the pages of one comparison."""

    def __init__(self, document: Mapping[str, Any], folder: Path, settings: GridSettings) -> None:
        self._folder, self._settings = folder, settings
        self.grid: Grid = grid(document, settings.swap, settings.cell_size)
        self._errors = failures(folder)
        widths, heights = self.grid.widths(), self.grid.heights()
        cell = (min(widths), min(heights.values()))
        scale = max(1.0, min(3.0, min(widths) / 256))
        self._big, size = round(16 * scale), round(13 * scale)
        self._scores = GridScores(folder, self.grid) if settings.scores else None
        foot = self._scores.foot if self._scores else 0
        self._title = "  ·  ".join(filter(None, (document["title"], self._scores.title if self._scores else "")))
        self._controls = GridControls(document, folder, self.grid) if settings.legend else None
        if self._controls is not None:
            self._columns = wrapped_labels(self.grid.columns.values, cell[0], 4, size)
            self._rows, side = self._row_texts(size, cell[1], sum(widths))
            self._blocks = size
            named = any(label for _, label in self.grid.blocks())
            self._corner = (round(size * 0.85), self._corner_lines(side, round(size * 0.85)))
            corner = round(size * 0.85 * 1.25) * len(self._corner[1])
            self._block_head = round(size * 1.9) if named else 0
            gap = settings.margin
            side += self._controls.side(gap)
            head = self._block_head + max(self._columns.height, corner) + 8 + self._controls.head(gap)
            self._room = Room(side=side, title=0, head=head, gap=gap)
            width = side + sum(w + gap for w in widths) + gap
            self._room = Room(side=side, title=self._title_height(min(width, 4000)), head=head, gap=gap, foot=foot)
        else:
            self._room = Room(side=0, title=0, head=0, gap=settings.margin, foot=foot)
        self.pages: list[Page] = pages(self.grid, self._room, settings.page_megapixels * 1e6)

    def _row_texts(self, size: int, height: int, width: int) -> tuple[WrappedLabels, int]:
        """Row labels, and the width of their place: it grows until all of them can be read in whole words."""
        labels, small = self.grid.rows.values, round(size * 0.85)
        widest = max(size * 12, min(size * 26, width))
        longest = max((font_for(label, size).getlength(label[:widest]) for label in labels), default=0)
        titles = [t for t in (self.grid.columns.title, self.grid.rows.title) if t]
        least = min(widest, max(longest_word(labels, size), longest_word(titles, small) + small if titles else 0))
        text, most = None, max(1, int(height // (size * 1.25)))
        side = widest
        for side in dict.fromkeys([*(size * n for n in (5, 8, 11, 15, 20) if least < size * n < widest), widest]):
            side = round(max(least, min(side, longest)) + 1)
            text = fitted_labels(labels, side, most, size)
            if text and text.height <= height:
                break
        text = text or wrapped_labels(labels, side, most, size)
        used = max((font_for(line, text.size).getlength(line) for lines in text.lines for line in lines), default=0)
        return text, int(max(used, least if titles else 0)) + 12 + max(6, self._settings.margin)

    def _corner_lines(self, side: int, size: int) -> list[tuple[str, str]]:
        """Return the axes' titles, in the corner; after the last line of each an arrow says which way it goes."""
        lines: list[tuple[str, str]] = []
        for title, direction in ((self.grid.columns.title, "right"), (self.grid.rows.title, "down")):
            if title:
                words = wrap(title, font_for(title, size), max(40, side - 16 - size), 3)
                lines += [(line, direction if i == len(words) - 1 else "") for i, line in enumerate(words)]
        return lines

    def _title_lines(self, width: int) -> list[str]:
        return wrap(self._title, font_for(self._title, self._big), max(120, width - 24), 4) if self._title else []

    def _title_height(self, width: int) -> int:
        return round(self._big * 1.3) * max(1, len(self._title_lines(width))) + self._big // 2

    def draw(self) -> Iterator[Image.Image]:
        """Yield the pages, one after the other: only one is in memory at a time."""
        total = len(self.pages)
        for number, page in enumerate(self.pages, 1):
            yield self._page(page, f"page {number} of {total}" if total > 1 else "")

    def _page(self, page: Page, note: str) -> Image.Image:
        room, widths = self._room, self.grid.widths()
        sheet = Image.new("RGB", page.size, PAPER)
        pen = ImageDraw.Draw(sheet)
        if self._settings.legend:
            self._draw_title(pen, page, note)
        names = dict(self.grid.blocks())
        y = room.title + room.gap
        for strip in page.strips:
            if strip.starts and self._settings.legend:
                self._draw_head(pen, page, y, names[strip.block], strip.row > 0)
                self._draw_controls(sheet, pen, page, y + room.head, strip.block)
            y += room.head * strip.starts
            if self._controls is not None:
                lines, text = self._rows.lines[strip.row], self._rows
                middle, right = y + strip.height // 2, room.side - self._controls.side(room.gap)
                self._controls.draw_row(sheet, pen, strip, (right, y), room.gap)
                for i, words in enumerate(lines):
                    at = (right - 10, middle + round((i - (len(lines) - 1) / 2) * text.line))
                    pen.text(at, words, font=font_for(words, text.size), fill=INK, anchor="rm")
            x = room.side + room.gap
            for column in range(page.first, page.end):
                key = self.grid.keys[(column, strip.row, *strip.block)]
                self._paste(sheet, pen, key, (x, y, widths[column], strip.height - room.foot))
                if self._scores is not None:
                    self._scores.draw(pen, key, (x, widths[column], y + strip.height))
                x += widths[column] + room.gap
            y += strip.height + room.gap
        return sheet

    def _draw_title(self, pen: ImageDraw.ImageDraw, page: Page, note: str) -> None:
        lines = wrap(self._title, font_for(self._title, self._big), max(120, page.size[0] - 24), 4) or [""]
        room = self._room.title - self._big // 2
        step = round(self._big * 1.3)
        for i, words in enumerate(lines[: max(1, room // step)]):
            pen.text(
                (12, self._big // 4 + i * step + step // 2),
                words,
                font=font_for(words, self._big),
                fill=INK,
                anchor="lm",
            )
        if note:
            size = round(self._big * 0.75)
            at = (page.size[0] - 12, self._big // 4 + step // 2)
            box = pen.textbbox(at, note, font=font_for(note, size), anchor="rm")
            pen.rectangle((box[0] - 8, box[1] - 4, box[2] + 8, box[3] + 4), fill=PAPER)
            pen.text(at, note, font=font_for(note, size), fill=MUTED, anchor="rm")

    def _draw_head(self, pen: ImageDraw.ImageDraw, page: Page, y: int, name: str, continued: bool) -> None:
        """The block's name, the axes' titles in the corner and the column labels."""
        room, text = self._room, self._columns
        if name:
            name += "  (continued)" if continued else ""
            pen.line((room.gap, y + 1, page.size[0] - room.gap, y + 1), fill=LINE)
            shown = wrap(name, font_for(name, self._blocks), page.size[0] - 24, 1)
            middle = y + self._block_head // 2 + 1
            pen.text((12, middle), shown[0], font=font_for(name, self._blocks), fill=INK, anchor="lm")
        bottom = y + room.head - 5
        size, lines = self._corner
        if self._controls is not None:
            bottom -= self._controls.head(room.gap)
        for i, (words, direction) in enumerate(lines):
            right, low = room.side - 10, bottom - round(size * 1.25) * (len(lines) - 1 - i)
            if direction:
                _arrow(pen, right, low - size * 0.55, size * 0.3, direction)
                right -= round(size * 0.9)
            pen.text((right, low), words, font=font_for(words, size), fill=MUTED, anchor="rb")
        x, widths = room.side + room.gap, self.grid.widths()
        for column in range(page.first, page.end):
            lines = text.lines[column]
            for i, words in enumerate(lines):
                at = (x + widths[column] // 2, bottom - text.line * (len(lines) - 1 - i))
                pen.text(at, words, font=font_for(words, text.size), fill=INK, anchor="mb")
            x += widths[column] + room.gap

    def _draw_controls(
        self, sheet: Image.Image, pen: ImageDraw.ImageDraw, page: Page, bottom: int, block: tuple[int, ...]
    ) -> None:
        """The control pictures of each column, above it."""
        x, widths = self._room.side + self._room.gap, self.grid.widths()
        for column in range(page.first, page.end):
            if self._controls is not None:
                self._controls.draw_column(sheet, pen, block, column, (x, widths[column], bottom), self._room.gap)
            x += widths[column] + self._room.gap

    def _paste(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, key: str, place: tuple[int, int, int, int]) -> None:
        """The picture in the middle of its place, or a tile that says why there is none."""
        x, y, width, height = place
        size = self.grid.sizes[key]
        left, top = x + (width - size[0]) // 2, y + (height - size[1]) // 2
        path = self._folder / "cells" / f"{key}.png"
        try:
            with opened(path) as image:
                picture = image.convert("RGB")
        except UnreadablePicture:
            words = f"failed: {self._errors[key]}" if key in self._errors else "not drawn yet"
            pen.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), fill=TILE, outline=TROUBLE)
            points = max(9, min(14, size[0] // 12))
            most = max(1, math.floor((size[1] - 8) / (points * 1.25)))
            for i, line in enumerate(wrap(words, font_for(words, points), max(20, size[0] - 10), most)):
                pen.text(
                    (left + 5, top + 5 + round(i * points * 1.25)), line, font=font_for(line, points), fill=TROUBLE
                )
            return
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.LANCZOS)
        sheet.paste(picture, (left, top))


def _arrow(pen: ImageDraw.ImageDraw, right: float, middle: float, half: float, direction: str) -> None:
    """A small triangle that ends at `right`, `half` pixels to each side (fonts lack the signs)."""
    left, centre = right - 2 * half, right - half
    if direction == "right":
        pen.polygon([(left, middle - half), (right, middle), (left, middle + half)], fill=MUTED)
    else:
        pen.polygon([(left, middle - half), (right, middle - half), (centre, middle + half)], fill=MUTED)
