"""The dataset that nodes pass on: paths, sizes and captions of pictures, but no pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from ..errors import AthanorError
from ..pictures import UnreadablePicture
from ..settings import DatasetSettings
from . import decode
from .repeats import balanced

BACKUPS = "captions_backup"
"""Folder inside a dataset for Caption Edit's copies of the files that it changes; the scan passes over it."""


@dataclass(frozen=True, slots=True)
class Mask:
    """The file of a picture's mask: white areas are trained on, black ones are not."""

    path: Path
    content: str  # SHA-256 of the file
    is_alpha: bool  # the mask is the alpha channel of the picture file itself


@dataclass(frozen=True, slots=True)
class Control:
    """The file of a control picture: what an edit model is shown beside the caption, where the picture itself is its answer."""

    path: Path
    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a dataset, with its caption and how often it is seen; its pixels stay on disk."""

    path: Path
    name: str  # path below the dataset folder, with '/'
    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    caption: str
    repeats: int
    subset: int = 0  # index into the dataset's subsets
    mask: Mask | None = None
    focus: tuple[float, float] | None = None  # the point a crop should keep, as parts of width and height
    controls: tuple[Control, ...] = ()  # in the order in which the model is shown them


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pictures of one or more folders (subsets), each with its own settings."""

    subsets: tuple[DatasetSettings, ...]
    pictures: tuple[Picture, ...]
    warnings: tuple[str, ...] = field(default=())

    def joined(self, other: Dataset) -> Dataset:
        """Return a dataset of this one's pictures followed by those of `other`; each subset keeps its own settings."""
        renumbered = (replace(p, subset=p.subset + len(self.subsets)) for p in other.pictures)
        return Dataset(self.subsets + other.subsets, (*self.pictures, *renumbered), self.warnings + other.warnings)

    @property
    def repeats(self) -> tuple[int, ...]:
        """Return how often each picture is seen per epoch, after `balanced` has adjusted the regularization pictures."""
        flags = [self.subsets[p.subset].is_reg for p in self.pictures]
        return balanced([p.repeats for p in self.pictures], flags)

    @property
    def fingerprint(self) -> str:
        """Return a SHA-256 that changes with any file (picture, mask, control), caption, repeat or the order, but not with the place."""
        parts = (
            (p.subset, p.name, p.content, p.caption, p.repeats, p.mask and (p.mask.content, p.mask.is_alpha), p.focus)
            + ((tuple(c.content for c in p.controls),) if p.controls else ())
            for p in self.pictures
        )
        return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()

    def image(self, picture: Picture) -> Image.Image:
        """Decode a picture to upright sRGB, transparent parts on alpha_background.

        With alpha_mask the colours under transparent parts stay as the file has them.

        Raises:
            AthanorError: its file was deleted or damaged after the dataset was read.
        """
        settings = self.subsets[picture.subset]
        with _named(picture.path):
            return decode.decode(picture.path, None if settings.alpha_mask else settings.alpha_background)

    def controls(self, picture: Picture) -> list[Image.Image]:
        """Decode a picture's control pictures to upright sRGB in their own sizes, transparent parts on alpha_background.

        Raises:
            AthanorError: a file was deleted or damaged after the dataset was read.
        """
        return [self.control(picture, number) for number in range(len(picture.controls))]

    def control(self, picture: Picture, number: int) -> Image.Image:
        """Decode one of a picture's control pictures; see `controls`."""
        path = picture.controls[number].path
        with _named(path):
            return decode.decode(path, self.subsets[picture.subset].alpha_background)

    def mask(self, picture: Picture) -> Image.Image | None:
        """Decode a picture's mask, resized to the picture, mode L (white: trained on); None if it has none.

        Raises:
            AthanorError: its file was deleted or damaged after the dataset was read.
        """
        if picture.mask is None:
            return None
        with _named(picture.mask.path):
            if picture.mask.is_alpha:
                return decode.alpha(picture.path)
            mask = decode.decode(picture.mask.path, "black").getchannel("R")
        return mask if mask.size == picture.size else mask.resize(picture.size, Image.Resampling.BILINEAR)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Turn an unreadable picture into a sentence that names its file."""
    try:
        yield
    except UnreadablePicture as error:
        raise AthanorError(f"{file} was deleted or damaged ({error}); load the dataset again.") from None
