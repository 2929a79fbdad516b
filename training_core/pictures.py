"""Open picture files of whatever origin, and turn pixel tensors into PNG files with text metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .files import write_atomically
from .text_files import whole_characters

if TYPE_CHECKING:
    import torch

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "AVIF", "GIF", "TIFF")
"""What a picture file may hold, whatever its name says. Pillow knows more, some of which run other programs (EPS)."""

MAX_PIXELS = 178_956_970
"""A larger picture is refused as a decompression bomb (Pillow's own limit, which another pack may have switched off)."""


class UnreadablePicture(OSError):
    """A file that is missing, damaged, or no picture; the message says why in plain words, without the file's name."""

    __module__ = "athanor"  # see errors.AthanorError


@contextmanager
def opened(source: Path | IO[bytes]) -> Iterator[Image.Image]:
    """Open a picture file until the block ends; this is the only place that does.

    Only Pillow's calls belong into the block: its decoders raise whatever they stumble over in a broken file.

    Raises:
        UnreadablePicture: for everything that goes wrong while it is opened, and in the block.
    """
    Image.init()  # all of Pillow's formats are known from here on; nothing happens the second time
    try:
        with Image.open(source, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
            if image.width * image.height > MAX_PIXELS:
                limit = f"above the limit of {MAX_PIXELS // 10**6} megapixels"
                raise UnreadablePicture(f"it is {image.width}x{image.height}, {limit}")
            yield image
    except UnreadablePicture:
        raise
    except Exception as error:
        raise UnreadablePicture(_reason(error)) from None


def _reason(error: Exception) -> str:
    """Return in plain words why Pillow could not read a file."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is not a picture of a known format"
    if isinstance(error, Image.DecompressionBombError):
        return f"it is above the limit of {MAX_PIXELS // 10**6} megapixels"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    words = str(error).rstrip(".")
    says_something = isinstance(error, (OSError, SyntaxError)) and re.fullmatch(r"[\w ,.:()-]{8,120}", words)
    return words if says_something else "it is damaged"


def to_bytes(pixels: torch.Tensor) -> np.ndarray:
    """Convert pixels (H, W, 3) in 0..1 to uint8, cut off (not rounded) like ComfyUI's Save Image, so that the bytes agree."""
    return np.clip(255.0 * pixels.float().cpu().numpy(), 0, 255).astype(np.uint8)


def write_png(image: Image.Image, path: Path, texts: Mapping[str, str]) -> None:
    """Write a PNG with `texts` (name -> text) as iTXt chunks, at the compression level 4 that ComfyUI's Save Image uses."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, whole_characters(text))
    image.save(path, format="PNG", pnginfo=info, compress_level=4)


def save_png(path: Path, pixels: torch.Tensor, texts: Mapping[str, str]) -> None:
    """Write pixels (H, W, 3) in 0..1 as a PNG with `texts` (name -> text), whole or not at all."""
    image = Image.fromarray(to_bytes(pixels))
    write_atomically(path, lambda temporary: write_png(image, temporary, texts))
