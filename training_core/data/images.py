"""Resize, crop, mirror and recolour pictures that `decode` has read."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps

from ..pictures import MAX_PIXELS
from ..randomness import keyed
from .buckets import Placement, Size

_PILLOW = {
    "lanczos": Image.Resampling.LANCZOS,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "nearest": Image.Resampling.NEAREST,
}


def fit(image: Image.Image, placement: Placement, flip: bool = False, interpolation: str = "auto") -> Image.Image:
    """Resize an image (mode RGB or L) and cut out its bucket as the placement says; with `flip` mirror the result."""
    if placement.resized[0] * placement.resized[1] > MAX_PIXELS:
        image = _cut_from_a_strip(image, placement, interpolation)
    else:
        image = resize(image, placement.resized, interpolation)
        (left, top), (width, height) = placement.crop, placement.bucket
        image = image.crop((left, top, left + width, top + height))
    return ImageOps.mirror(image) if flip else image


def _cut_from_a_strip(image: Image.Image, placement: Placement, interpolation: str) -> Image.Image:
    """Resize only what the bucket shows: all of a strip of 30000x10 would have 1.5 million pixels by 512, 2 GB."""
    across, down = (old / new for old, new in zip(image.size, placement.resized, strict=True))
    (left, top), (width, height) = placement.crop, placement.bucket
    right, bottom = min(image.width, (left + width) * across), min(image.height, (top + height) * down)
    box = (left * across, top * down, right, bottom)
    return image.resize((width, height), _PILLOW.get(interpolation, Image.Resampling.LANCZOS), box)


def resize(image: Image.Image, size: Size, interpolation: str = "auto") -> Image.Image:
    """Resize to `size` by sd-scripts' --resize_interpolation; "auto" is its default: area if no side grows, else Lanczos."""
    if image.size == size:
        return image
    if interpolation == "auto":
        interpolation = "area" if size[0] <= image.width and size[1] <= image.height else "lanczos"
    if interpolation == "area":
        pixels = area(area(np.asarray(image), size[1], 0), size[0], 1)
        return Image.fromarray((pixels + 0.5).astype(np.uint8))
    return image.resize(size, _PILLOW[interpolation])


def area(values: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Resample one axis to `length` cells (float64): each is the mean of the old cells it covers, fractions included.

    This is OpenCV's INTER_AREA, computed as differences of the running integral, which is linear within a cell.
    """
    values = np.moveaxis(values, axis, 0)
    old = len(values)
    integral = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, 0, dtype=np.float64)])
    borders = np.arange(length + 1) * (old / length)
    whole = np.minimum(borders.astype(np.int64), old - 1)
    part = (borders - whole).reshape(-1, *[1] * (values.ndim - 1))
    edges = integral[whole] + part * values[whole]
    return np.moveaxis(np.diff(edges, axis=0) * (length / old), 0, axis)


def shift_colours(image: Image.Image, rng: keyed) -> Image.Image:
    """Recolour an RGB image as sd-scripts' --color_aug: shift the hue by up to 16 degrees, or apply a gamma of 0.95 to 1.05."""
    if rng.random() < 0.5:
        hue, saturation, value = image.convert("HSV").split()
        # Pillow's hue runs from 0 to 255, so 16 degrees (8 of the 180 steps that OpenCV and sd-scripts have) are 11.4.
        shift = round((rng.random() * 2 - 1) * 16 / 360 * 256)
        return Image.merge("HSV", (hue.point([(h + shift) % 256 for h in range(256)]), saturation, value)).convert(
            "RGB"
        )
    gamma = 0.95 + 0.1 * rng.random()
    return image.point([min(255, round(v**gamma)) for v in range(256)] * 3)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """Convert an RGB image to (H, W, 3) float32 in 0..1, ComfyUI's picture format."""
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255.0)
