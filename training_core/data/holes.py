"""The part of a picture that is hidden from an inpainting model, where the dataset has no mask of it (pure)."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from ..randomness import keyed

HIDDEN = -2
"""As the number of a control picture: the picture itself, with a part hidden."""


def drawn(size: tuple[int, int], content: str, number: int) -> np.ndarray:
    """Return a drawn mask, (H, W) uint8, 255 where the picture is hidden: all of it, a rectangle or an ellipse.

    One in four hides everything, as in diffusers' scripts for inpainting models; the others are between a quarter and all of each side.

    Args:
        size: (width, height).
        content: hash of the picture's file.
        number: which of its masks.
    """
    rng = keyed(content, "hole", number)
    shape = rng.below(8)
    if shape < 2:
        return np.full(size[::-1], 255, np.uint8)
    mask = Image.new("L", size)
    sides = [side // 4 + rng.below(side - side // 4 + 1) for side in size]
    corner = [rng.below(side - part + 1) for side, part in zip(size, sides, strict=True)]
    box = (*corner, corner[0] + sides[0] - 1, corner[1] + sides[1] - 1)
    draw = ImageDraw.Draw(mask)
    (draw.rectangle if shape < 5 else draw.ellipse)(box, fill=255)
    return np.array(mask)
