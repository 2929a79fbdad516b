"""Pictures beside the training pictures that look most like them, with their scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ..drawing import INK, LINE, MUTED, PAPER, font_for, shorten

SIDE = 224
"""Longest side of each picture."""
_GAP, _MARGIN, _LINE = 4, 16, 18
_COPY = (240, 120, 90)
MOST = 60
"""Pairs on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A picture and its nearest training picture."""

    picture: np.ndarray  # (H, W, 3) uint8
    nearest: Image.Image | None  # None: it cannot be read any more
    scores: str  # one line
    name: str  # of the nearest, with how near it is
    copy: bool


def pages(pairs: Sequence[Pair]) -> list[Image.Image]:
    """Return the pairs as pictures, at most MOST on each."""
    return [_page(pairs[start : start + MOST]) for start in range(0, len(pairs), MOST)]


def _page(pairs: Sequence[Pair]) -> Image.Image:
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    width, height = 2 * SIDE + _GAP, SIDE + 2 * _LINE + 8
    sheet = Image.new(
        "RGB", (columns * (width + _MARGIN) + _MARGIN, rows * (height + _MARGIN) + _MARGIN + _LINE), PAPER
    )
    pen = ImageDraw.Draw(sheet)
    pen.text((_MARGIN, 10), "picture | nearest training picture", font=font_for("", 13), fill=MUTED)
    for index, pair in enumerate(pairs):
        x = _MARGIN + index % columns * (width + _MARGIN)
        y = _MARGIN + _LINE + index // columns * (height + _MARGIN)
        _draw(sheet, pen, (x, y), width, pair)
    return sheet


def _draw(sheet: Image.Image, pen: ImageDraw.ImageDraw, at: tuple[int, int], width: int, pair: Pair) -> None:
    x, y = at
    for image, left in ((Image.fromarray(pair.picture), x), (pair.nearest, x + SIDE + _GAP)):
        if image is None:
            pen.rectangle((left, y, left + SIDE - 1, y + SIDE - 1), outline=LINE)
            continue
        small = image.copy()
        scale = SIDE / max(small.size)
        small = small.resize(
            (max(1, round(small.width * scale)), max(1, round(small.height * scale))), Image.Resampling.LANCZOS
        )
        sheet.paste(small, (left + (SIDE - small.width) // 2, y + (SIDE - small.height) // 2))
    if pair.copy:
        pen.rectangle((x - 3, y - 3, x + width + 2, y + SIDE + 2), outline=_COPY, width=3)
    lines = ((pair.scores, INK), ((f"COPY?  {pair.name}" if pair.copy else pair.name), _COPY if pair.copy else MUTED))
    for number, (line, colour) in enumerate(lines):
        face = font_for(line, 13)
        pen.text((x, y + SIDE + 6 + number * _LINE), shorten(line, face, width), font=face, fill=colour)
