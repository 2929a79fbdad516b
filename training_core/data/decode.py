"""Decode picture files to upright sRGB pixels, and inspect files that may be broken."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps, features

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif"})
OTHER_SUFFIXES = frozenset({".gif", ".tif", ".tiff", ".jxl", ".heic", ".heif", ".jfif", ".psd", ".tga", ".jp2"})
"""Endings of picture files that are not read; the scan warns of them."""

MAX_PIXELS = 178_956_970
"""A larger picture is refused as a decompression bomb (Pillow's own limit, which another pack may have switched off)."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError, Image.DecompressionBombError)
"""Exceptions that Pillow raises for broken files."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """Facts about a picture file that decodes without error."""

    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    has_alpha: bool
    animated: bool


@contextmanager
def strict() -> Iterator[None]:
    """Make Pillow raise for cut-off files and hide its warnings until the block ends.

    With LOAD_TRUNCATED_IMAGES, which other packs and at times ComfyUI set, the missing part of a file would be left blank,
    and trained on.
    """
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def inspect(path: Path) -> Inspected:
    """Hash a picture file and decode all of it, so that a broken one is noticed before training.

    Raises:
        one of UNREADABLE: the file cannot be read; the message says why.
    """
    data = path.read_bytes()
    if not data:
        raise ValueError("the file is empty")
    if path.suffix.lower() == ".avif" and not features.check("avif"):
        raise ValueError("this Pillow cannot read avif; Pillow 11.3 or newer can")
    try:
        with Image.open(io.BytesIO(data)) as image:
            _check_size(image)
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = (image.height, image.width) if turned else image.size
            animated = getattr(image, "is_animated", False) and image.format != "MPO"  # MPO: photograph + preview
            image.draft("RGB", (image.width // 8, image.height // 8))  # JPEG: all of the file, few of the pixels
            image.load()
            return Inspected(hashlib.sha256(data).hexdigest(), size, image.has_transparency_data, animated)
    except Image.UnidentifiedImageError:
        raise ValueError("it is not a picture of a known format") from None


def decode(path: Path, background: str | None = "white") -> Image.Image:
    """Decode a picture to upright sRGB (mode RGB): EXIF rotation and colour profile applied, 16 bits reduced to 8.

    Args:
        background: colour put under transparent parts; None: the colours that the file has there.

    Raises:
        one of UNREADABLE: the file cannot be read.
    """
    image, alpha = _upright(path)
    rgb = _srgb(image)
    if alpha is not None and background is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, background), alpha)
    return rgb


def alpha(path: Path) -> Image.Image | None:
    """Decode a picture's alpha channel, upright, mode L; None if it has none.

    Raises:
        one of UNREADABLE: the file cannot be read.
    """
    return _upright(path)[1]


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"it is {image.width}x{image.height}, above the limit of {MAX_PIXELS // 10**6} megapixels")


def _upright(path: Path) -> tuple[Image.Image, Image.Image | None]:
    with Image.open(path) as opened:
        _check_size(opened)
        opened.load()
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would cut them off at 255
            profile = image.info.get("icc_profile")
            image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
            image.info["icc_profile"] = profile
        if image.has_transparency_data:
            image = image.convert("RGBA")
            return image, image.getchannel("A")
        return image.copy(), None


def _srgb(image: Image.Image) -> Image.Image:
    """Convert to sRGB through the embedded ICC profile; a profile that is broken or for other colour channels is ignored."""
    profile = image.info.get("icc_profile")
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("L" if image.mode in ("1", "LA") else "RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
                return converted or image.convert("RGB")  # None only for a conversion in place
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    return image.convert("RGB")
