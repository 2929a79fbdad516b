"""How much a LoRA changes each block, as bars."""

from __future__ import annotations

import math
import sys
from collections import defaultdict

from PIL import Image

from ..charts import bars
from ..charts.bars import Bar
from ..charts.paint import BLUE
from ..drawing import ACCENT
from ..names import natural
from ..wording import plural
from .info import LoraInfo

MOST_BLOCKS = 300
"""Blocks that are drawn; a model has a hundred at most, and a picture that is too high cannot be made."""


def norms(info: LoraInfo) -> Image.Image:
    """Draw one bar per block: the root of the summed squares of its layers' norms; text encoders in blue."""
    blocks: dict[tuple[str, str], list[float]] = defaultdict(list)
    for layer in info.layers:
        if layer.norm is not None:
            blocks[layer.part, layer.block].append(layer.norm)
    note = "size of the change per block (Frobenius norm, alpha / rank included)"
    if unknown := sum(layer.norm is None for layer in info.layers):
        note += f"; not known for {unknown} layers"
    if len(blocks) > MOST_BLOCKS:
        note += f"; the first {MOST_BLOCKS} of {len(blocks)} blocks"
    rows = []
    for part, block in sorted(blocks, key=lambda key: (key[0] != "unet", key[0], natural(key[1][:80])))[:MOST_BLOCKS]:
        layers = blocks[part, block]
        norm = min(math.hypot(*layers), sys.float_info.max)
        text = f"{norm:.3g}  ({plural(len(layers), 'layer')})"
        rows.append(
            Bar(label=f"{part}  {block[:80]}", value=norm, text=text, colour=ACCENT if part == "unet" else BLUE)
        )
    return bars.chart(f"{info.name}: {info.algo}, {len(info.layers)} layers", note, rows)
