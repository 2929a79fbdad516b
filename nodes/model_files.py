"""The file of a model that a loader's widget names, and the family that the header of the file tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..training_core.history.run_files import Remembered
from ..training_core.host import folders

if TYPE_CHECKING:
    from ..training_core.families import Family

LOADERS = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models"}
"""Input of a loader -> the host's list of files that it names one of."""


def named(inputs: Mapping[str, Any]) -> str:
    """Return the name of the model's file that a loader's inputs hold, without its folders; '' if they name none."""
    names = [value for name in LOADERS if isinstance(value := inputs.get(name), str)]
    return names[0].replace("\\", "/").rpartition("/")[2] if names else ""


def family(inputs: Mapping[str, Any]) -> Family | None:
    """Return the family of the model's file that a loader's inputs name; None where it is not known.

    The header alone is read, and that of an unchanged file once.
    """
    for name, kind in LOADERS.items():
        value = inputs.get(name)
        path = folders.model_file(kind, value) if isinstance(value, str) and value else None
        if path and (found := _families.of(path)):
            return found
    return None


def _read(path: Path) -> Family | None:
    from ..training_core.host import detection

    return detection.family_in_file(path)


_families: Remembered[Family | None] = Remembered(_read, missing=None)
