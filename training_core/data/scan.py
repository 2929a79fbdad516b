"""Find the pictures of a dataset and read what is said about them."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..errors import AthanorError
from ..settings import DatasetSettings
from . import captions, decode
from .dataset import BACKUPS, Dataset, Mask, Picture, few, several
from .masks import Found, Masks, box_in_name


@dataclass(frozen=True, slots=True)
class _Part:
    """One folder whose pictures are read."""

    folder: Path
    repeats: int
    class_tokens: str


@dataclass(slots=True, kw_only=True)
class _Notes:
    """Names of pictures by what is odd about them, to be said in one line each."""

    left_out: list[str] = field(default_factory=list)
    animated: list[str] = field(default_factory=list)
    uncaptioned: list[str] = field(default_factory=list)
    by_class: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    unmasked: list[str] = field(default_factory=list)

    def sentences(self, extension: str) -> Iterator[str]:
        """The warnings, those of left-out files first."""
        yield from self.left_out
        for names, one in (
            (self.animated, "animated, its first frame is used"),
            (self.uncaptioned, f"without a {extension} file, trained on an empty text"),
            (self.by_class, f"without a {extension} file, trained on the class tokens"),
            (self.empty, "with an empty caption file, trained on an empty text"),
            (self.unmasked, "without a mask, trained whole"),
        ):
            if names:
                yield f"{several(len(names), 'picture')} {one}: {few(names)}."


def _parts(root: Path, settings: DatasetSettings, masks: Path | None) -> tuple[list[_Part], list[str]]:
    """Folders to read, sorted by name, and the sub-folders that are not."""
    whole = _Part(root, settings.repeats, settings.class_tokens)
    parts, skipped = [whole], []

    def walk(around: _Part) -> None:
        for folder in sorted((p for p in around.folder.iterdir() if p.is_dir()), key=lambda p: p.name):
            if folder.name.startswith(".") or folder == masks or folder.name == BACKUPS:
                continue
            number, _, tokens = folder.name.partition("_")
            if number.isdecimal() and int(number) > 0:
                part = _Part(folder, int(number), tokens)
            elif settings.nested_folders:
                part = _Part(folder, around.repeats, around.class_tokens)
            else:
                skipped.append(folder.name)
                continue
            parts.append(part)
            if settings.nested_folders:
                walk(part)

    walk(whole)
    return parts, skipped


def _files(folder: Path) -> list[Path]:
    found = (p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    return sorted(found, key=lambda p: p.name)


@lru_cache(maxsize=65536)
def _inspect(path: Path, size: int, mtime_ns: int) -> decode.Inspected | str:
    """What is known of a picture, or why it cannot be read; remembered while the file is unchanged."""
    try:
        return decode.inspect(path)
    except decode.UNREADABLE as error:
        return (str(error) or type(error).__name__).replace(str(path), path.name).rstrip(".")


def inspect_all(paths: list[Path]) -> list[decode.Inspected | str]:
    """Inspect pictures in threads, in their order."""
    stats = [path.stat() for path in paths]
    with decode.strict(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(_inspect, paths, (s.st_size for s in stats), (s.st_mtime_ns for s in stats)))


def stamp(settings: DatasetSettings, root: Path, masks: Path | None = None) -> str:
    """A cheap fingerprint from names, sizes and times of all files, to see that something changed."""
    parts, _ = _parts(root, settings, masks)
    folders = [(part.folder, part.repeats, part.class_tokens) for part in parts]
    if masks:
        folders += [(Path(folder), 0, "") for folder, _, _ in os.walk(masks)]
    entries = []
    for folder, repeats, tokens in folders:
        for entry in sorted(os.scandir(folder), key=lambda e: e.name):
            if entry.is_file():
                stat = entry.stat()
                entries.append((folder.name, repeats, tokens, entry.name, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr(sorted(entries)).encode()).hexdigest()


def scan(settings: DatasetSettings, root: Path, masks: Path | None = None) -> Dataset:
    """Read a dataset folder: every picture is decoded once, in threads, and remembered while it is unchanged.

    What cannot be read (picture, mask or caption) is named in `warnings` and its picture left out.

    Raises:
        AthanorError: no picture can be read.
    """
    parts, skipped = _parts(root, settings, masks)
    listed = [(part, _files(part.folder)) for part in parts]
    files = [(path, part) for part, paths in listed for path in paths if path.suffix.lower() in decode.SUFFIXES]
    if not files:
        raise AthanorError(_nothing(settings, skipped, listed))
    notes, pictures = _Notes(), []
    found_masks = Masks(root, masks, inspect_all) if masks else None
    for (path, part), seen in zip(files, inspect_all([path for path, _ in files]), strict=True):
        name = path.relative_to(root).as_posix()
        if isinstance(seen, str):
            notes.left_out.append(f"{name} cannot be read and is left out: {seen}.")
            continue
        mask = _mask(path, seen, settings, found_masks)
        if isinstance(mask, str):
            notes.left_out.append(f"{name} is left out: {mask}.")
            continue
        try:
            caption = captions.read(path, settings.caption_extension)
        except AthanorError as error:
            notes.left_out.append(f"{name} is left out: {error}")
            continue
        if caption is None:
            caption = part.class_tokens or settings.class_tokens
            (notes.by_class if caption else notes.uncaptioned).append(name)
        elif not caption:
            notes.empty.append(name)
        if seen.animated:
            notes.animated.append(name)
        if mask is None and (settings.alpha_mask or masks):
            notes.unmasked.append(name)
        focus = box_in_name(path.stem, seen.size) or (mask and mask.focus)
        known = mask and mask.mask
        pictures.append(
            Picture(
                path=path,
                name=name,
                content=seen.content,
                size=seen.size,
                caption=caption,
                repeats=part.repeats,
                subset=0,
                mask=known,
                focus=focus,
            )
        )
    if not pictures:
        raise AthanorError(
            f"folder '{settings.folder}': none of its {len(files)} pictures can be read ({notes.left_out[0]})"
        )
    if len(notes.by_class) == len(pictures):  # class tokens instead of captions: as it is meant
        notes.by_class.clear()
    warnings = [*notes.sentences(settings.caption_extension), *_elsewhere(settings, listed, skipped, notes)]
    if found_masks:
        warnings += found_masks.unused()
    return Dataset((settings,), tuple(pictures), tuple(warnings))


def _mask(path: Path, seen: decode.Inspected, settings: DatasetSettings, masks: Masks | None) -> Found | str | None:
    """The picture's mask, why it cannot be used, or None; a mask file wins over the alpha channel."""
    found = masks.of(path, seen.size) if masks else None
    if found is None and settings.alpha_mask and seen.has_alpha:
        return Found(Mask(path, seen.content, is_alpha=True), None)
    return found


def _nothing(settings: DatasetSettings, skipped: list[str], listed: list[tuple[_Part, list[Path]]]) -> str:
    sentence = (
        f"folder '{settings.folder}': no pictures found; put png, jpg, webp, bmp or avif files in it, or in sub-folders "
        "named 'N_name' (N = repeats)."
    )
    if others := Counter(p.suffix.lower() for _, ps in listed for p in ps if p.suffix.lower() in decode.OTHER_SUFFIXES):
        sentence += f" It holds {', '.join(f'{n} {suffix}' for suffix, n in sorted(others.items()))}: convert them."
    elif skipped:
        sentence += f" Its sub-folders ({few(skipped)}) are read with nested_folders on."
    return sentence


def _elsewhere(
    settings: DatasetSettings, listed: list[tuple[_Part, list[Path]]], skipped: list[str], notes: _Notes
) -> Iterator[str]:
    """Files and folders that look as if they were meant, but are not read."""
    everything = [path for _, paths in listed for path in paths]
    others = [p.name for p in everything if p.suffix.lower() in decode.OTHER_SUFFIXES]
    if others:
        yield f"{several(len(others), 'file')} of a kind that is not read, convert to png or jpg: {few(others)}."
    if skipped:
        yield f"Sub-folders without repeats in their name ('N_name') are not read, unless nested_folders is on: {few(skipped)}."
    extension = settings.caption_extension
    extension = extension if extension.startswith(".") else f".{extension}"
    stems = {(p.parent, p.stem) for p in everything if p.suffix.lower() in decode.SUFFIXES}
    lonely = [p.name for p in everything if p.suffix == extension and (p.parent, p.stem) not in stems]
    if lonely:
        yield f"{several(len(lonely), 'caption')} without a picture of that name: {few(lonely)}."
    if notes.uncaptioned or notes.by_class:
        near = Counter(p.suffix for p in everything if re.fullmatch(r"\.(txt|caption|cap|tags)", p.suffix))
        near.pop(extension, None)
        for suffix, count in near.items():
            yield f"There are {suffix} files ({count}): set caption_extension to {suffix} if they are the captions."
