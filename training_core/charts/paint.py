"""What line charts as pictures are made of: canvas, axes, lines, dots, legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font, font_for
from .scale import Panel, number, ticks

Colour = tuple[int, int, int]
ORANGE, BLUE = (240, 170, 80), (120, 150, 220)
COLOURS: tuple[Colour, ...] = (
    ACCENT, (240, 150, 70), (100, 160, 250), (235, 100, 130), (190, 130, 240), (225, 205, 90), (90, 205, 215),
    (200, 200, 205), (160, 120, 90), (120, 220, 60),
)  # fmt: skip
"""Of lines that stand for different things; the eleventh line has the first colour again."""


def canvas(size: tuple[int, int], title: str = "") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty picture with a title, and the pen to draw on it."""
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((16, 10), title, font=font_for(title, 17), fill=INK)
    return image, pen


def faint(colour: Colour, part: float = 0.28) -> Colour:
    """Return a colour mixed with the paper's; `part`: of the colour."""
    red, green, blue = (round(p + (c - p) * part) for c, p in zip(colour, PAPER, strict=True))
    return red, green, blue


def left_axis(pen: ImageDraw.ImageDraw, panel: Panel, count: float, title: str = "") -> None:
    """Draw about `count` horizontal lines at round values, their numbers left of them, and the panel's name above."""
    left, top, right, _ = panel.box
    for value in panel.ticks(count):
        y = panel.at_y(value)
        pen.line((left, y, right, y), fill=LINE)
        pen.text((left - 8, y), number(value), font=font(12), fill=MUTED, anchor="rm")
    pen.text((left, top - 3), title, font=font(13), fill=MUTED, anchor="lb")


def right_axis(pen: ImageDraw.ImageDraw, panel: Panel, count: float, colour: Colour) -> None:
    """Draw about `count` round values right of the panel."""
    for value in panel.ticks(count):
        pen.text((panel.box[2] + 8, panel.at_y(value)), number(value), font=font(12), fill=colour, anchor="lm")


def bottom_axis(pen: ImageDraw.ImageDraw, panel: Panel, title: str) -> None:
    """Draw whole round numbers below the panel, and the name of the axis below the last of them."""
    _, _, right, bottom = panel.box
    for value in ticks(*panel.x, 8, least=1):
        x = panel.at_x(value)
        pen.line((x, bottom, x, bottom + 5), fill=MUTED)
        pen.text((x, bottom + 8), number(value), font=font(12), fill=MUTED, anchor="ma")
    pen.text((right, bottom + 36), title, font=font(12), fill=MUTED, anchor="rm")


def line(
    pen: ImageDraw.ImageDraw,
    panel: Panel,
    points: Iterable[tuple[float, float]],
    colour: Colour,
    width: int = 1,
) -> None:
    """Draw a line through points in the panel's values; one that is not finite interrupts it, one alone is a dot.

    Of more than four points per pixel of width, the extremes of every column of pixels are drawn.
    """
    points = list(points)
    dense = len(points) > 4 * (panel.box[2] - panel.box[0])
    stretch: list[tuple[float, float]] = []
    for x, y in [*points, (0.0, math.nan)]:
        if math.isfinite(y):
            stretch.append(panel.place(x, y))
            continue
        if dense:
            stretch = _extremes(stretch)
        if len(stretch) > 1:
            pen.line(stretch, fill=colour, width=width, joint="curve" if width > 1 else None)
        elif stretch:
            dots(pen, stretch, (width + 1) / 2, colour)
        stretch = []


def _extremes(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the highest and the lowest point of every column of pixels."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(point[0]), []).append(point)
    return [p for c in columns.values() for p in sorted({min(c, key=_height), max(c, key=_height)})]


def _height(point: tuple[float, float]) -> float:
    return point[1]


def dots(pen: ImageDraw.ImageDraw, places: Iterable[tuple[float, float]], radius: float, colour: Colour) -> None:
    """Draw discs around pixels."""
    for x, y in places:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def legend(pen: ImageDraw.ImageDraw, entries: Iterable[tuple[str, Colour]], y: int = 42) -> None:
    """Draw names behind squares of their colours, in one row."""
    x = 16.0
    for text, colour in entries:
        pen.rectangle((x, y, x + 14, y + 12), fill=colour)
        pen.text((x + 20, y - 2), text, font=font_for(text, 13), fill=colour)
        x += 44 + font_for(text, 13).getlength(text)


def end_labels(pen: ImageDraw.ImageDraw, panel: Panel, ends: Iterable[tuple[float, str, Colour]]) -> None:
    """Write (pixel y, text, colour) right of the panel, moved down where they would overlap."""
    last = -math.inf
    for y, text, colour in sorted(end for end in ends if math.isfinite(end[0])):
        last = max(y, last + 15)
        pen.text((panel.box[2] + 6, last), text, font=font(13), fill=colour, anchor="lm")
