"""Read a dataset folder: its pictures, captions, masks and repeats, and warnings about what is odd or left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from ..errors import AthanorError, quoted
from ..settings import DatasetSettings
from ..settings.dataset import MOST_REPEATS
from ..text_files import one_line, whole_characters
from ..wording import first_few, plural
from . import captions, decode, hints
from .controls import ControlFiles, alone
from .dataset import Dataset, Mask, Picture
from .folders import DatasetFolder, DatasetFolders, all_folders, dataset_folders, files_of
from .inspected import Inspections
from .masks import MaskMatch, Masks, box_in_name

_TOO_LARGE = f"Numbers above {MOST_REPEATS} are no repeats but part of the name of these folders"


@dataclass(slots=True, kw_only=True)
class _Notes:
    """Names of pictures by what is odd about them; each list becomes one warning."""

    without: list[Path] = field(default_factory=list)  # pictures that have no caption file

    left_out: list[str] = field(default_factory=list)
    animated: list[str] = field(default_factory=list)
    uncaptioned: list[str] = field(default_factory=list)
    by_class: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    several_lines: list[str] = field(default_factory=list)
    unmasked: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)  # without a control picture

    def caption(self, path: Path, name: str, caption: str | None, class_tokens: str, settings: DatasetSettings) -> str:
        """Return the picture's caption, or the class tokens if it has no caption file (None); note what is missing."""
        if caption is None:
            self.without.append(path)
            (self.by_class if class_tokens.strip() else self.uncaptioned).append(name)
            return class_tokens
        if not caption:
            self.empty.append(name)
        if captions.only_first_line(caption, settings):
            self.several_lines.append(name)
        return caption

    def sentences(self, extension: str, count: int, settings: DatasetSettings) -> Iterator[str]:
        """Yield the warnings, those of left-out files first.

        Args:
            extension: of caption files, with its dot.
            count: of all pictures.
        """
        yield from self.left_out
        if missing := hints.missing_captions(self.uncaptioned, count, extension, settings):
            yield missing
        for pictures, note in (
            (self.animated, "animated, its first frame is used"),
            (self.by_class, f"without a {extension} file, trained on the class tokens"),
            (self.empty, "with an empty caption file, trained on an empty text"),
            (self.several_lines, captions.ONLY_FIRST),
            (self.unmasked, "without a mask, all of it is trained on"),
        ):
            if pictures:
                yield f"{plural(len(pictures), 'picture')} {note}: {first_few(pictures)}."
        if self.alone:
            yield alone(self.alone)


def stamp(settings: DatasetSettings, root: Path, masks: Path | None = None, controls: Path | None = None) -> str:
    """Return a hash of the names, sizes and times of all files: cheap, and another one as soon as a file has changed."""
    folders = [
        (folder.path, folder.repeats, folder.class_tokens)
        for folder in dataset_folders(root, settings, (masks, controls)).read
    ]
    for other in filter(None, (masks, controls)):
        folders += [(folder, 0, "") for folder in all_folders(other)]
    entries = []
    for folder, repeats, tokens in folders:
        for path in folder.iterdir():
            with suppress(OSError):  # a link to nothing, or a file that was deleted meanwhile
                stat = path.stat()
                if S_ISREG(stat.st_mode):
                    entries.append((folder.name, repeats, tokens, path.name, stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(repr(sorted(entries)).encode()).hexdigest()


def scan(
    settings: DatasetSettings,
    root: Path,
    masks: Path | None = None,
    remembered: Path | None = None,
    controls: Path | None = None,
) -> Dataset:
    """Read a dataset folder; every picture is decoded once, in threads.

    A picture that cannot be read, or whose mask, control picture or caption cannot, is left out and named in the dataset's
    warnings.

    Args:
        settings: of the Dataset Loader.
        root: its folder.
        masks: that of its masks.
        remembered: folder in which `Inspections` keeps what was found, so that unchanged files are not decoded again.
        controls: that of its control pictures.

    Raises:
        AthanorError: no picture can be read.
    """
    folders = dataset_folders(root, settings, (masks, controls))
    if not folders.read:
        raise AthanorError(
            f"folder {quoted(settings.folder)} cannot be opened: it belongs to another user, or its drive is not there."
        )
    listed = [(folder, files_of(folder.path)) for folder in folders.read]
    files = [(path, folder) for folder, paths in listed for path in paths if path.suffix.lower() in decode.SUFFIXES]
    if not files:
        raise AthanorError(_no_pictures(settings, folders, listed))
    notes, pictures = _Notes(), []
    inspections = Inspections(remembered, root)
    mask_files = Masks(root, masks, inspections) if masks else None
    control_files = ControlFiles(root, controls, [path for path, _ in files], inspections) if controls else None
    for (path, folder), inspected in zip(files, inspections.of([path for path, _ in files]), strict=True):
        name = path.relative_to(root).as_posix()
        if whole_characters(name) != name:
            notes.left_out.append(f"{name} is left out: its name is not UTF-8 text, rename it.")
            continue
        if isinstance(inspected, str):
            notes.left_out.append(f"{name} cannot be read and is left out: {inspected}.")
            continue
        match = _mask(path, inspected, settings, mask_files)
        if isinstance(match, str):
            notes.left_out.append(f"{name} is left out: {match}.")
            continue
        shown = control_files.of(path) if control_files else ()
        if isinstance(shown, str):
            notes.left_out.append(f"{name} is left out: {shown}.")
            continue
        try:
            caption = captions.read(path, settings.caption_extension)
        except AthanorError as error:
            notes.left_out.append(f"{name} is left out: {error}")
            continue
        caption = notes.caption(path, name, caption, folder.class_tokens or settings.class_tokens, settings)
        if inspected.animated:
            notes.animated.append(name)
        if match is None and (settings.alpha_mask or masks):
            notes.unmasked.append(name)
        if controls and not shown:
            notes.alone.append(name)
        focus = box_in_name(path.stem, inspected.size) or (match and match.focus)
        pictures.append(
            Picture(
                path=path,
                name=name,
                content=inspected.content,
                size=inspected.size,
                caption=caption,
                repeats=folder.repeats,
                subset=0,
                mask=match and match.mask,
                focus=focus,
                controls=shown,
            )
        )
    if not pictures:
        raise AthanorError(
            f"folder {quoted(settings.folder)}: none of its {len(files)} pictures can be read ({notes.left_out[0]})"
        )
    if len(notes.by_class) == len(pictures):  # no captions at all: class tokens are what the user wants
        notes.by_class.clear()
    extension = captions.with_dot(settings.caption_extension)
    everything = [path for _, paths in listed for path in paths]
    about_captions = hints.of_captions(root, folders, everything, [path for path, _ in files], notes.without, extension)
    warnings = [
        *notes.sentences(extension, len(pictures), settings),
        *about_captions,
        *_unread(everything, folders, settings),
        *filter(None, [hints.years(root, folders), hints.control_folders(root, folders, settings)]),
    ]
    if mask_files:
        warnings += mask_files.unused()
    if control_files:
        warnings += control_files.names.warnings()
    return Dataset((settings,), tuple(pictures), tuple(map(one_line, warnings)))


def _mask(
    path: Path, inspected: decode.Inspected, settings: DatasetSettings, masks: Masks | None
) -> MaskMatch | str | None:
    """Return the picture's mask, why it cannot be used, or None; a mask file wins over the alpha channel."""
    match = masks.of(path, inspected.size) if masks else None
    if match is None and settings.alpha_mask and inspected.has_alpha:
        return MaskMatch(Mask(path, inspected.content, is_alpha=True), None)
    return match


def _no_pictures(
    settings: DatasetSettings, folders: DatasetFolders, listed: list[tuple[DatasetFolder, list[Path]]]
) -> str:
    sentence = (
        f"folder {quoted(settings.folder)}: no pictures found; put png, jpg, webp, bmp or avif files in it, or in sub-folders "
        "named 'N_name' (N = repeats)."
    )
    if others := Counter(p.suffix.lower() for _, ps in listed for p in ps if p.suffix.lower() in decode.OTHER_SUFFIXES):
        sentence += f" It contains {', '.join(f'{n} {suffix}' for suffix, n in sorted(others.items()))}: convert them."
    elif folders.skipped:
        sentence += f" Its sub-folders ({first_few(folders.skipped)}) are read with nested_folders on."
    if folders.numbered:
        sentence += f" {_TOO_LARGE}: {first_few(folders.numbered)}."
    return sentence


def _unread(everything: list[Path], folders: DatasetFolders, settings: DatasetSettings) -> Iterator[str]:
    """Yield warnings about pictures and folders that look like part of the dataset, but are not read."""
    others = [p.name for p in everything if p.suffix.lower() in decode.OTHER_SUFFIXES]
    if others:
        yield f"{plural(len(others), 'file')} in a format that is not read, convert to png or jpg: {first_few(others)}."
    told_apart = hints.forgotten_controls(folders.skipped, settings)  # nested_folders is no advice for these
    if skipped := [name for name in folders.skipped if name not in told_apart]:
        shown = first_few(skipped)
        yield f"Sub-folders without repeats in their name ('N_name') are not read, unless nested_folders is on: {shown}."
    if folders.numbered:
        yield f"{_TOO_LARGE}: {first_few(folders.numbered)}."
    if folders.again:
        yield f"Links to folders that are read under another name are passed over: {first_few(folders.again)}."
    if folders.closed:
        yield f"{plural(len(folders.closed), 'sub-folder')} left out, as it cannot be opened: {first_few(folders.closed)}."
