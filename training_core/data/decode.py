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
from PIL import Image, ImageCms, ImageFile, features

from ..pictures import UnreadablePicture, opened

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif"})
OTHER_SUFFIXES = frozenset({".gif", ".tif", ".tiff", ".jxl", ".heic", ".heif", ".jfif", ".psd", ".tga", ".jp2"})
"""Endings of picture files that are not read; the scan warns of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """Facts about a picture file that decodes without error."""

    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    has_alpha: bool
    animated: bool
    middle: tuple[float, float] | None = None  # of a mask: the middle of its white part, as fractions of the size


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
        UnreadablePicture: the file cannot be read; the message says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadablePicture(error.strerror or "it cannot be opened") from None
    if not data:
        raise UnreadablePicture("the file is empty")
    if path.suffix.lower() == ".avif" and not features.check("avif"):
        raise UnreadablePicture("this Pillow cannot read avif; Pillow 11.3 or newer can")
    with opened(io.BytesIO(data)) as image:
        width, height = image.size
        animated = bool(getattr(image, "is_animated", False)) and image.format != "MPO"  # MPO: photograph + preview
        image.draft("RGB", (max(1, width // 8), max(1, height // 8)))  # JPEG: all of the file, few of the pixels
        image.load()  # before its EXIF data are read, which loads a PNG and forgets what was wrong with it
        turned = _orientation(image) in _ON_ITS_SIDE
        _srgb(_plain(image.crop((0, 0, 1, 1))))  # whatever decoding does after this would fail for one pixel, too
        return Inspected(
            content=hashlib.sha256(data).hexdigest(),
            size=(height, width) if turned else (width, height),
            has_alpha=image.has_transparency_data,
            animated=animated,
        )


def decode(path: Path, background: str | None = "white") -> Image.Image:
    """Decode a picture to upright sRGB (mode RGB): EXIF rotation and colour profile applied, 16 bits reduced to 8.

    Args:
        background: colour put under transparent parts; None: the colours that the file has there.

    Raises:
        UnreadablePicture: the file cannot be read.
    """
    with opened(path) as image:
        plain = _plain(image)
        rgb = _srgb(plain)
        if background is not None and plain.mode == "RGBA":
            rgb = Image.composite(rgb, Image.new("RGB", rgb.size, background), plain.getchannel("A"))
        return rgb


def alpha(path: Path) -> Image.Image | None:
    """Decode a picture's alpha channel, upright, mode L; None if it has none.

    Raises:
        UnreadablePicture: the file cannot be read.
    """
    with opened(path) as image:
        plain = _plain(image)
        return plain.getchannel("A") if plain.mode == "RGBA" else None


def upright(image: Image.Image) -> Image.Image:
    """Return a picture turned and mirrored as its EXIF data says; as it is, if they are missing or broken."""
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = (5, 6, 7, 8)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an open picture; 1 (upright) if it has none that can be read."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # Pillow's parser raises what it stumbles over; the pixels may be well
        return 1
    return value if isinstance(value, int) else 1


def _plain(opened_image: Image.Image) -> Image.Image:
    """Return an open picture upright, with at most 8 bits a channel; in mode RGBA if it has transparent parts."""
    opened_image.load()
    image = upright(opened_image)
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would cut them off at 255
        profile = image.info.get("icc_profile")
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
        image.info["icc_profile"] = profile
    return image.convert("RGBA") if image.has_transparency_data else image.copy()


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
