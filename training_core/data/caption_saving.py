"""Save Captions: captions of a graph go into the files beside the pictures; and which pictures still have none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import AthanorError, quoted, shortened
from ..settings import DatasetSettings
from ..wording import first_few, plural
from . import answers, caption_changes, caption_files, caption_text
from .caption_changes import NewCaption
from .caption_text import LONGEST
from .dataset import Dataset, Picture

MISSING, ALL = "only missing files", "all, with backup"
_MOST_SHOWN = 10


def without_file(dataset: Dataset) -> list[Picture]:
    """Return the pictures that have no caption file."""
    return [p for p in dataset.pictures if not caption_files.file_of(dataset, p).exists()]


def names_of(dataset: Dataset) -> dict[str, Picture]:
    """Return the pictures by names of their own, in their order: a name that two folders have is told with its folder in front.

    Of a picture that is there twice with one caption file, the first counts.
    """
    files: dict[str, dict[Path, Picture]] = {}
    for picture in dataset.pictures:
        files.setdefault(picture.name, {}).setdefault(caption_files.file_of(dataset, picture), picture)
    named: dict[str, Picture] = {}
    for picture in dataset.pictures:
        alike = list(files[picture.name].values())
        folder = f"{picture.subset + 1} {dataset.subsets[picture.subset].folder}: " if len(alike) > 1 else ""
        if picture in alike:
            named[f"{folder}{picture.name}"] = picture
    return named


def save(dataset: Dataset, captions: Sequence[str], names: Sequence[str], mode: str, backups: Path) -> list[str]:
    """Write captions into the files beside the pictures, and return lines that tell how many, and the first of them.

    What is written is what `answers.caption` finds in a captioner's answer; where it finds nothing, the file stays as it is, and
    is still missing next time. Line breaks become spaces where enable_wildcard is off, for only the first line would be trained.
    A picture that shares its file with one before it, such as cat.jpg beside cat.png, gets that one's caption.

    Args:
        captions: one for each picture, or for each name.
        names: of the pictures that the captions belong to, as `names_of` gives them; none: all pictures in their order.
        mode: MISSING or ALL.
        backups: the folder of all backups.

    Raises:
        AthanorError: there are not as many captions as pictures, or a name is of none of them.
    """
    pictures = _named(dataset, names) if names else list(dataset.pictures)
    if len(captions) != len(pictures):
        whose = "names" if names else "pictures"
        raise AthanorError(
            f"captions: there are {len(captions)} for {len(pictures)} {whose}; a captioner must give a list with one text for each."
        )
    wanted: dict[Path, NewCaption] = {}
    kept = shared = 0
    empty: list[str] = []
    endless: list[str] = []
    for picture, answer in zip(pictures, captions, strict=True):
        before = caption_text.read(dataset, picture)
        text = answers.caption(answer, dataset.subsets[picture.subset].enable_wildcard)
        if before.file in wanted:
            shared += 1
        elif mode == MISSING and before.data is not None:
            kept += 1
        elif not text or len(text) > LONGEST:
            (endless if text else empty).append(picture.name)
        else:
            wanted[before.file] = NewCaption(caption_files.root_of(picture), before, text)
    count = caption_changes.write(backups, "Save Captions", list(wanted.values()))
    told = [f"{plural(count, 'caption file')} written."]
    told += [f"{plural(kept, 'picture')} had a caption file, which stays as it is."] * bool(kept)
    told += [f"{plural(shared, 'picture')} shared a file with another one, whose caption it has."] * bool(shared)
    told += [f"{plural(len(empty), 'answer')} had no text: nothing was written for {first_few(empty)}."] * bool(empty)
    told += [f"Longer than {LONGEST:,} characters, so not written: {first_few(endless)}."] * bool(endless)
    told += [f"{each.before.file.name}: {shortened(each.text, 100)}" for each in list(wanted.values())[:_MOST_SHOWN]]
    if len(wanted) > _MOST_SHOWN:
        told.append(f"... and {len(wanted) - _MOST_SHOWN} more")
    return told


def _named(dataset: Dataset, names: Sequence[str]) -> list[Picture]:
    by_name = names_of(dataset)
    if missing := next((name for name in names if name not in by_name), None):
        raise AthanorError(
            f"names: {quoted(missing)} is no picture of the dataset; connect the same dataset to Dataset Images and Save Captions."
        )
    return [by_name[name] for name in names]


def read_anew(dataset: Dataset, scan: Callable[[DatasetSettings], Dataset]) -> Dataset:
    """Return a dataset with the captions and warnings that its folders have now; repeats and settings stay.

    Args:
        scan: reads the folder of a subset.
    """
    fresh = [scan(settings) for settings in dataset.subsets]
    captions = [{picture.path: picture.caption for picture in each.pictures} for each in fresh]
    pictures = (replace(p, caption=captions[p.subset].get(p.path, p.caption)) for p in dataset.pictures)
    return Dataset(dataset.subsets, tuple(pictures), tuple(w for each in fresh for w in each.warnings))
