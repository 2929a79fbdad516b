"""The building blocks of the report: bars, thumbnails, marks. Each returns the height it has taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ...drawing import ACCENT, INK, LINE, MUTED, font_for, shorten
from .finding import Level

COLOURS: dict[Level, tuple[int, int, int]] = {
    "error": (226, 92, 92),
    "warning": (228, 170, 72),
    "hint": (104, 156, 224),
}
PANEL = (36, 36, 41)
WELL = (18, 18, 21)

NAME = 16
"""Height of a thumbnail's name in pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A horizontal bar with its label and number."""

    label: str
    value: float
    said: str  # what stands behind the bar
    colour: tuple[int, int, int] = ACCENT


def text(pen: ImageDraw.ImageDraw, at: tuple[float, float], line: str, size: int, colour: tuple[int, int, int]) -> None:
    """Draw one line of text, `size` pixels high, with its top left corner at `at`."""
    pen.text(at, line, font=font_for(line, size), fill=colour)


def bars(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], width: int, title: str, rows: Sequence[Bar], more: str = ""
) -> int:
    """A titled panel of bars, labels left and numbers behind; `more` is a line below."""
    x, y = at
    line, pad, label_width = 22, 14, round(width * 0.34)
    height = bars_height(len(rows), more)
    pen.rounded_rectangle((x, y, x + width - 1, y + height - 1), 8, fill=PANEL)
    text(pen, (x + pad, y + 11), shorten(title, font_for(title, 15), width - 2 * pad), 15, INK)
    top = y + 42
    said_width = max((font_for(row.said, 12).getlength(row.said) for row in rows), default=0)
    room = width - 2 * pad - label_width - 10 - 8 - said_width
    largest = max((row.value for row in rows), default=0) or 1
    for row in rows:
        label = shorten(row.label, font_for(row.label, 13), label_width)
        text(pen, (x + pad, top + 1), label, 13, INK)
        left, length = x + pad + label_width + 10, max(2, room * row.value / largest)
        pen.rounded_rectangle((left, top + 3, left + length, top + 15), 3, fill=row.colour)
        text(pen, (left + length + 8, top + 2), row.said, 12, MUTED)
        top += line
    if more:
        text(pen, (x + pad, top + 2), shorten(more, font_for(more, 12), width - 2 * pad), 12, MUTED)
    return height


def bars_height(rows: int, more: str = "") -> int:
    """Height of a panel of bars."""
    return 42 + 22 * rows + (22 if more else 0) + 8


def thumbnail(sheet: Image.Image, at: tuple[int, int], side: int, image: Image.Image | None, name: str) -> None:
    """Draw a picture fitted into a dark square of `side` pixels, its name below; a cross for None (it cannot be read)."""
    x, y = at
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((x, y, x + side - 1, y + side - 1), fill=WELL)
    if image is None:
        pen.line((x + 8, y + 8, x + side - 9, y + side - 9), fill=LINE, width=2)
        pen.line((x + 8, y + side - 9, x + side - 9, y + 8), fill=LINE, width=2)
    else:
        scale = side / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        sheet.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2))
    text(pen, (x, y + side + 2), _label(name, side), 11, MUTED)


def _label(name: str, width: int) -> str:
    """Return a file's name without folder and ending; if too wide it is cut at the front, as names end with numbers."""
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    face = font_for(stem, 11)
    fitting = (stem if not cut else "…" + stem[cut:] for cut in range(len(stem)))
    return next((label for label in fitting if face.getlength(label) <= width), "…")


def mark(pen: ImageDraw.ImageDraw, at: tuple[int, int], level: Level, width: int = 74) -> None:
    """Draw a finding's level as a label in its colour."""
    x, y = at
    pen.rounded_rectangle((x, y, x + width, y + 21), 6, fill=COLOURS[level])
    pen.text((x + width / 2, y + 11), level, font=font_for(level, 13), fill=(20, 20, 22), anchor="mm")
