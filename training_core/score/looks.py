"""How a measure sees a picture: an embedding of what it shows, and one of where it shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Progress = Callable[[int, int], None]
"""Called with (done, total) after each picture; what it raises ends the work."""


@dataclass(frozen=True, slots=True)
class Look:
    """A picture as a measure sees it; equal pictures have equal looks."""

    whole: np.ndarray  # (d,) float32 of length 1: what it shows, wherever that is
    layout: np.ndarray  # (e,) float32: what it shows, place by place


class Measure(Protocol):
    """What makes looks of pictures."""

    title: str  # as it is shown
    weak: bool  # without a vision model
    content: str  # equal for measures that make the same looks
    blind: str  # what it cannot see, in one sentence

    def looks(self, images: Sequence[np.ndarray], progress: Progress | None = None) -> list[Look]:
        """Return the looks of pictures, each (H, W, 3) uint8, in their order."""
        ...

    def give_back(self) -> None:
        """Take its model off the device, if it has one."""
        ...


def unit(values: np.ndarray) -> np.ndarray:
    """Return a vector at length 1, as float32; one that is nothing but zeros stays."""
    values = values.astype(np.float32).reshape(-1)
    return values / max(float(np.linalg.norm(values)), 1e-6)
