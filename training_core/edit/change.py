"""The change that a layer of a LoRA file makes: its kind, low-rank factors, the dense matrix, and the same at another strength."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch

from ..errors import AthanorError
from ..lora_keys import DORA
from ..network.damage import algo_of

Pieces = Mapping[str, torch.Tensor]
"""Piece of a layer in kohya's or LyCORIS' spelling (lora_up.weight, alpha, hada_w1_a ...) -> tensor."""
Shapes = Mapping[str, tuple[int, ...]]
"""The same -> the tensor's shape."""
UP, DOWN, MID, ALPHA, DIFF = "lora_up.weight", "lora_down.weight", "lora_mid.weight", "alpha", "diff"
EXTRAS = (DIFF, "diff_b", "w_norm", "b_norm")
"""Pieces that are added to weights or biases as they are."""
ADDITIVE = ("lora", "loha", "lokr", "full", "norm")
"""Kinds whose change is added to the weight, whatever the weight is: sums and multiples of these are exact."""
_FIRST = (UP, "hada_w1_a", "lokr_w1", "lokr_w1_a")
"""A piece of each low-rank kind that the whole change is proportional to."""
_WHY = {
    "oft": "it rotates the weights (OFT, BOFT)",
    "glora": "its change depends on the model's weights (GLoRA)",
    "ia3": "it multiplies the weights (IA3)",
    "set": "it replaces the weights (set_weight)",
    "unknown": "none of its pieces is known",
}


class NotAdditive(AthanorError):
    """A layer whose change cannot be scaled or added to another's without the model it belongs to."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A low-rank change: scale * up @ down, as the matrix (out, in * kernel)."""

    up: torch.Tensor  # (out, r)
    down: torch.Tensor  # (r, in * kernel)
    scale: float
    shape: tuple[int, ...]  # of the weight: (out, in) or (out, in, kernel ...), as far as the pieces tell


def kind(pieces: Collection[str]) -> str:
    """Return what a layer is by the names of its pieces: lora, loha, lokr, full, norm, dora ..., oft, glora, ia3, set or unknown."""
    algo = algo_of(pieces)
    if "set_weight" in pieces:
        return "set"
    return f"dora {algo}" if any(piece in DORA for piece in pieces) else algo


def why_not(name: str) -> str:
    """Return why a kind of layer is not added up, for a message."""
    return "it is DoRA, which divides by the changed weight's norm" if name.startswith("dora") else _WHY.get(name, "")


def rank_of(pieces: Pieces) -> int:
    """Return the rank that alpha is divided by; 0 where it is not (LoKr of two full factors, full, norm)."""
    return rank_by({piece: tuple(value.shape) for piece, value in pieces.items()})


def rank_by(shapes: Shapes) -> int:
    """Return `rank_of` a layer by the shapes of its pieces."""
    return next((shapes[piece][0] for piece in (DOWN, "hada_w1_b", "lokr_w2_b", "lokr_w1_b") if shapes.get(piece)), 0)


def scale_of(pieces: Pieces) -> float:
    """Return alpha / rank as ComfyUI's loader computes it: 1 without an alpha, or where there is no rank."""
    rank = rank_of(pieces)
    return float(pieces[ALPHA].item()) / rank if ALPHA in pieces and rank else 1.0


def factors(pieces: Pieces) -> Factors | None:
    """Return the low-rank factors of LoRA, LoCon (its core inside of `down`) and LoHa (rank squared); None for other kinds."""
    if UP in pieces:
        up, down = pieces[UP].float(), pieces[DOWN].float()
        if MID in pieces:
            down = torch.einsum("mn...,nj->mj...", pieces[MID].float(), down.flatten(1))
        return Factors(up.flatten(1), down.flatten(1), scale_of(pieces), (len(up), *down.shape[1:]))
    if "hada_w1_a" in pieces and "hada_t1" not in pieces:
        a, b, c, d = (pieces[f"hada_{name}"].float() for name in ("w1_a", "w1_b", "w2_a", "w2_b"))
        up = (a.unsqueeze(2) * c.unsqueeze(1)).flatten(1)
        down = (b.flatten(1).unsqueeze(1) * d.flatten(1).unsqueeze(0)).flatten(0, 1)
        return Factors(up, down, scale_of(pieces), (len(a), *b.shape[1:]))
    return None


def dense(pieces: Pieces) -> torch.Tensor | None:
    """Return the change of the weight in float32 with alpha applied, in the weight's shape as far as the pieces tell it.

    None for a layer that has only biases. Of a `diff` beside other pieces ComfyUI's loader takes the diff alone, and so it is here.

    Raises:
        NotAdditive: the change depends on the weight.
    """
    name = kind(pieces)
    if name not in ADDITIVE:
        raise NotAdditive(why_not(name))
    whole = pieces.get(DIFF, pieces.get("w_norm"))
    return _product(name, pieces) if whole is None else whole.float()


def _product(name: str, pieces: Pieces) -> torch.Tensor | None:
    if name == "lokr":
        return kron(*lokr_factors(pieces)) * scale_of(pieces)
    if name == "loha":
        return _hadamard(pieces) * scale_of(pieces)
    found = factors(pieces)
    return None if found is None else (found.scale * (found.up @ found.down)).reshape(found.shape)


def _hadamard(pieces: Pieces) -> torch.Tensor:
    halves = []
    for half in ("1", "2"):
        a, b = pieces[f"hada_w{half}_a"].float(), pieces[f"hada_w{half}_b"].float()
        core = pieces.get(f"hada_t{half}")
        halves.append(a @ b.flatten(1) if core is None else torch.einsum("ij...,jr,ip->pr...", core.float(), b, a))
    first = halves[0] * halves[1]
    return first.reshape(len(first), *pieces["hada_w1_b"].shape[1:]) if "hada_t1" not in pieces else first


def lokr_factors(pieces: Pieces) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both factors of a LoKr layer in float32, without its scale: (a, b) and (c, d) or (c, d, kernel ...)."""
    first = pieces["lokr_w1"] if "lokr_w1" in pieces else pieces["lokr_w1_a"].float() @ pieces["lokr_w1_b"].float()
    if "lokr_w2" in pieces:
        return first.float(), pieces["lokr_w2"].float()
    a, b = pieces["lokr_w2_a"].float(), pieces["lokr_w2_b"].float()
    if "lokr_t2" in pieces:
        return first.float(), torch.einsum("ij...,jr,ip->pr...", pieces["lokr_t2"].float(), b, a)
    return first.float(), (a @ b.flatten(1)).reshape(len(a), *b.shape[1:])


def kron(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the Kronecker product (a * c, b * d, kernel ...) of a matrix (a, b) and (c, d) or (c, d, kernel ...)."""
    return torch.kron(first.reshape(*first.shape, *[1] * (second.ndim - 2)), second)


def scaled(pieces: Pieces, factor: float) -> dict[str, torch.Tensor]:
    """Return a layer whose change is `factor` times as large; alpha takes the factor where there is one, so nothing is rounded.

    Raises:
        NotAdditive: the kind of layer has no multiples, and `factor` is not 1.
    """
    if factor == 1:
        return dict(pieces)
    name = kind(pieces)
    if name not in ADDITIVE:
        raise NotAdditive(why_not(name))
    result = {piece: value * factor if piece in EXTRAS else value for piece, value in pieces.items()}
    if name in ("full", "norm"):
        return result
    rank = rank_of(pieces)
    first = next(piece for piece in _FIRST if piece in pieces)
    if not rank:
        return result | {first: pieces[first].float() * factor}
    if factor < 0:  # no program expects an alpha below 0
        result, factor = result | {first: -pieces[first]}, -factor
    alpha = float(pieces[ALPHA].item()) if ALPHA in pieces else float(rank)
    return result | {ALPHA: torch.tensor(alpha * factor)}
