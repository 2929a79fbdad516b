"""The dataset as it travels between nodes: names, sizes and captions, no pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from ..settings import DatasetSettings
from . import decode
from .balance import balanced

BACKUPS = "captions_backup"
"""Folder inside a dataset where Caption Edit keeps what it replaces; never read as part of it."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Where a picture counts: white trains, black does not."""

    path: Path
    content: str  # SHA-256 of the file
    is_alpha: bool  # the picture's own alpha channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the dataset."""

    path: Path
    name: str  # path below the dataset folder, with '/'
    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    caption: str
    repeats: int
    subset: int = 0  # index into the dataset's subsets
    mask: Mask | None = None
    focus: tuple[float, float] | None = None  # the point a crop should keep, as parts of width and height


@dataclass(frozen=True, slots=True)
class Dataset:
    """The pictures of one or more folders; a small handle that travels between nodes."""

    subsets: tuple[DatasetSettings, ...]
    pictures: tuple[Picture, ...]
    warnings: tuple[str, ...] = field(default=())

    def joined(self, other: Dataset) -> Dataset:
        """Both, one after the other; each keeps its own settings."""
        moved = (replace(p, subset=p.subset + len(self.subsets)) for p in other.pictures)
        return Dataset(self.subsets + other.subsets, (*self.pictures, *moved), self.warnings + other.warnings)

    @property
    def repeats(self) -> tuple[int, ...]:
        """How often each picture is seen per epoch, regularization balanced against the rest."""
        flags = [self.subsets[p.subset].is_reg for p in self.pictures]
        return balanced([p.repeats for p in self.pictures], flags)

    @property
    def fingerprint(self) -> str:
        """Changes with any pixel, mask, caption, repeat or order of the pictures; not with where the folder lies."""
        parts = (
            (p.subset, p.name, p.content, p.caption, p.repeats, p.mask and (p.mask.content, p.mask.is_alpha), p.focus)
            for p in self.pictures
        )
        return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()

    def image(self, picture: Picture) -> Image.Image:
        """Its pixels, RGB: transparent parts on its subset's background, or as they are if alpha is the mask."""
        settings = self.subsets[picture.subset]
        return decode.decode(picture.path, None if settings.alpha_mask else settings.alpha_background)

    def mask(self, picture: Picture) -> Image.Image | None:
        """Its mask in its own size, mode L."""
        if picture.mask is None:
            return None
        if picture.mask.is_alpha:
            return decode.alpha(picture.path)
        mask = decode.decode(picture.mask.path, "black").getchannel("R")
        return mask if mask.size == picture.size else mask.resize(picture.size, Image.Resampling.BILINEAR)


def few(things: Sequence[str], most: int = 3) -> str:
    """'a, b, c and 5 more': the first few of a list."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return ", ".join(things[:most]) + more


def several(count: int, noun: str) -> str:
    """'1 picture', '2 pictures'."""
    return f"{count} {noun}{'s' * (count != 1)}"
