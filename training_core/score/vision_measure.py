"""The measure of a CLIP_VISION model of the graph: CLIP, SigLIP, DINOv2 or DINOv3."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..host import vision
from .looks import Look, Progress, unit

_VERSION = 1
_KEPT = 64
"""Numbers of each patch that are kept: a fixed random projection of its 1000 or so, by which angles stay (Johnson and Lindenstrauss)."""


class VisionMeasure:
    """A vision model: what a picture shows as the model's own vector, where it shows it as its patches."""

    weak = False
    blind = (
        "It sees what its model was trained to see: CLIP knows words better than faces, DINO shapes better than words; neither reads "
        "fine detail, hands or text."
    )

    def __init__(self, model: Any) -> None:
        """Take a CLIP_VISION of the graph.

        Raises:
            AthanorError: it is no model of this ComfyUI's.
        """
        vision.check(model)
        self.model, self.title = model, vision.title(model)
        self.content = f"vision {_VERSION} {vision.content(model)}"

    def looks(self, images: Sequence[np.ndarray], progress: Progress | None = None) -> list[Look]:
        """Return the looks of pictures, each (H, W, 3) uint8, in their order.

        Raises:
            ForeignFault: the model has failed.
        """
        found = vision.embed(self.model, images, progress)
        return [Look(unit(whole), unit(places @ _projection(places.shape[1]))) for whole, places in found]

    def give_back(self) -> None:
        """Take the model off the device."""
        vision.give_back(self.model)


@lru_cache(maxsize=4)
def _projection(width: int) -> np.ndarray:
    """Return a random matrix (width, _KEPT), the same one every time."""
    rng = np.random.Generator(np.random.PCG64(width))
    return (rng.integers(0, 2, (width, _KEPT)) * 2 - 1).astype(np.float32) / np.float32(_KEPT**0.5)
