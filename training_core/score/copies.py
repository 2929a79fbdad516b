"""From where on a picture is a copy: calibrated on how near a dataset's own pictures are to each other (pure).

Each training picture is compared with all others, mirrored or not; the largest closeness is how near a picture comes to another one that
it is no copy of. Of the logarithms of these distances (1 - closeness), median and spread say where a new picture would have to lie to be
nearer than one in 1000 such pictures: Student's t for the prediction of one more value, since the spread itself is measured on a few.
Nothing that lies among the distances themselves is a copy either. Held-out pictures, which nothing was learned from, count likewise.

Groups of near duplicates count as one picture, and within them nothing is compared: else a dataset with doubles would find no copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..wording import plural

VERSION = 1
"""Raised when equal pictures would be told otherwise: what is kept is measured anew."""
NEEDED = 8
"""Different pictures below which nothing can be said."""
_ONE_IN = 1000
_ENOUGH = 1000  # pictures of which the nearest other one is looked for
_TOGETHER = 64  # pictures that are compared with all others at a time
_SMALLEST = 1e-4  # of a distance: what is left between a picture and itself is rounding
_LEAST_SPREAD = 0.15
"""Of logarithms of distances. A few pictures often lie more evenly than others of their kind: over 40 draws each of 8 to 24 of 240 drawn
scenes, 1.6 to 3.7 % of the other scenes passed for copies without this, and 0.15 to 0.5 % with it; copies were found as before."""
_ALIKE = 0.95
"""A threshold above which copies slip through: of 240 drawn pictures of one creature, in one of five places each, thresholds of 8 to 48 of
them were 0.96 to 0.98, and 37 to 54 % of their copies with noise, blur, a crop or a shift were found, at 0.5 to 2.3 % false alarms."""
_AS_SPREAD = 1.4826
"""Median absolute deviation of a normal distribution times this is its standard deviation."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a dataset says about copies."""

    threshold: float | None  # a closeness from here on is a copy; None: it cannot be told
    said: str  # how it was found, or why it cannot be told, in one sentence
    different: int  # pictures that are no near duplicates of each other
    middle: float = 0.0  # closeness of a training picture to the nearest other one, the median

    def taken_from(self, near: np.ndarray, other: Calibration) -> np.ndarray:
        """Return closeness by another measure as it would be by this one: the median and the threshold of both are the same, and so is 1.

        Between them it is the logarithms of distances that are in proportion. Where one has no threshold, nothing is near: -inf.
        """
        if self.threshold is None or other.threshold is None:
            return np.full(len(near), -np.inf)
        (mine, my_limit), (theirs, their_limit) = (
            [float(np.log(max(1 - value, _SMALLEST / 10))) for value in (each.middle, each.threshold or 1.0)]
            for each in (self, other)
        )
        part = (theirs - np.log(np.maximum(1 - near, _SMALLEST))) / (theirs - their_limit)
        return 1 - np.exp(mine - part * (mine - my_limit))


def closeness(layout: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return how near a picture is to each reference, the better of plain and mirrored: (n,), 1 for the same picture.

    Args:
        layout: (e,), of length 1.
        references: (n, 2, e), each plain and mirrored, of length 1.
    """
    return (references @ layout).max(1)


def calibrate(references: np.ndarray, groups: Sequence[int], others: Sequence[float] = ()) -> Calibration:
    """Return from where on a picture counts as a copy of one of these.

    Args:
        references: (n, 2, e), as for `closeness`.
        groups: of each: equal numbers for near duplicates.
        others: closeness of held-out pictures to the nearest reference.
    """
    numbers = np.asarray(groups)
    firsts = np.unique(numbers, return_index=True)[1]
    different = len(firsts)
    if different < NEEDED:
        return Calibration(
            None,
            f"Copies cannot be told from {plural(different, 'different training picture')}: that takes {NEEDED}, compared with each other.",
            different,
        )
    near = _nearest_others(references, numbers, firsts[:: -(-different // _ENOUGH)])
    limit = _limit(np.array([*near, *others]))
    alike = " They are so much alike that only about half of all copies are found." if limit > _ALIKE else ""
    said = (
        f"A copy is nearer than {_told(limit)}: training pictures come as near as {_told(max(near))} to each other (median "
        f"{_told(float(np.median(near)))} of {different}), and one in {_ONE_IN} like them would pass it.{alike}"
    )
    return Calibration(limit, said, different, float(np.median([*near, *others])))


def _told(value: float) -> str:
    """Return a closeness in words: two digits, and more near 1, where two would say 1.00."""
    return f"{value:.2f}" if value < 0.985 else f"{value:.4f}"


def _nearest_others(references: np.ndarray, groups: np.ndarray, indices: np.ndarray) -> list[float]:
    """Return how near each of some references comes to one of another group; several at once, which is one product of matrices."""
    table = references.reshape(-1, references.shape[-1]).T  # (e, 2 n)
    found: list[float] = []
    for start in range(0, len(indices), _TOGETHER):
        some = indices[start : start + _TOGETHER]
        near = (references[some, 0] @ table).reshape(len(some), -1, 2).max(2)
        near[groups[some, None] == groups] = -np.inf
        found += near.max(1).tolist()
    return found


def _limit(near: np.ndarray) -> float:
    from scipy.special import stdtrit

    distances = np.log(np.maximum(1 - near, _SMALLEST))
    middle, count = float(np.median(distances)), len(distances)
    apart = distances - middle
    # The nearer half may reach farther than the other one: a few pictures of one scene.
    nearer = float(np.sqrt(2 * np.mean(np.minimum(apart, 0) ** 2)))
    spread = max(_AS_SPREAD * float(np.median(np.abs(apart))), nearer, _LEAST_SPREAD)
    reach = float(stdtrit(count - 1, 1 - 1 / _ONE_IN)) * (1 + 1 / count) ** 0.5
    return float(max(near.max() + 1e-6, 1 - np.exp(middle - reach * spread)))
