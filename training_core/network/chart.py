"""How much a LoRA changes each block, as bars."""

from __future__ import annotations

import re
from collections import defaultdict

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font_for, shorten
from .info import LoraInfo

OTHER = (120, 150, 220)


def norms(info: LoraInfo, width: int = 900) -> Image.Image:
    """One bar per block: the root of the summed squares of its layers' norms; text encoders in blue."""
    blocks: dict[tuple[str, str], list[float]] = defaultdict(list)
    unknown = 0
    for layer in info.layers:
        if layer.norm is None:
            unknown += 1
        else:
            blocks[layer.part, layer.block].append(layer.norm)
    rows = sorted(blocks.items(), key=lambda item: (item[0][0] != "unet", item[0][0], _natural(item[0][1])))
    row, head, left, right = 20, 64, 230, 150
    image = Image.new("RGB", (width, head + row * max(1, len(rows)) + 16), PAPER)
    pen = ImageDraw.Draw(image)
    title = f"{info.name}: {info.algo}, {len(info.layers)} layers"
    face = font_for(title, 16)
    pen.text((16, 10), shorten(title, face, width - 32), font=face, fill=INK)
    note = "size of the change per block (Frobenius norm, alpha / rank included)"
    if unknown:
        note += f"; not known for {unknown} layers"
    pen.text((16, 36), note, font=font_for(note, 12), fill=MUTED)
    values = {key: sum(v * v for v in some) ** 0.5 for key, some in rows}
    most = max(values.values(), default=0.0) or 1.0
    for n, (key, some) in enumerate(rows):
        y = head + n * row
        label = f"{key[0]}  {key[1]}"
        pen.text((16, y + 2), shorten(label, font_for(label, 12), left - 24), font=font_for(label, 12), fill=INK)
        pen.line((left, y + row - 1, width - right, y + row - 1), fill=LINE)
        end = left + (width - left - right) * values[key] / most
        pen.rectangle((left, y + 3, max(left + 1, end), y + row - 5), fill=ACCENT if key[0] == "unet" else OTHER)
        text = f"{values[key]:.3g}  ({len(some)} layers)"
        pen.text((end + 8, y + 2), text, font=font_for(text, 12), fill=MUTED)
    return image


def _natural(text: str) -> list[tuple[int, str]]:
    """2 before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
