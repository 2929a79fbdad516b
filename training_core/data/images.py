"""Resize, crop, mirror and tint pictures (arithmetic on pixels; files are read in `decode`)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps

from ..randomness import keyed
from .buckets import Placement, Size

_PILLOW = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def fit(image: Image.Image, placement: Placement, flip: bool = False, interpolation: str = "auto") -> Image.Image:
    """Resize an RGB or L image, cut its bucket out at the placement's crop, and mirror it if asked."""
    image = resize(image, placement.resized, interpolation)
    (left, top), (width, height) = placement.crop, placement.bucket
    image = image.crop((left, top, left + width, top + height))
    return ImageOps.mirror(image) if flip else image


def resize(image: Image.Image, size: Size, interpolation: str = "auto") -> Image.Image:
    """Resize by --resize_interpolation; auto is sd-scripts' own choice: area where no side grows, else Lanczos."""
    if image.size == size:
        return image
    if interpolation == "auto":
        interpolation = "area" if size[0] <= image.width and size[1] <= image.height else "lanczos"
    if interpolation == "area":
        pixels = area(area(np.asarray(image), size[1], 0), size[0], 1)
        return Image.fromarray((pixels + 0.5).astype(np.uint8))
    return image.resize(size, _PILLOW[interpolation])


def area(values: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Resample one axis: every new cell is the mean of what it covers, fractions of cells included. float64.

    The mean is a difference of the running integral, which is linear within a cell.
    """
    values = np.moveaxis(values, axis, 0)
    old = len(values)
    integral = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0, dtype=np.float64)])
    at = np.arange(length + 1) * (old / length)
    whole = np.minimum(at.astype(np.int64), old - 1)
    part = (at - whole).reshape(-1, *[1] * (values.ndim - 1))
    edges = integral[whole] + part * values[whole]
    return np.moveaxis(np.diff(edges, axis=0) * (length / old), 0, axis)


def shift_colours(image: Image.Image, rng: keyed) -> Image.Image:
    """sd-scripts' color_aug on an RGB image: the hue by up to 16 degrees, or a gamma of 0.95 to 1.05."""
    if rng.random() < 0.5:
        hue, saturation, value = image.convert("HSV").split()
        shift = round((rng.random() * 2 - 1) * 16 / 360 * 256)
        return Image.merge("HSV", (hue.point([(h + shift) % 256 for h in range(256)]), saturation, value)).convert(
            "RGB"
        )
    gamma = 0.95 + 0.1 * rng.random()
    return image.point([min(255, round(v**gamma)) for v in range(256)] * 3)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """RGB image -> (H, W, 3) float32 in 0..1, the host's picture format."""
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255.0)
