"""Pictures on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .files import write_atomically


def save_png(path: Path, pixels: torch.Tensor, texts: Mapping[str, str]) -> None:
    """(H, W, 3) in 0..1 -> PNG with text chunks, rounded as the host's Save Image does it."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    image = Image.fromarray(np.clip(255.0 * pixels.float().cpu().numpy(), 0, 255).astype(np.uint8))
    write_atomically(path, lambda temporary: image.save(temporary, format="PNG", pnginfo=info, compress_level=4))
