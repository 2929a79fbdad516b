"""How near a picture comes to each training picture, by what a vision model sees and by colours and edges, whichever says nearer.

A vision model knows what is drawn, and takes a picture that was learned by heart for another one as soon as its brush is coarser: of a run
whose samples a person saw to be copies from epoch 240 on, a CLIP told none in 720 epochs, and colours and edges all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import copies
from .copies import Calibration
from .references import References


@dataclass(frozen=True, slots=True)
class Nearness:
    """The layouts of the training pictures by one measure."""

    layouts: np.ndarray  # (n, 2, e), plain and mirrored
    centre: np.ndarray | None  # (e,) taken off layouts: what all pictures of a vision model have in common
    calibration: Calibration

    @classmethod
    def of(cls, training: References, held_out: References | None, weak: bool) -> Nearness:
        """Return it, calibrated on the pictures themselves; `weak`: by colours and edges."""
        centre = None if weak else training.layouts.mean((0, 1))
        layouts = _centred(training.layouts, centre)
        others = [_centred(each, centre) for each in held_out.layouts[:, 0]] if held_out else []
        near = [float(copies.closeness(each, layouts).max()) for each in others]
        return cls(layouts, centre, copies.calibrate(layouts, training.groups, near))

    def closeness(self, layout: np.ndarray) -> np.ndarray:
        """Return how near a picture is to each training picture, (n,), 1 for the same one."""
        return copies.closeness(_centred(layout, self.centre), self.layouts)


def nearest(measures: Sequence[Nearness], layouts: Sequence[np.ndarray]) -> tuple[int, float]:
    """Return the index of the nearest training picture, and how near it is on the scale of the first measure.

    Args:
        layouts: of one picture, by each of the measures.
    """
    first = measures[0]
    near = first.closeness(layouts[0])
    for other, layout in zip(measures[1:], layouts[1:], strict=False):
        near = np.maximum(near, first.calibration.taken_from(other.closeness(layout), other.calibration))
    index = int(near.argmax())
    return index, float(near[index])


def _centred(layout: np.ndarray, centre: np.ndarray | None) -> np.ndarray:
    """Return a layout without what all of them have in common, at length 1 again: a vision model's patches are much alike."""
    if centre is None:
        return layout
    apart = layout - centre
    return apart / np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-6)
