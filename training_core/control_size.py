"""The size of control pictures that keep their own shape: training, sample pictures and comparisons agree on it."""

from __future__ import annotations

import math

Size = tuple[int, int]

STEP = 16
"""Pixels that sides are a multiple of: a token of the models that take control pictures is 16 pixels wide."""


def own_size(size: Size, target: Size) -> Size:
    """Return (width, height) in pixels: the shape of `size`, about the area of `target`, sides in multiples of STEP."""
    scale = math.sqrt(target[0] * target[1] / (size[0] * size[1]))
    width, height = (max(STEP, round(side * scale / STEP) * STEP) for side in size)
    return width, height
