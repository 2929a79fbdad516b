"""Turn pixel tensors into PNG files with text metadata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .files import write_atomically


def to_bytes(pixels: torch.Tensor) -> np.ndarray:
    """Convert pixels (H, W, 3) in 0..1 to uint8, cut off (not rounded) like ComfyUI's Save Image, so that the bytes agree."""
    return np.clip(255.0 * pixels.float().cpu().numpy(), 0, 255).astype(np.uint8)


def write_png(image: Image.Image, path: Path, texts: Mapping[str, str]) -> None:
    """Write a PNG with `texts` (name -> text) as iTXt chunks, at the compression level 4 that ComfyUI's Save Image uses."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    image.save(path, format="PNG", pnginfo=info, compress_level=4)


def save_png(path: Path, pixels: torch.Tensor, texts: Mapping[str, str]) -> None:
    """Write pixels (H, W, 3) in 0..1 as a PNG with `texts` (name -> text), whole or not at all."""
    image = Image.fromarray(to_bytes(pixels))
    write_atomically(path, lambda temporary: write_png(image, temporary, texts))
