"""From a picture file to upright sRGB pixels, and what can be said of a file without trusting it."""

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
"""Pictures that are not read; the scan names them."""

MAX_PIXELS = 178_956_970
"""More is taken for a decompression bomb (Pillow's own limit, which another pack may have switched off)."""

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError, Image.DecompressionBombError)
"""What Pillow raises for broken files."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a scan needs to know of a picture."""

    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    has_alpha: bool
    animated: bool


@contextmanager
def strict() -> Iterator[None]:
    """Cut-off files are errors and odd EXIF blocks no noise, whatever the host or another pack has set."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def inspect(path: Path) -> Inspected:
    """Hash a picture and decode it whole, to see that it can be.

    Raises:
        one of UNREADABLE: the file cannot be read; the message says why.
    """
    data = path.read_bytes()
    if not data:
        raise ValueError("it is empty")
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
        raise ValueError("it is no picture that can be read") from None


def decode(path: Path, background: str | None = "white") -> Image.Image:
    """The picture as upright sRGB: turned as its EXIF data says, its colour profile applied, 16 bits made 8.

    Args:
        background: colour that shows through transparent parts; None leaves the colours that the file has there.

    Raises:
        one of UNREADABLE: the file cannot be read.
    """
    image, alpha = _upright(path)
    rgb = _srgb(image)
    if alpha is not None and background is not None:
        rgb = Image.composite(rgb, Image.new("RGB", rgb.size, background), alpha)
    return rgb


def alpha(path: Path) -> Image.Image | None:
    """The upright alpha channel, mode L; None if the picture has none.

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
    """RGB through the embedded ICC profile; one that is broken or of another kind of colours is left out."""
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
