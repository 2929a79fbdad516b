"""How far a written layer is from the sum of its originals."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..lora_keys import DORA
from . import svd
from .change import ADDITIVE, EXTRAS, Pieces, dense, factors, kind

Terms = Sequence[tuple[float, Pieces]]


def distance(terms: Terms, result: Pieces) -> tuple[float, float]:
    """Return |sum of weight * change - result| and |sum| (Frobenius), of the weight and of biases together.

    Of DoRA it is the change alone, without its norms; what is not added at all counts as (0, 0), since it is only ever copied.
    """
    terms, result = [(weight, _without_norms(pieces)) for weight, pieces in terms], _without_norms(result)
    if not all(kind(pieces) in ADDITIVE for pieces in (result, *(pieces for _, pieces in terms))):
        return 0.0, 0.0
    far, norm = _of_weights([(w, some) for w, pieces in terms if (some := _main(pieces))], _main(result))
    squares, norms = far**2, norm**2
    for name in ("diff_b", "w_norm", "b_norm"):
        total = sum(pieces[name].double() * weight for weight, pieces in terms if name in pieces)
        if not isinstance(total, int):
            written = result[name].double() if name in result else 0.0
            squares += float((total - written).square().sum())
            norms += float(total.square().sum())
    return squares**0.5, norms**0.5


def _of_weights(terms: Terms, result: Pieces) -> tuple[float, float]:
    if not terms and not result:  # a layer that has trained its bias or norm alone
        return 0.0, 0.0
    parts = [None if "diff" in pieces else factors(pieces) for _, pieces in (*terms, (1.0, result))]
    if all(part is not None for part in parts):
        pairs = [(weight, part) for (weight, _), part in zip((*terms, (1.0, result)), parts, strict=True) if part]
        return svd.distance(pairs[:-1], pairs[-1:])
    changes = [weight * change.double() for weight, pieces in terms if (change := dense(pieces)) is not None]
    written = dense(result)
    if not changes or written is None:
        return 0.0, 0.0
    total = sum(change.reshape(written.shape) for change in changes)
    assert not isinstance(total, int)
    return float((total - written.double()).norm()), float(total.norm())


def _main(pieces: Pieces) -> dict[str, torch.Tensor]:
    return {piece: value for piece, value in pieces.items() if piece not in EXTRAS or piece == "diff"}


def _without_norms(pieces: Pieces) -> dict[str, torch.Tensor]:
    return {piece: value for piece, value in pieces.items() if piece not in DORA}
