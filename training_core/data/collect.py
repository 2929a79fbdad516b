"""Save pictures that nodes made as a dataset folder, named after its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from ..errors import AthanorError
from ..files import write_atomically
from ..leftovers import sweep
from ..settings import DatasetSettings
from ..text_files import whole_characters
from .dataset import Dataset
from .scan import scan

MASKS, CONTROLS = "masks", "control"
"""Sub-folders beside the pictures."""


def per_picture(captions: Sequence[str], count: int) -> list[str]:
    """Return one caption for each of `count` pictures; a single one is repeated, and no captions stay none ([]).

    Raises:
        AthanorError: the number of captions is neither 0, 1 nor `count`.
    """
    if len(captions) not in (0, 1, count):
        raise AthanorError(
            f"captions: there are {len(captions)} for {count} pictures; connect one per picture, one for all of them, or none."
        )
    return list(captions) * count if len(captions) == 1 else list(captions)


def collect(
    root: Path,
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    masks: Sequence[np.ndarray],
    settings: DatasetSettings,
    remembered: Path | None = None,
    *,
    controls: Mapping[str, Sequence[np.ndarray]] = MappingProxyType({}),
) -> Dataset:
    """Write pictures into a folder below `root` and return it as a dataset.

    The folder is named after the SHA-256 of all pixels, masks, control pictures and captions, so the same input uses the same folder and
    writes nothing again. It is an ordinary dataset that a Dataset Loader can read too.

    Args:
        pictures: (H, W, 3) uint8 each.
        captions: none, one for all, or one per picture.
        masks: none, one for all, or one (H, W) uint8 per picture.
        remembered: as for `scan`.
        controls: control pictures by the name of the input that brings them: none, one for all, or one (H, W, 3) uint8 per
            picture in each. A picture has one of each input, in their order.

    Raises:
        AthanorError: captions, masks or control pictures are not as many as the pictures, or a mask has another shape.
    """
    texts = per_picture(captions, len(pictures))
    for name, given in {"masks": masks, **controls}.items():
        if len(given) not in (0, 1, len(pictures)):
            raise AthanorError(
                f"{name}: there are {len(given)} for {len(pictures)} pictures; connect one per picture, or one for all of them."
            )
    shown = [given for given in controls.values() if given]
    files = {}
    for i, pixels in enumerate(pictures):
        name = f"{i + 1:04}_{_hash(pixels)[:8]}"
        files[f"{name}.png"] = pixels
        if texts:
            files[f"{name}.txt"] = whole_characters(texts[i].strip())
        if masks:
            files[f"{MASKS}/{name}.png"] = masks[i % len(masks)]
        for number, given in enumerate(shown, 1):
            numbered = f"_{number}" * (len(shown) > 1)
            files[f"{CONTROLS}/{name}{numbered}.png"] = given[i % len(given)]
    digest = hashlib.sha256()
    for name, value in files.items():
        digest.update(f"{name} {value if isinstance(value, str) else _hash(value)}\n".encode())
    folder = root / digest.hexdigest()[:16]
    sweep({(folder / name).parent for name in files})
    for name, value in files.items():
        _write(folder / name, value)
    beside = {"mask_folder": MASKS if masks else "", "control_folder": CONTROLS if shown else ""}
    settings = settings.model_copy(update={"folder": f"athanor/{folder.name}", **beside})
    places = (folder / MASKS if masks else None, folder / CONTROLS if shown else None)
    return scan(settings, folder, places[0], remembered, places[1])


def _hash(pixels: np.ndarray) -> str:
    return hashlib.sha256(f"{pixels.shape}".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _write(path: Path, value: str | np.ndarray) -> None:
    if isinstance(value, str):
        if not path.is_file() or path.read_text(encoding="utf-8") != value:
            write_atomically(path, lambda temporary: temporary.write_text(value, encoding="utf-8"))
    elif not path.is_file():
        image = Image.fromarray(value)
        write_atomically(path, lambda temporary: image.save(temporary, format="PNG", compress_level=4))
