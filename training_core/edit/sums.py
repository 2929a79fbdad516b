"""The weighted sum of one layer in several LoRA files, as pieces of one file: exact where its algebra allows, else the error is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..lora_keys import DORA
from . import kronecker, svd
from .change import (
    ADDITIVE,
    ALPHA,
    DOWN,
    EXTRAS,
    UP,
    NotAdditive,
    Pieces,
    dense,
    factors,
    kind,
    scaled,
    why_not,
)
from .svd import RankRule

Terms = Sequence[tuple[float, Pieces]]
"""Weight and pieces of the layer in each file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summed:
    """One layer of a result."""

    pieces: dict[str, torch.Tensor]
    how: str  # copied, scaled, joined (ranks added up), svd, kronecker, added (full changes), dora
    error: float = 0.0  # |result - sum| / |sum| (Frobenius) by its algebra: 0 where only numbers are rounded


def summed(terms: Terms, rule: RankRule | None = None) -> Summed:
    """Return the sum of weight * change over the files that have a layer.

    Without a rule the result is exact wherever its kind has exact sums: LoRA and LoCon of the added-up rank, LoHa as a LoRA of
    its squared rank or as a whole difference, whole differences and norms; LoKr is the nearest Kronecker product. With a rule,
    low-rank kinds and LoKr become a LoRA of the rank that it gives; whole differences become one, too.

    Raises:
        NotAdditive: the change of one depends on the model, and there is more to do than to copy it.
    """
    terms = [(weight, pieces) for weight, pieces in terms if weight]
    kinds = [kind(pieces) for _, pieces in terms]
    if not terms:
        return Summed(pieces={}, how="copied")
    if all(name.startswith("dora") for name in kinds):
        return _dora(terms, rule)
    wrong = [name for name in kinds if name not in ADDITIVE]
    if wrong:
        if len(terms) == 1 and terms[0][0] == 1 and rule is None:
            return Summed(pieces=dict(terms[0][1]), how="copied")
        raise NotAdditive(why_not(wrong[0]))
    if len(terms) == 1 and (rule is None or not _main(terms[0][1])):
        weight, pieces = terms[0]
        return Summed(pieces=scaled(pieces, weight), how="copied" if weight == 1 else "scaled")
    extras = _added(terms, ("diff_b", "w_norm", "b_norm"))
    mains = [(weight, _main(pieces)) for weight, pieces in terms if _main(pieces)]
    if not mains:
        return Summed(pieces=extras, how="added")
    result = _summed(mains, rule)
    return Summed(pieces=result.pieces | extras, how=result.how, error=result.error)


def _main(pieces: Pieces) -> dict[str, torch.Tensor]:
    """Return the pieces that change the weight as a matrix; {} if none does."""
    rest = {piece: value for piece, value in pieces.items() if piece not in EXTRAS or piece == "diff"}
    return rest if rest.keys() - {ALPHA} else {}


def _added(terms: Terms, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return the sums of pieces that are added as they are."""
    result: dict[str, torch.Tensor] = {}
    for weight, pieces in terms:
        for name in names:
            if name in pieces:
                value = pieces[name].float() * weight
                result[name] = result[name] + value if name in result else value
    return result


def _summed(terms: Terms, rule: RankRule | None) -> Summed:
    """The sum of what changes a weight as a matrix."""
    if rule is None and all(kind(pieces) == "lokr" for _, pieces in terms):
        kron = kronecker.terms_of(terms)
        if kron is not None:
            first, second, error = kronecker.nearest(kron)
            return Summed(pieces={"lokr_w1": first, "lokr_w2": second}, how="kronecker", error=error)
    parts = [None if "diff" in pieces else factors(pieces) for _, pieces in terms]
    found = [(weight, part) for (weight, _), part in zip(terms, parts, strict=True) if part is not None]
    shape = max((part.shape for _, part in found), key=len, default=())
    total = sum(part.up.shape[1] for _, part in found)
    full = min(shape[0], torch.Size(shape[1:]).numel()) if shape else 0
    plain = all(kind(pieces) == "lora" for _, pieces in terms)
    if len(found) < len(terms) or (total > full and not plain):
        whole = _whole(terms)
        if rule is None:
            return Summed(pieces={"diff": whole}, how="added")
        up, down, error = _cut(svd.of_dense(whole.flatten(1), rule.enough(whole.shape)), whole.shape, rule)
        return _lora(up, down, 1.0, tuple(whole.shape), "svd", error)
    up, down, scale = svd.stacked(found)
    if total <= (full if rule is None else rule.enough(shape)):
        return _lora(up, down, scale, shape, "joined", 0.0)
    up, down, error = _cut(svd.of_factors(up, down), shape, rule or RankRule(rank=full, conv_rank=full))
    return _lora(up, down, scale, shape, "svd", error)


def _whole(terms: Terms) -> torch.Tensor:
    """Return the sum as a matrix of the layer's size, in the shape of the term that knows most of its axes."""
    total: torch.Tensor | None = None
    for weight, pieces in terms:
        change = dense(pieces)
        if change is None:
            continue
        if total is None:
            total = change * weight
        elif change.ndim > total.ndim:
            total = change * weight + total.reshape(change.shape)
        else:
            total = total + change.reshape(total.shape) * weight
    assert total is not None  # each has what changes a weight
    return total


def _cut(decomposed: svd.Decomposed, shape: Sequence[int], rule: RankRule) -> tuple[torch.Tensor, torch.Tensor, float]:
    return decomposed.cut(rule.count(decomposed.values, shape))


def _lora(up: torch.Tensor, down: torch.Tensor, scale: float, shape: Sequence[int], how: str, error: float) -> Summed:
    """Return the pieces of a LoRA of scale * up (out, r) @ down (r, n) on a weight of that shape."""
    rank = up.shape[1]
    ones = [1] * (len(shape) - 2)
    pieces = {
        UP: up.reshape(shape[0], rank, *ones).contiguous(),
        DOWN: down.reshape(rank, *shape[1:]).contiguous(),
        ALPHA: torch.tensor(scale * rank),
    }
    return Summed(pieces=pieces, how=how, error=error)


def _dora(terms: Terms, rule: RankRule | None) -> Summed:
    """The average of DoRA layers: of their changes by the rule of LoRA, and of their magnitudes.

    It is no exact average of what they do to the weight, which divides by a norm that depends on the model.

    Raises:
        NotAdditive: the weights do not sum to 1.
    """
    if len(terms) == 1 and terms[0][0] == 1 and rule is None:
        return Summed(pieces=dict(terms[0][1]), how="copied")
    if abs(sum(weight for weight, _ in terms) - 1) > 1e-6:
        raise NotAdditive("it is DoRA, of which there are averages alone: let the weights sum to 1")
    magnitudes: dict[str, torch.Tensor] = {}
    for name in DORA:
        found = [(weight, pieces[name]) for weight, pieces in terms if name in pieces]
        if not found:
            continue
        if len(found) < len(terms):
            raise NotAdditive("some files hold its DoRA norms in another form: take files of one trainer")
        magnitudes[name] = torch.stack([weight * value.float() for weight, value in found]).sum(0)
    changes = [
        (weight, {piece: value for piece, value in pieces.items() if piece not in magnitudes})
        for weight, pieces in terms
    ]
    result = summed(changes, rule)
    return Summed(pieces=result.pieces | magnitudes, how="dora", error=result.error)
