"""The building blocks of the report: panels of bars, thumbnails, marks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ...charts import bars
from ...charts.bars import Bar
from ...drawing import INK, LINE, MUTED, font_for, shorten
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


def text(pen: ImageDraw.ImageDraw, at: tuple[float, float], line: str, size: int, colour: tuple[int, int, int]) -> None:
    """Draw one line of text, `size` pixels high, with its top left corner at `at`."""
    pen.text(at, line, font=font_for(line, size), fill=colour)


def bar_panel(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], width: int, title: str, rows: Sequence[Bar], more: str = ""
) -> int:
    """Draw a titled panel of bars and return its height; `more` is a line below them."""
    (x, y), pad, height = at, 14, bars_height(len(rows), more)
    pen.rounded_rectangle((x, y, x + width - 1, y + height - 1), 8, fill=PANEL)
    text(pen, (x + pad, y + 11), shorten(title, font_for(title, 15), width - 2 * pad), 15, INK)
    bars.draw(pen, (x + pad, y + 42), width - 2 * pad, rows, round(width * 0.34))
    if more:
        below = y + 42 + bars.ROW * len(rows)
        text(pen, (x + pad, below + 2), shorten(more, font_for(more, 12), width - 2 * pad), 12, MUTED)
    return height


def bars_height(rows: int, more: str = "") -> int:
    """Return the height of a panel of bars."""
    return 42 + bars.ROW * (rows + bool(more)) + 8


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
    if face.getlength(stem) <= width:
        return stem
    cut = bisect_left(range(1, len(stem)), True, key=lambda n: face.getlength("…" + stem[n:]) <= width)
    return "…" + stem[cut + 1 :]


def mark(pen: ImageDraw.ImageDraw, at: tuple[int, int], level: Level, width: int = 74) -> None:
    """Draw a finding's level as a label in its colour."""
    x, y = at
    pen.rounded_rectangle((x, y, x + width, y + 21), 6, fill=COLOURS[level])
    pen.text((x + width / 2, y + 11), level, font=font_for(level, 13), fill=(20, 20, 22), anchor="mm")
