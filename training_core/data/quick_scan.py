"""What can be told of a dataset folder from the names of its files alone, before any picture is opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..files import is_file
from ..settings import DatasetSettings
from ..text_files import one_line
from . import captions, decode, hints
from .controls import ControlNames, alone
from .folders import dataset_folders, files_of

MOST = 20_000
"""Pictures above which nothing is told: a file system may take seconds for their captions' names."""


@dataclass(frozen=True, slots=True)
class QuickScan:
    """What the names of a folder's files tell."""

    samples: int  # pictures of an epoch, repeats counted; some of them may turn out to be no pictures
    hints: list[str]  # on captions and control pictures, one sentence for each kind


def quick_scan(
    settings: DatasetSettings, root: Path, masks: Path | None = None, controls: Path | None = None
) -> QuickScan:
    """Return what a Dataset Loader will read, as far as names tell it; what `scan` finds inside the files is not known yet.

    Args:
        settings: of the Dataset Loader.
        root: its folder.
        masks: that of its masks.
        controls: that of its control pictures.
    """
    folders = dataset_folders(root, settings, (masks, controls))
    listed = [(folder, files_of(folder.path)) for folder in folders.read]
    files = [path for _, paths in listed for path in paths]
    found = [(path, folder) for folder, paths in listed for path in paths if path.suffix.lower() in decode.SUFFIXES]
    samples = sum(folder.repeats for _, folder in found)
    if not 0 < len(found) <= MOST:
        return QuickScan(samples, [])
    extension = captions.with_dot(settings.caption_extension)
    lacking = [(path, folder) for path, folder in found if not is_file(captions.caption_file(path, extension))]
    without = [path for path, folder in lacking if not (folder.class_tokens or settings.class_tokens).strip()]
    empty = [path.relative_to(root).as_posix() for path in without]
    said = [hints.missing_captions(empty, len(found), extension, settings)]
    said += hints.of_captions(
        root, folders, files, [path for path, _ in found], [path for path, _ in lacking], extension
    )
    said += [hints.years(root, folders), hints.control_folders(root, folders, settings)]
    if controls:
        pairs = ControlNames.read(root, controls, [path for path, _ in found])
        said += [
            alone([path.relative_to(root).as_posix() for path, _ in found if not pairs.of[path]]),
            *pairs.warnings(),
        ]
    return QuickScan(samples, [one_line(text) for text in said if text])
