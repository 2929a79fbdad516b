"""What is wrong with a layer of a LoRA file: pieces that are missing, do not fit each other, or hold no numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from ..errors import shortened
from ..lora_keys import MAGNITUDE

Pieces = Mapping[str, torch.Tensor]
"""Piece of a layer in kohya's spelling (lora_keys.py) -> tensor."""

NO_NUMBERS, MISSING, SHAPES = "hold NaN or infinity", "lack a piece", "have pieces that do not fit"
ALPHA, FORMAT = "have no single alpha", "have no known number format"
_MOST_AXES = 8
_WORDS = {"hold": "holds", "lack": "lacks", "have": "has"}


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with one layer."""

    kind: str  # NO_NUMBERS, MISSING, SHAPES, ALPHA or FORMAT
    what: str  # the piece that is meant, in words


def algo_of(pieces: Iterable[str]) -> str:
    """Return the algorithm that has pieces of these names; "unknown" where none of them tells."""
    names = list(pieces)
    for sign, algo in (
        ("lora_up", "lora"), ("lora_down", "lora"), ("hada_w", "loha"), ("lokr_w", "lokr"), ("a1.", "glora"), ("a2.", "glora"),
        ("b1.", "glora"), ("b2.", "glora"), ("oft_blocks", "oft"), ("diff", "full"), ("set_weight", "full"),
        ("w_norm", "norm"), ("b_norm", "norm"), ("on_input", "ia3"), ("weight", "ia3"),
    ):  # fmt: skip
        if any(name.startswith(sign) for name in names):
            return algo
    return "unknown"


_SUMMED = (torch.float16, torch.bfloat16, torch.float32)
"""Formats that torch adds up in float32 without a copy."""


def damage(pieces: Pieces) -> Damage | None:
    """Return what is wrong with a layer's pieces; None if they can be computed with."""
    algo = algo_of(pieces)
    missing = _missing(algo, pieces)
    if missing:
        return Damage(MISSING, f"no {missing}")
    alpha = pieces.get("alpha")
    if alpha is not None and alpha.numel() != 1:
        return Damage(ALPHA, f"{alpha.numel()} numbers in alpha")
    odd = next((piece for piece, value in pieces.items() if not value.numel() > 0 or value.ndim > _MOST_AXES), "")
    if odd:
        return Damage(SHAPES, f"{odd} is {_shape(pieces[odd])}")
    wrong = _unequal(algo, pieces)
    if wrong:
        return Damage(SHAPES, wrong)
    strange = next((piece for piece, value in pieces.items() if not _is_real(value)), "")
    if strange:
        return Damage(FORMAT, f"{strange} is {str(pieces[strange].dtype).removeprefix('torch.')}")
    broken = next((piece for piece, value in pieces.items() if not is_finite(value)), "")
    return Damage(NO_NUMBERS, broken) if broken else None


def is_finite(value: torch.Tensor) -> bool:
    """Return whether a tensor holds numbers alone, real ones of a format that torch computes with.

    A sum is NaN or infinite if one of them is, and takes a tenth of the time; it may overflow as well, so then each is looked at.
    """
    if not _is_real(value):
        return False
    flat = value.flatten() if value.dtype in _SUMMED else value.flatten().float()
    return math.isfinite(flat.sum(dtype=torch.float32)) or bool(flat.float().isfinite().all())


def _is_real(value: torch.Tensor) -> bool:
    """Return whether a tensor's numbers are real, and of a format that torch does more with than to store them (fp4)."""
    try:
        return not value.is_complex() and value.flatten()[:1].float().ndim == 1
    except RuntimeError:  # NotImplementedError, which torch raises for fp4, is one
        return False


def in_words(layers: Iterable[tuple[str, Damage | None]]) -> list[str]:
    """Return a sentence for each kind of damage: "12 of 48 layers hold NaN or infinity (lora_unet_x: lora_up.weight)"."""
    all_layers = list(layers)
    found: dict[str, list[str]] = {}
    for name, wrong in all_layers:
        if wrong:
            found.setdefault(wrong.kind, []).append(f"{shortened(name, 120)}: {wrong.what[:120]}")
    sentences = []
    for kind, names in found.items():
        verb, _, rest = kind.partition(" ")
        verb = _WORDS[verb] if len(names) == 1 else verb
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        sentences.append(f"{len(names)} of {len(all_layers)} layers {verb} {rest} ({names[0]}{more})")
    return sentences


def _missing(algo: str, pieces: Pieces) -> str:
    """Return the name of a piece that the algorithm cannot do without, '' if all are there."""
    needed: tuple[str, ...] = {
        "lora": ("lora_up.weight", "lora_down.weight"),
        "loha": ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
        "glora": ("a1.weight", "a2.weight", "b1.weight", "b2.weight"),
        "ia3": ("weight", "on_input"),
    }.get(algo, ())
    if algo == "lokr":
        pairs = [name for name in ("lokr_w1", "lokr_w2") if name not in pieces]
        needed = tuple(f"{name}_{half}" for name in pairs for half in "ab")
    if algo == "unknown":
        return "weights"
    return next((piece for piece in needed if piece not in pieces), "")


def _unequal(algo: str, pieces: Pieces) -> str:
    """Return which two pieces cannot be multiplied, '' if all can."""
    products = {
        "lora": [("lora_up.weight", "lora_down.weight")],
        "loha": [("hada_w1_a", "hada_w1_b"), ("hada_w2_a", "hada_w2_b")],
        "lokr": [(f"{name}_a", f"{name}_b") for name in ("lokr_w1", "lokr_w2") if name not in pieces],
        "glora": [],
    }.get(algo, [])
    tucker = any(name in pieces for name in ("lora_mid.weight", "hada_t1", "hada_t2", "lokr_t2"))
    for left, right in products:
        one, other = pieces[left], pieces[right]
        if one.ndim < 2 or other.ndim < 2 or (not tucker and one.shape[1] != other.shape[0]):
            return f"{left} is {_shape(one)}, {right} {_shape(other)}"
    if algo == "loha" and not tucker:
        rows, columns = pieces["hada_w1_a"].shape[0], pieces["hada_w1_b"][0].shape
        if (rows, columns) != (pieces["hada_w2_a"].shape[0], pieces["hada_w2_b"][0].shape):
            return f"hada_w1_b is {_shape(pieces['hada_w1_b'])}, hada_w2_b {_shape(pieces['hada_w2_b'])}"
    if algo == "oft" and pieces["oft_blocks"].ndim < 2:
        return f"oft_blocks is {_shape(pieces['oft_blocks'])}"
    up = pieces.get("lora_up.weight")
    scale = pieces.get(MAGNITUDE)
    if up is not None and scale is not None and scale.numel() != up.shape[0]:
        return f"{MAGNITUDE} is {_shape(scale)}, lora_up.weight {_shape(up)}"
    return ""


def _shape(value: torch.Tensor) -> str:
    shape = list(value.shape)
    return str(shape) if len(shape) <= _MOST_AXES else f"of {len(shape)} axes"
