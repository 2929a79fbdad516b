"""The sum of LoKr layers as one LoKr layer: exact where a factor is the same in all, else the nearest Kronecker product."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .change import Pieces, lokr_factors, scale_of

Term = tuple[float, torch.Tensor, torch.Tensor]
"""Weight (with the layer's scale), first factor (a, b), second factor (c, d, kernel ...)."""


def terms_of(layers: Sequence[tuple[float, Pieces]]) -> list[Term] | None:
    """Return weighted LoKr layers by their factors; None where these have different shapes."""
    terms = [(weight * scale_of(pieces), *lokr_factors(pieces)) for weight, pieces in layers]
    shapes = {(first.shape, second.shape) for _, first, second in terms}
    return terms if len(shapes) == 1 else None


def nearest(terms: Sequence[Term]) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Return both factors of the nearest Kronecker product to a sum of some, and the relative error (Frobenius).

    Reordered as Van Loan and Pitsianis (1993) do, a Kronecker product is vec(first) vec(second)', so the sum is a matrix of low
    rank, and its largest singular value gives the best product. The error is 0 where one factor is the same in all.
    """
    weights, firsts, seconds = zip(*terms, strict=True)
    first, second = firsts[0], seconds[0]
    if all(torch.equal(other, first) for other in firsts):
        return first, _weighted(weights, seconds), 0.0
    if all(torch.equal(other, second) for other in seconds):
        return _weighted(weights, firsts), second, 0.0
    left = torch.stack([term[1].flatten() for term in terms], 1).double()
    right = torch.stack([term[0] * term[2].flatten() for term in terms], 1).double()
    one, small_one = torch.linalg.qr(left)
    two, small_two = torch.linalg.qr(right)
    u, values, v = torch.linalg.svd(small_one @ small_two.T)
    whole, lost = float(values.square().sum()), float(values[1:].square().sum())
    root = values[0].sqrt()
    return (
        (one @ u[:, 0] * root).reshape(first.shape).float(),
        (two @ v[0] * root).reshape(second.shape).float(),
        (lost / whole) ** 0.5 if whole else 0.0,
    )


def _weighted(weights: Sequence[float], tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([weight * tensor for weight, tensor in zip(weights, tensors, strict=True)]).sum(0)
