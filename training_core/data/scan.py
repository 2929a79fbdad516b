"""Find the pictures of a dataset and read what is said about them."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from PIL import Image

from ..errors import AthanorError
from ..settings import DatasetSettings
from . import captions, images
from .balance import balanced


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the dataset."""

    path: Path
    name: str  # path below the dataset folder, with '/'
    content: str  # SHA-256 of the file
    size: tuple[int, int]  # width, height after EXIF rotation
    caption: str
    repeats: int
    subset: int = 0  # index into the dataset's subsets


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
        """Changes with any pixel, caption, repeat or order of the pictures; not with where the folder lies."""
        parts = ((p.subset, p.name, p.content, p.caption, p.repeats) for p in self.pictures)
        return hashlib.sha256(repr(tuple(parts)).encode()).hexdigest()


def _subfolders(root: Path, settings: DatasetSettings) -> list[tuple[Path, int, str]]:
    """(folder, repeats, class tokens) of every part of the dataset, sorted by name."""
    parts = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        number, _, tokens = folder.name.partition("_")
        if number.isdecimal() and int(number) > 0:
            parts.append((folder, int(number), tokens))
    if any(p.is_file() and p.suffix.lower() in images.SUFFIXES for p in root.iterdir()):
        parts.insert(0, (root, settings.repeats, settings.class_tokens))
    return parts


def _files(folder: Path) -> list[Path]:
    return sorted(
        p
        for p in folder.iterdir()
        if p.is_file() and p.suffix.lower() in images.SUFFIXES and not p.name.startswith(".")
    )


@lru_cache(maxsize=65536)
def _inspect(path: Path, size: int, mtime_ns: int) -> tuple[str, tuple[int, int]] | str:
    """(content hash, (width, height)) of a picture, or why it cannot be read. Decodes it whole."""
    try:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        return content, images.decode(path).size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return "it is empty" if size == 0 else str(error).replace(str(path), path.name)


def stamp(settings: DatasetSettings, root: Path) -> str:
    """A cheap fingerprint from names, sizes and times of all files, to see that something changed."""
    entries = []
    for folder, repeats, tokens in _subfolders(root, settings):
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            if entry.is_file():
                stat = entry.stat()
                entries.append((folder.name, repeats, tokens, entry.name, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def scan(settings: DatasetSettings, root: Path) -> Dataset:
    """Read a dataset folder: every picture is decoded once, in threads, and remembered while it is unchanged.

    A picture that cannot be read is named in `warnings` and left out.

    Raises:
        AthanorError: no picture can be read, or a caption is not UTF-8.
    """
    parts = _subfolders(root, settings)
    files = [(path, repeats, tokens) for folder, repeats, tokens in parts for path in _files(folder)]
    if not files:
        raise AthanorError(
            f"folder '{settings.folder}': no pictures found; put png, jpg, webp or bmp files in it, or in sub-folders "
            "named 'N_name' (N = repeats)."
        )
    stats = [path.stat() for path, _, _ in files]
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = list(
            pool.map(_inspect, (f[0] for f in files), (s.st_size for s in stats), (s.st_mtime_ns for s in stats))
        )
    pictures, warnings, uncaptioned = [], [], []
    for (path, repeats, tokens), seen in zip(files, found, strict=True):
        if isinstance(seen, str):
            warnings.append(f"{path.name} cannot be read and is left out: {seen}.")
            continue
        caption = captions.read(path, settings.caption_extension)
        if caption is None:
            caption = tokens or settings.class_tokens
            if not caption:
                uncaptioned.append(path.name)
        content, size = seen
        pictures.append(Picture(path, path.relative_to(root).as_posix(), content, size, caption, repeats))
    if not pictures:
        raise AthanorError(f"folder '{settings.folder}': none of its {len(files)} pictures can be read ({warnings[0]})")
    if uncaptioned:
        some = ", ".join(uncaptioned[:3]) + (" ..." if len(uncaptioned) > 3 else "")
        warnings.append(f"{len(uncaptioned)} pictures have no caption and train on an empty text: {some}.")
    return Dataset((settings,), tuple(pictures), tuple(warnings))
