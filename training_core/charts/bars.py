"""Horizontal bars: a name left, what a bar stands for behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw
from PIL.Image import Image

from ..drawing import ACCENT, INK, LINE, MUTED, font_for, shorten
from . import paint
from .paint import ORANGE, Colour

ROW = 22
"""Height of a row of bars in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One row of a bar chart: a name, a bar, and what it stands for."""

    label: str
    value: float
    text: str  # behind the bar
    colour: Colour = ACCENT
    rest: float = 0.0  # the last part of the value, in orange
    shape: tuple[float, float] | None = None  # width and height of something whose outline stands before the label
    note: str = ""  # right before the bar


def chart(title: str, note: str, rows: Sequence[Bar], width: int = 900) -> Image:
    """Draw bars with a title and a note above them, as high as they need."""
    image, pen = paint.canvas((width, 64 + ROW * max(1, len(rows)) + 14))
    heading = font_for(title, 16)
    pen.text((16, 10), shorten(title, heading, width - 32), font=heading, fill=INK)
    pen.text((16, 36), note, font=font_for(note, 12), fill=MUTED)
    labels = [_width(row.label, 13) + (_width(f"    {row.note}", 13) if row.note else 0) for row in rows]
    before = max(labels, default=0.0) + (38 if any(row.shape for row in rows) else 0)
    draw(pen, (16, 64), width - 32, rows, min(round(before), width // 3))
    return image


def draw(pen: ImageDraw.ImageDraw, at: tuple[int, int], width: int, rows: Sequence[Bar], before: int) -> None:
    """Draw rows of bars into a width, the longest as long as the texts leave room.

    Args:
        pen: to draw with.
        at: left upper corner in pixels.
        width: of everything in pixels.
        rows: from above.
        before: width of what stands before the bars.
    """
    (left, y), start = at, at[0] + before + 12
    room = width - before - 12 - 8 - max((_width(row.text, 12) for row in rows), default=0.0)
    longest = max((row.value for row in rows), default=0.0) or 1.0
    for row in rows:
        x = left
        if row.shape:
            scale = (ROW - 5) / max(row.shape)
            w, h = (max(3.0, side * scale) / 2 for side in row.shape)
            pen.rectangle((x + 11 - w, y + 9 - h, x + 11 + w, y + 9 + h), outline=MUTED, fill=LINE)
            x += 38
        label = shorten(row.label, font_for(row.label, 13), start - 12 - x)
        pen.text((x, y + 1), label, font=font_for(label, 13), fill=INK)
        pen.text((start - 12, y + 1), row.note, font=font_for(row.note, 13), fill=MUTED, anchor="ra")
        end = start + max(2.0, room * row.value / longest)
        pen.rounded_rectangle((start, y + 3, end, y + 15), 3, fill=row.colour)
        if row.rest:
            cut = start + room * (row.value - row.rest) / longest
            pen.rounded_rectangle((cut, y + 3, end, y + 15), 3, fill=ORANGE)
        pen.text((end + 8, y + 2), row.text, font=font_for(row.text, 12), fill=MUTED)
        y += ROW


def _width(text: str, size: int) -> float:
    return font_for(text, size).getlength(text)
