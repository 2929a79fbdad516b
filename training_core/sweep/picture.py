"""The ranking of a sweep as a picture: a table, and each run's lowest probe as a dot with its noise."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font_for, shorten, wrap
from .ranking import Row, cells, heads, sentences, short_cells, short_heads

NARROW, WIDTH, PAD, ROW, TEXT = 800, 1280, 24, 30, 16
"""The least and the greatest width, the margin, the height of a row and of its letters, in pixels."""
SHORT = 480, 640
"""The least and the greatest width of the short form: letters stay legible on a node of 300 pixels."""
DOTS = 150
"""Width of the column with the dots."""
MOST = 60
"""Rows that are drawn; the text has all of them."""
WARN = (240, 170, 80)


def draw(title: str, rows: Sequence[Row], seeds: int | None = None, *, short: bool = False) -> Image.Image:
    """Return the picture, RGB, 800 to 1280 pixels wide, as its texts need, and as high as its rows.

    Args:
        rows: as `ranking.ranked` gives them.
        seeds: which of the settings that vary is the seed; None: none is.
        short: for a node, which is narrow and says the sentences itself: place, values, dot and probe alone.
    """
    shown, names = rows[:MOST], short_heads(rows) if short else heads(rows)
    table = [names, *([*(short_cells if short else cells)(row), *[""] * len(names)][: len(names)] for row in shown)]
    columns, width = _columns(table, SHORT if short else (NARROW, WIDTH))
    told = (
        []
        if short
        else [line for text in sentences(rows, seeds) for line in wrap(text, font_for(text, TEXT), width - 2 * PAD, 3)]
    )
    top = 64 + 21 * len(told) + 14
    sheet = Image.new("RGB", (width, top + ROW * (len(shown) + 1) + PAD), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((PAD, 18), shorten(title, font_for(title, 24), width - 2 * PAD), font=font_for(title, 24), fill=INK)
    for number, line in enumerate(told):
        pen.text((PAD, 60 + 21 * number), line, font=font_for(line, TEXT), fill=MUTED)
    for number, texts in enumerate(table):
        y = top + ROW * number
        pen.line((PAD, y + ROW - 3, width - PAD, y + ROW - 3), fill=LINE)
        for text, (x, room, right) in zip(texts, columns, strict=True):
            face = font_for(text, TEXT)
            colour = MUTED if not number else WARN if text == "failed" else INK
            at = (x + room, y + 4) if right else (x, y + 4)
            pen.text(at, shorten(text, face, room), font=face, fill=colour, anchor="ra" if right else None)
    _dots(pen, shown, top + ROW, columns[2][0] - DOTS - 16)
    return sheet


def _columns(
    table: Sequence[Sequence[str]], least_and_most: tuple[int, int]
) -> tuple[list[tuple[int, int, bool]], int]:
    """Return left edge, width and whether it is aligned right, of each column, and the width of the picture; the settings give way
    where there is not room for all."""
    widths = [
        max(round(font_for(text, TEXT).getlength(text)) + 2 for text in column) for column in zip(*table, strict=True)
    ]
    others = sum(widths) - widths[1] + 18 * (len(widths) - 1) + DOTS + 16 + 2 * PAD
    width = min(least_and_most[1], max(least_and_most[0], others + widths[1]))
    widths[1] = max(120, width - others)
    result, x = [], PAD
    for number, room in enumerate(widths):
        x += DOTS + 16 if number == 2 else 0
        result.append((x, room, number > 2))
        x += room + 18
    return result, width


def _dots(pen: ImageDraw.ImageDraw, rows: Sequence[Row], top: int, left: int) -> None:
    """Draw each run's lowest probe with its noise, on the scale of those that are drawn: left is better."""
    known = [(row, row.best, row.noise or 0.0) for row in rows if row.best is not None]
    if not known:
        return
    low, high = (f(v for _, best, noise in known for v in (best - noise, best + noise)) for f in (min, max))
    scale = (DOTS - 16) / ((high - low) or 1.0)
    first = next((row.place for row, _, _ in known if row.place), "")
    for number, row in enumerate(rows):
        if row.best is None:
            continue
        y = top + ROW * number + 13
        x, reach = left + 8 + (row.best - low) * scale, (row.noise or 0.0) * scale
        colour = ACCENT if row.place and row.place == first else MUTED
        pen.line((x - reach, y, x + reach, y), fill=colour, width=2)
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), fill=colour)
