"""Draw the labelled grid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw

from ..drawing import INK, LINE, MUTED, PAPER, font_for, wrap
from .axes import Cell, Layout


def draw(title: str, plan: Layout, pictures: Mapping[Cell, Path], size: tuple[int, int]) -> Image.Image:
    """All cells with their row and column labels; pictures are read from disk one by one.

    `size`: (width, height) of a cell in pixels.
    """
    width, height = size
    scale = max(1.0, min(2.5, width / 256))
    text, big = round(13 * scale), round(16 * scale)
    gap = round(6 * scale)
    side = _label_width(plan.row_labels, text, round(150 * scale))
    column_texts = [wrap(label, font_for(label, text), width - 4, 4) for label in plan.column_labels]
    line = round(text * 1.25)
    head = gap + line * max(map(len, column_texts), default=1)
    top = round(big * 1.9)
    block_head = round(line * 1.6) if any(plan.block_labels) else 0
    rows, columns = len(plan.row_labels), len(plan.column_labels)
    block_height = block_head + head + rows * (height + gap)
    total = (side + columns * (width + gap) + gap, top + len(plan.cells) * block_height + gap)
    sheet = Image.new("RGB", total, PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((gap * 2, top // 2), title, font=font_for(title, big), fill=INK, anchor="lm")
    for b, block in enumerate(plan.cells):
        y = top + b * block_height
        if block_head:
            pen.line((gap, y, total[0] - gap, y), fill=LINE)
            pen.text(
                (gap * 2, y + block_head // 2),
                plan.block_labels[b],
                font=font_for(plan.block_labels[b], text),
                fill=INK,
                anchor="lm",
            )
        y += block_head
        for c, lines in enumerate(column_texts):
            x = side + c * (width + gap) + width // 2
            for i, words in enumerate(lines):
                pen.text(
                    (x, y + head - gap // 2 - line * (len(lines) - i) + line // 2),
                    words,
                    font=font_for(words, text),
                    fill=MUTED,
                    anchor="mm",
                )
        for r, row in enumerate(block):
            cy = y + head + r * (height + gap)
            lines = wrap(plan.row_labels[r], font_for(plan.row_labels[r], text), side - gap * 3, 6)
            for i, words in enumerate(lines):
                at = (side - gap * 2, cy + height // 2 + round((i - (len(lines) - 1) / 2) * line))
                pen.text(at, words, font=font_for(words, text), fill=INK, anchor="rm")
            for c, cell in enumerate(row):
                with Image.open(pictures[cell]) as image:
                    sheet.paste(image.convert("RGB"), (side + c * (width + gap), cy))
    return sheet


def _label_width(labels: tuple[str, ...], size: int, limit: int) -> int:
    """Room for the row labels: as wide as the longest, up to `limit` (then they wrap)."""
    longest = max((font_for(label, size).getlength(label) for label in labels), default=0)
    return int(min(limit, longest)) + size * 3
