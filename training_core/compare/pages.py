"""Where the pictures and labels of a grid stand, page by page (pure arithmetic over a plan)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

SIDE = 16383
"""Longest side of a page: what WebP can hold, and viewers show."""


@dataclass(frozen=True, slots=True)
class Named:
    """An axis as a grid shows it."""

    title: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """Axes in their places, and which cell stands where. The first is columns, the second rows, others blocks."""

    axes: tuple[Named, ...]
    keys: Mapping[tuple[int, ...], str]
    sizes: Mapping[str, tuple[int, int]]  # pixels, as drawn in the grid

    @property
    def columns(self) -> Named:
        """The axis that changes from left to right."""
        return self.axes[0]

    @property
    def rows(self) -> Named:
        """The axis that changes from top to bottom."""
        return self.axes[1]

    def blocks(self) -> list[tuple[tuple[int, ...], str]]:
        """Positions on the further axes, and what they are called."""
        further = self.axes[2:]
        result = []
        for at in product(*(range(len(axis.values)) for axis in further)):
            names = [
                f"{axis.title}: {axis.values[i]}" for axis, i in zip(further, at, strict=True) if len(axis.values) > 1
            ]
            result.append((at, "    ".join(names)))
        return result

    def heights(self) -> dict[tuple[tuple[int, ...], int], int]:
        """Return the height in pixels of each row of each block: that of its tallest picture."""
        heights: dict[tuple[tuple[int, ...], int], int] = {}
        for at, size in self._placed():
            key = (at[2:], at[1])
            heights[key] = max(heights.get(key, 0), size[1])
        return heights

    def widths(self) -> list[int]:
        """Return the width in pixels of each column: that of its widest picture."""
        widths = [0] * len(self.columns.values)
        for at, size in self._placed():
            widths[at[0]] = max(widths[at[0]], size[0])
        return widths

    def _placed(self) -> Iterator[tuple[tuple[int, ...], tuple[int, int]]]:
        for at, key in self.keys.items():
            yield at, self.sizes[key]


SWAPS = {"as planned": (0, 1, 2), "swap x and y": (1, 0, 2), "swap y and z": (0, 2, 1), "swap x and z": (2, 1, 0)}


def grid(document: Mapping[str, Any], swap: str = "as planned", cell_size: int = 0) -> Grid:
    """Return the grid of a plan.json.

    Args:
        swap: which axes change places.
        cell_size: longest side of a picture in the grid; 0: as it is.
    """
    axes = [Named(a["title"], tuple(a["values"])) for a in document["axes"]]
    while len(axes) < 3:
        axes.append(Named("", ("",)))
    order = [*SWAPS[swap], *range(3, len(axes))]
    positions = product(*(range(len(axis.values)) for axis in axes))
    keys = {tuple(at[i] for i in order): key for at, key in zip(positions, document["cells"], strict=True)}
    return Grid(tuple(axes[i] for i in order), keys, {k: fit(v, cell_size) for k, v in document["sizes"].items()})


def fit(size: Sequence[int], longest: int) -> tuple[int, int]:
    """(width, height) scaled down until the longer side is at most `longest` (0: as it is)."""
    width, height = size
    scale = min(1.0, longest / max(width, height)) if longest else 1.0
    return max(1, round(width * scale)), max(1, round(height * scale))


@dataclass(frozen=True, slots=True)
class Strip:
    """One row of one block."""

    block: tuple[int, ...]
    row: int
    height: int
    starts: bool  # first of its block on the page: the block's name and the column labels stand above it


@dataclass(frozen=True, slots=True)
class Page:
    """Columns [first, end), and the strips below one another."""

    first: int
    end: int
    strips: tuple[Strip, ...]
    size: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Pixels that the labels of a page take up."""

    side: int  # row labels
    title: int
    head: int  # block name and column labels, above each block
    gap: int
    foot: int = 0  # a score, below each picture


def pages(layout: Grid, room: Room, pixels: float) -> list[Page]:
    """Split a grid so that no page has more than `pixels` pixels or a side beyond SIDE; one picture always fits."""
    widths, heights = layout.widths(), layout.heights()
    rows = [(block, row) for block, _ in layout.blocks() for row in range(len(layout.rows.values))]
    result = []
    for first, end in _chunks(widths, room, pixels, max(heights.values()) + room.foot):
        width = room.side + sum(w + room.gap for w in widths[first:end]) + room.gap
        limit = min(SIDE, max(1.0, pixels / width))
        parts: list[list[Strip]] = []
        used = limit + 1
        for block, row in rows:
            height = heights[block, row] + room.foot
            starts = not parts or parts[-1][-1].block != block
            need = height + room.gap + starts * room.head
            if used + need > limit:
                parts.append([])
                used, starts, need = room.title + room.gap, True, height + room.gap + room.head
            parts[-1].append(Strip(block, row, height, starts))
            used += need
        for strips in parts:
            tall = room.title + room.gap + sum(s.height + room.gap + s.starts * room.head for s in strips)
            result.append(Page(first, end, tuple(strips), (width, tall)))
    return result


def _chunks(widths: Sequence[int], room: Room, pixels: float, tallest: int) -> list[tuple[int, int]]:
    """Columns that fit beside one another."""
    least = room.title + room.head + tallest + 2 * room.gap
    limit = min(SIDE, pixels / least, max(math.sqrt(3 * pixels), room.side + max(widths) + 2 * room.gap))
    # All pages about equally wide.
    steps = [width + room.gap for width in widths]
    count = math.ceil(sum(steps) / max(1.0, limit - room.side - room.gap))
    chunks, first, done, used = [], 0, 0.0, room.side + room.gap
    for i, step in enumerate(steps):
        due = len(chunks) + 1 < count and done + step / 2 > sum(steps) * (len(chunks) + 1) / count
        if i > first and (due or used + step > limit):
            chunks.append((first, i))
            first, used = i, room.side + room.gap
        used += step
        done += step
    return [*chunks, (first, len(widths))]
