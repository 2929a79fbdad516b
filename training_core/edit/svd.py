"""Singular values of a layer's change, and how many of them are kept: by a rank, or by one of sd-scripts' dynamic methods."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import torch

from ..settings.edit import Method
from .change import Factors

_ZERO = 1e-6
"""Of a largest singular value below it, sd-scripts takes the whole change for zero, and keeps rank 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankRule:
    """Which rank a layer gets; the dynamic methods are those of sd-scripts' resize_lora.py, number for number."""

    rank: int  # of linear layers and 1x1 convolutions; the most of a dynamic method
    conv_rank: int = 0  # of larger kernels; 0: the same
    method: Method = "fixed"
    target: float = (
        0.0  # sv_ratio: largest / smallest kept value; else the share that is kept (of their sum, or of the norm)
    )

    def most(self, shape: Sequence[int]) -> int:
        """Return the most that a weight of this shape gets."""
        return min(self.conv_rank if is_wide(shape) and self.conv_rank else self.rank, _full(shape))

    def enough(self, shape: Sequence[int]) -> int:
        """Return the rank up to which a change is left as it is; 0 for a dynamic method, which looks at the values of each."""
        return self.most(shape) if self.method == "fixed" else 0

    def count(self, values: torch.Tensor, shape: Sequence[int]) -> int:
        """Return how many singular values (largest first) are kept of a weight of this shape; at least one."""
        if not len(values) or float(values[0]) <= _ZERO:
            return 1
        return max(1, min(self._dynamic(values, _full(shape)), self.most(shape)))

    def _dynamic(self, values: torch.Tensor, full: int) -> int:
        """The dynamic methods keep one more than what first reaches the target."""
        if self.method == "sv_ratio":
            count = int((values > values[0] / self.target).sum())
        elif self.method == "sv_cumulative":
            count = int(torch.searchsorted(values.cumsum(0) / values.sum(), self.target)) + 1
        elif self.method == "sv_fro":
            squares = values.square()
            count = int(torch.searchsorted(squares.cumsum(0) / squares.sum(), self.target**2)) + 1
        else:
            return full
        return max(1, min(count, full - 1)) + 1


def is_wide(shape: Sequence[int]) -> bool:
    """Return whether a weight of this shape is a convolution of a larger kernel than 1x1."""
    return len(shape) > 2 and max(shape[2:]) > 1


def _full(shape: Sequence[int]) -> int:
    """Return the rank that a weight of this shape has at most."""
    return min(shape[0], math.prod(shape[1:]))


@dataclass(frozen=True, slots=True)
class Decomposed:
    """A change as u @ diag(values) @ v, largest value first; computed in float64."""

    values: torch.Tensor  # (r,)
    left: Callable[[int], torch.Tensor]  # the first k columns of u, (out, k)
    right: Callable[[int], torch.Tensor]  # the first k rows of v, (k, in * kernel): made for those that are kept
    rest: float = 0.0  # sum of the squares of values that were not asked for

    def cut(self, rank: int) -> tuple[torch.Tensor, torch.Tensor, float]:
        """Return `up` and `down` of the nearest change of that rank in float32, and the relative error (Frobenius).

        Both take the square root of the values, so that neither is too small for 16 bits. A rank above what there is brings
        nothing, and is not made.
        """
        rank = min(rank, len(self.values))
        root = self.values[:rank].sqrt()
        whole = float(self.values.square().sum()) + self.rest
        lost = float(self.values[rank:].square().sum()) + self.rest
        error = (lost / whole) ** 0.5 if whole else 0.0
        return (self.left(rank) * root).float(), (root[:, None] * self.right(rank)).float(), error


def of_factors(up: torch.Tensor, down: torch.Tensor) -> Decomposed:
    """Return the singular value decomposition of up (out, r) @ down (r, n), without making their product where r is small."""
    if up.shape[1] > min(len(up), down.shape[1]):
        return of_dense(up.double() @ down.double())
    left, small_left = torch.linalg.qr(up.double())
    right, small_right = torch.linalg.qr(down.double().T)
    u, values, v = torch.linalg.svd(small_left @ small_right.T, full_matrices=False)
    return Decomposed(values, lambda rank: left @ u[:, :rank], lambda rank: v[:rank] @ right.T)


def of_dense(matrix: torch.Tensor, most: int = 0) -> Decomposed:
    """Return the decomposition of a matrix (out, n) by the eigenvectors of its smaller square product.

    In float64 that loses nothing a float32 change has (values below 1e-8 of the largest).

    Args:
        matrix: of any device.
        most: how many of the largest values are needed; 0: all of them.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    wide = (matrix.T if tall else matrix).double()
    square = wide @ wide.T
    squares, u = _largest(square, most)
    rest = max(0.0, float(square.diagonal().sum() - squares.sum())) if len(squares) < len(square) else 0.0
    values, u = squares.flip(0).clamp(min=0).sqrt(), u.flip(1)
    known = values > values[0] * 1e-8
    known[0] = True  # of a change of zero, too: there is no LoRA of rank 0
    values, u = values[known], u[:, known]

    def near(rank: int) -> torch.Tensor:
        return u[:, :rank]

    def far(rank: int) -> torch.Tensor:
        return (u[:, :rank].T @ wide) / values[:rank, None].clamp(min=1e-150)

    left, right = (lambda rank: far(rank).T, lambda rank: near(rank).T) if tall else (near, far)
    return Decomposed(values, left, right, rest)


def _largest(square: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the `most` largest eigenvalues, smallest first, and their vectors; all of them where that is not much dearer.

    On a CPU the 32 largest of 1280 take half the time of all: 0.25 s of one core instead of 0.51 s.
    """
    count = len(square)
    if 0 < most <= count // 4 and square.device.type == "cpu":
        import numpy as np
        from scipy.linalg import eigh

        with suppress(np.linalg.LinAlgError):
            values, vectors = eigh(square.numpy(), subset_by_index=[count - most, count - 1], check_finite=False)
            return torch.from_numpy(values), torch.from_numpy(vectors)
    return torch.linalg.eigh(square)


def stacked(terms: Sequence[tuple[float, Factors]]) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return (up, down, scale) of the exact sum of weight * change: ranks add up.

    What all terms share of weight * scale is `scale`; the rest goes into `down`, whose numbers are large enough for 16 bits.
    """
    strengths = [weight * part.scale for weight, part in terms]
    scale = max(map(abs, strengths)) or 1.0
    ups = [part.up for _, part in terms]
    downs = [
        part.down if s == scale else part.down * (s / scale) for s, (_, part) in zip(strengths, terms, strict=True)
    ]
    one = len(terms) == 1  # its factors are as they are, without a copy
    return ups[0] if one else torch.cat(ups, 1), downs[0] if one else torch.cat(downs), scale


def distance(one: Sequence[tuple[float, Factors]], other: Sequence[tuple[float, Factors]]) -> tuple[float, float]:
    """Return |one - other| and |one| (Frobenius) of two sums of weight * low-rank change; nothing of a layer's size is made.

    |U D|^2 = tr((U'U)(DD')), in float64: what cancels to 1e-8 of its parts counts as nothing.
    """
    if rounded := _rounding(one, other):
        return rounded
    both = [*one, *((-weight, part) for weight, part in other)]
    if not both:
        return 0.0, 0.0
    up = torch.cat([part.up.double() * (weight * part.scale) for weight, part in both], 1)
    down = torch.cat([part.down.double() for _, part in both])
    products = (up.T @ up) * (down @ down.T)
    own = sum(part.up.shape[1] for _, part in one)
    far, norm = products.sum(), products[:own, :own].sum()
    return float(far.clamp(min=0).sqrt()), float(norm.clamp(min=0).sqrt())


_NEAR = 0.02
"""Up to this share of a factor, its difference is one of rounding (bf16: 0.004)."""


def _rounding(
    one: Sequence[tuple[float, Factors]], other: Sequence[tuple[float, Factors]]
) -> tuple[float, float] | None:
    """Return `distance` where both have the same factors but for rounding, None where they have not.

    (U + E)(D + F) - UD = E(D + F) + UF is made of what is small itself, so float32 is enough. Where E and F are 0, as when files are
    joined in their own number format, this takes a fifth of the time (two of rank 64, 1280 x 1280); rounded to fp16 it saves a tenth.
    """
    if not one or not other:
        return None
    (up, down, scale), (their_up, their_down, their_scale) = stacked(one), stacked(other)
    if up.shape != their_up.shape or down.shape != their_down.shape:
        return None
    their_down = their_down if their_scale == scale else their_down * (their_scale / scale)
    pairs = ((their_up, up), (their_down, down))
    wrong_up, wrong_down = (None if torch.equal(theirs, own) else theirs - own for theirs, own in pairs)
    for wrong, own in ((wrong_up, up), (wrong_down, down)):
        if wrong is not None and wrong.norm() > _NEAR * own.norm():
            return None
    squares = up.T @ up
    norm = (squares * (down @ down.T)).sum(dtype=torch.float64)
    if wrong_up is not None:
        rest = torch.zeros_like(down) if wrong_down is None else wrong_down
        left, right = torch.cat([wrong_up, up], 1), torch.cat([their_down, rest])
        far = ((left.T @ left) * (right @ right.T)).sum(dtype=torch.float64)
    elif wrong_down is not None:
        far = (squares * (wrong_down @ wrong_down.T)).sum(dtype=torch.float64)
    else:
        far = torch.zeros(())
    if not (far + norm).isfinite():  # squares of numbers above 1e19
        return None
    return scale * float(far.clamp(min=0).sqrt()), scale * float(norm.clamp(min=0).sqrt())
