"""Decode, resize and crop pictures."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from ..randomness import keyed
from .buckets import Placement

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}


def decode(path: Path) -> Image.Image:
    """The picture as RGB, turned as its EXIF data says, transparent parts on white.

    Raises:
        OSError, ValueError, SyntaxError, Image.DecompressionBombError: the file cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd EXIF blocks; the pixels are what counts
        with Image.open(path) as image:
            image.load()
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would cut them off at 255
                image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
            if image.has_transparency_data:
                rgba = image.convert("RGBA")
                image = Image.new("RGBA", rgba.size, "white")
                image.alpha_composite(rgba)
            return image.convert("RGB")


def fit(image: Image.Image, placement: Placement, crop: tuple[int, int], flip: bool = False) -> Image.Image:
    """Resize (Lanczos) an RGB image, cut its bucket out at `crop` (left, top), and mirror it if asked."""
    if image.size != placement.resized:
        image = image.resize(placement.resized, Image.Resampling.LANCZOS)
    left, top = crop
    image = image.crop((left, top, left + placement.bucket[0], top + placement.bucket[1]))
    return ImageOps.mirror(image) if flip else image


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
