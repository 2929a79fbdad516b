"""Decode, resize and crop pictures."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

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


def fit(image: Image.Image, placement: Placement) -> Image.Image:
    """Resize (Lanczos) and crop an RGB image to its bucket."""
    if image.size != placement.resized:
        image = image.resize(placement.resized, Image.Resampling.LANCZOS)
    left, top = placement.crop
    return image.crop((left, top, left + placement.bucket[0], top + placement.bucket[1]))


def to_tensor(image: Image.Image) -> torch.Tensor:
    """RGB image -> (H, W, 3) float32 in 0..1, the host's picture format."""
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255.0)
