"""Group pictures whose thumbnails are the same, without comparing each with each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

_ROWS = 256  # of the matrix of agreeing bits at a time: 10 MB with 10,000 pictures
_CHUNK = 2048  # thumbnails that are compared at a time: 25 MB

_MOST = 500_000
"""Pairs of thumbnails that are compared, or 30 a picture: more only where very many look alike and none is the same, as with
pages of text; what is left then is not named."""

Tick = Callable[[int, int], None]
"""Called with (pictures compared, of how many); an exception that it raises stops the comparing."""


class Groups:
    """Things that are connected, directly or over others: each has the number of its group."""

    def __init__(self, count: int) -> None:
        self.number = np.arange(count)  # (count,): equal for things of one group
        self._members: dict[int, list[int]] = {}  # of groups of more than one

    def unite(self, a: int, b: int) -> None:
        """Make one group of the groups of two things."""
        small, large = int(self.number[a]), int(self.number[b])
        if small == large:
            return
        members = self._members.pop(small, [small]), self._members.pop(large, [large])
        if len(members[0]) > len(members[1]):
            (small, large), members = (large, small), members[::-1]
        self.number[members[0]] = large
        members[1].extend(members[0])
        self._members[large] = members[1]

    def listed(self) -> list[tuple[int, ...]]:
        """Return the groups of two and more, sorted."""
        return sorted(tuple(sorted(group)) for group in self._members.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is compared of a series of n pictures."""

    bits: np.ndarray  # (n, 64) float32, perceptual hashes: 1 and -1
    thumbs: np.ndarray  # (n, 32, 32, 3) uint8
    means: np.ndarray  # (n, 3) float32, of the colours
    spreads: np.ndarray  # (n,) float32, standard deviation around these means
    coarse: np.ndarray  # (n, 192) float32, thumbnails without their means, reduced to 8x8

    @classmethod
    def of(cls, thumbs: np.ndarray, bits: np.ndarray) -> Look:
        """Measure thumbnails (n, 32, 32, 3) uint8 with the hashes `bits` (n, 64) bool."""
        means = thumbs.mean((1, 2), dtype=np.float32)
        coarse = thumbs.reshape(-1, 8, 4, 8, 4, 3).mean((2, 4), dtype=np.float32) - means[:, None, None]
        parts = (thumbs[start : start + _CHUNK] for start in range(0, len(thumbs), _CHUNK))
        return cls(
            bits=np.where(bits, np.float32(1), np.float32(-1)),
            thumbs=thumbs,
            means=means,
            spreads=np.concatenate([_centred(part).std((1, 2, 3)) for part in parts]),
            coarse=coarse.reshape(-1, 192),
        )


def group(look: Look, other: Look, distance: int, apart: np.ndarray | None = None, tick: Tick | None = None) -> Groups:
    """Group the pictures of which one in `look` shows the same as one in `other` (the same ones, or their mirror images).

    Two pictures that one group holds already are not compared: of m pictures of a scene about m pairs are, not m² / 2.

    Args:
        distance: bits in which the hashes of pictures that are compared may differ.
        apart: (n,) numbers; pictures of equal ones are not compared. None: all are.
    """
    count = len(look.bits)
    groups, left = Groups(count), max(_MOST, 30 * count)
    for start in range(0, count, _ROWS):
        pulse = partial(tick, start, count) if tick else None
        i, j = _candidates(look, other, distance, start)
        needed = np.ones(len(i), bool) if apart is None else apart[i] != apart[j]
        for some in (needed & _firsts(j), needed):
            some = np.flatnonzero(some & (groups.number[i] != groups.number[j]))
            some = some[_alike_in_structure(look, other, i[some], j[some], start)]
            left -= _compare(groups, look, other, i[some][:left], j[some][:left], pulse)
        if tick:
            tick(min(count, start + _ROWS), count)
    return groups


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether thumbnails a[i] and b[i] (n, 32, 32, 3) show the same picture: bool (n,).

    A hash alone cannot know: simple pictures often share one. The colours may be shifted a little; the structure (the
    deviation from the mean colour) must differ by less than 0.6 of its own spread. For flat pictures the colour decides.
    """
    centred = _centred(a), _centred(b)
    spread = (centred[0].std((1, 2, 3)) + centred[1].std((1, 2, 3))) / 2
    differing = np.sqrt(((centred[0] - centred[1]) ** 2).mean((1, 2, 3)))
    apart = np.abs(a.astype(np.float32) - b.astype(np.float32)).mean((1, 2, 3))
    return (differing < 0.6 * (spread + 4)) & (apart < spread + 6)


def _centred(thumbs: np.ndarray) -> np.ndarray:
    values = thumbs.astype(np.float32)
    return values - values.mean((1, 2), keepdims=True)


def _candidates(look: Look, other: Look, distance: int, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Return i and j, with i < j, of all pairs that can be the `same`, for the _ROWS pictures i from `start` on.

    Their hashes differ in at most `distance` bits; and colours, spreads and reduced thumbnails, which differ by no more
    than the thumbnails do, are near enough.
    """
    rows, columns = slice(start, start + _ROWS), slice(start, None)
    # Of +1 and -1 the product sums to (equal bits) - (different bits).
    near = look.bits[rows] @ other.bits[columns].T >= look.bits.shape[1] - 2 * distance
    near &= np.arange(near.shape[1]) > np.arange(near.shape[0])[:, None]
    if near.any():
        spread = (look.spreads[rows, None] + other.spreads[None, columns]) / 2
        near &= np.abs(look.spreads[rows, None] - other.spreads[None, columns]) < _structure_limit(spread)
        near &= (
            sum(np.abs(look.means[rows, None, c] - other.means[None, columns, c]) for c in range(3)) / 3 < spread + 6.1
        )
        near &= _squared(look.coarse[rows], other.coarse[columns]) < _structure_limit(spread) ** 2
    i, j = np.nonzero(near)
    return i + start, j + start


def _structure_limit(spread: np.ndarray) -> np.ndarray:
    """Return how much the structure of the `same` pictures may differ, with a little room for rounding."""
    return 0.6 * (spread + 4) + 0.1


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean squared differences (rows of a, rows of b) of vectors, by their products."""
    return ((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)) / a.shape[1]


def _firsts(j: np.ndarray) -> np.ndarray:
    """Return which pairs are the first of their j: bool (pairs,). They connect as many pictures as any others could."""
    result = np.zeros(len(j), bool)
    result[np.unique(j, return_index=True)[1]] = True
    return result


def _alike_in_structure(look: Look, other: Look, i: np.ndarray, j: np.ndarray, start: int) -> np.ndarray:
    """Return which pairs may be the same by the structure of their whole thumbnails: bool (pairs,).

    Where pairs are many, products of all rows with all columns are quicker than a look at each; where they are few, that
    look follows anyway.
    """
    if len(i) < 4 * len(look.bits):
        return np.ones(len(i), bool)
    rows = _centred(look.thumbs[start : start + _ROWS]).reshape(-1, 3072)
    squared = np.empty(len(i), np.float32)
    for first in range(start, len(look.bits), _CHUNK):
        here = np.flatnonzero((j >= first) & (j < first + _CHUNK))
        columns = _centred(other.thumbs[first : first + _CHUNK]).reshape(-1, 3072)
        squared[here] = _squared(rows, columns)[i[here] - start, j[here] - first]
    return squared < _structure_limit((look.spreads[i] + other.spreads[j]) / 2) ** 2


def _compare(
    groups: Groups, look: Look, other: Look, i: np.ndarray, j: np.ndarray, pulse: Callable[[], None] | None
) -> int:
    """Compare the thumbnails of pairs, and unite those that are the same; return how many were compared.

    That is done in chunks, as most become needless meanwhile.

    Args:
        pulse: called after each chunk; an exception that it raises ends the comparing.
    """
    compared = 0
    while len(i):
        compared += len(i[:_CHUNK])
        chunk = (i[:_CHUNK], j[:_CHUNK])
        for a, b, alike in zip(*chunk, same(look.thumbs[chunk[0]], other.thumbs[chunk[1]]), strict=True):
            if alike:
                groups.unite(int(a), int(b))
        if pulse:
            pulse()
        i, j = i[_CHUNK:], j[_CHUNK:]
        needed = groups.number[i] != groups.number[j]
        i, j = i[needed], j[needed]
    return compared
