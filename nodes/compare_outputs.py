"""What XYZ Compare and XYZ Grid Image pass on and show: pages, pictures, and what was measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..training_core.errors import AthanorError
from ..training_core.pictures import UnreadablePicture, opened
from .progress import Progress
from .schema import image_output

if TYPE_CHECKING:
    from ..training_core.compare.prepare import PreparedComparison

MOST_PIXELS = 100e6
"""Pixels of grid pages that are passed on as IMAGE, at 12 bytes each; the files on disk have all pages."""


def likeness_text(prepared: PreparedComparison, scorer: Any, progress: Progress) -> str:
    """Measure the pictures of a comparison, show that in its viewer, and return a line on it; '' where no scorer is connected."""
    if scorer is None:
        return ""
    from ..training_core.compare import scoring, viewer

    said = scoring.score(prepared, scorer, progress.told("comparing with the dataset:"))
    viewer.write(prepared.store.folder, prepared.document)
    return f"\n{said}"


def loaded(paths: Sequence[Path], wanted: bool, pixels: float = float("inf")) -> list[torch.Tensor]:
    """Return picture files as IMAGEs, (1, H, W, 3) float32 each: at least one, then up to `pixels`; none if not wanted."""
    found: list[torch.Tensor] = []
    for path in paths if wanted else ():
        try:
            with opened(path) as image:
                pixels -= image.width * image.height
                picture = None if found and pixels < 0 else image.convert("RGB")
        except UnreadablePicture as error:
            raise AthanorError(f"{path.name} cannot be read ({error}); delete it and queue again.") from None
        if picture is None:
            break
        found.append(image_output(picture))
    return found


def listed(pages: Sequence[Path]) -> list[dict[str, str]]:
    """Return pages as ComfyUI's page loads them: file name, sub-folder and kind of folder."""
    return [
        {"filename": path.name, "subfolder": f"athanor/compare/{path.parent.name}", "type": "output"} for path in pages
    ]
