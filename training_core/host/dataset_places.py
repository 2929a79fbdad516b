"""The folders of a dataset that a workflow names: its pictures, their masks and their control pictures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import AthanorError, quoted
from . import folders


@dataclass(frozen=True, slots=True)
class DatasetPlaces:
    """Where the pictures of a Dataset Loader are, their masks, and their control pictures; None: it names none."""

    root: Path
    masks: Path | None
    controls: Path | None


def dataset_places(folder: str, masks: str, controls: str) -> DatasetPlaces:
    """Return the folders that a workflow means by its folder, mask_folder and control_folder.

    Raises:
        AthanorError: one is missing, no folder, or outside of ComfyUI's folders of pictures.
    """
    root = folders.dataset_folder(folder)
    return DatasetPlaces(root, folders.mask_folder(masks, root), control_folder(controls, root))


def control_folder(name: str, dataset: Path) -> Path | None:
    """Return the folder of control pictures a workflow means; None if it is empty.

    It is looked up below the dataset's folder, then beside it, then like `folders.dataset_folder`.

    Raises:
        AthanorError: it is missing, no folder, outside, or the folder of the pictures itself.
    """
    if not name.strip():
        return None
    found = _beside(name, dataset) or _elsewhere(name)
    if os.path.realpath(found) == os.path.realpath(dataset):
        raise AthanorError(
            f"control_folder {quoted(name, 100)} is the folder of the pictures themselves: put what they are made from "
            "into a folder of its own, such as a sub-folder named control."
        )
    return found


def _beside(name: str, dataset: Path) -> Path | None:
    """Return the folder of that name in the dataset's folder, else the one beside it, if that is in ComfyUI's folders too."""
    found = folders.below(dataset, name)
    if found and os.path.isdir(found):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
        return found
    found = folders.below(dataset.parent, name)
    if found is None or not any(folders.below(root, found) for root in folders.dataset_roots()):
        return None
    return found if os.path.isdir(found) else None  # noqa: PTH112


def _elsewhere(name: str) -> Path:
    try:
        return folders.dataset_folder(name)
    except AthanorError as error:
        raise AthanorError(f"control_{error}") from None
