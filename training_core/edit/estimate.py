"""What a result will be, before a tensor is read: its ranks, its size, and whether it is exact."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..lora_keys import DORA
from . import change, spelling, svd
from .build import AS_IT_IS, Wanted, precision_of, weights_of
from .change import ALPHA, DOWN, EXTRAS, Shapes, rank_by
from .opened import LoraFile
from .svd import RankRule

_BYTES = {"fp16": 2, "bf16": 2, "float": 4}
_HEADER = 100
"""Bytes of the header for each tensor, roughly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A result as its files' headers tell it."""

    layers: int
    rank: int  # the largest of a low-rank layer; 0 if there is none
    hows: Counter[str]  # how layers come about, as `sums.Summed` tells it -> how many
    bytes: int
    precision: str

    @property
    def exact(self) -> bool:
        """Whether nothing but numbers is rounded."""
        return not self.hows.keys() & {"svd", "kronecker", "dora"}


@dataclass(frozen=True, slots=True)
class _Layer:
    how: str
    rank: int
    numbers: int  # of the number format
    tensors: int


def estimate(files: Sequence[LoraFile], wanted: Wanted) -> Estimate:
    """Return what `build.make` will bring, by the rules of `sums.summed`."""
    precision = precision_of(files[0]) if wanted.precision == AS_IT_IS else wanted.precision
    found = []
    pairs = list(zip(files, weights_of(files, wanted), strict=True))
    for layer in dict.fromkeys(layer for file in files for layer in file.layers):
        terms = [(weight, file.shapes(layer)) for file, own in pairs if (weight := own.get(layer, 0.0))]
        if terms:
            found.append(_layer(terms, wanted.rule))
    numbers, tensors = (sum(getattr(each, name) for each in found) for name in ("numbers", "tensors"))
    return Estimate(
        layers=len(found),
        rank=max((each.rank for each in found), default=0),
        hows=Counter(each.how for each in found),
        bytes=numbers * _BYTES[precision] + tensors * _HEADER,
        precision=precision,
    )


def is_wide(shapes: Shapes) -> bool:
    """Return whether a layer is a convolution of a larger kernel than 1x1, by the shapes of its pieces."""
    return any(map(svd.is_wide, shapes.values()))


def own_ranks(files: Sequence[LoraFile]) -> tuple[int, int]:
    """Return the largest rank of the files' linear layers, and of their larger convolutions (0: there are none); 0 for no LoRAs."""
    linear, wide = 0, 0
    for file in files:
        for layer in file.layers:
            shapes = file.shapes(layer)
            kind = change.kind(shapes).removeprefix("dora ")
            if kind not in ("lora", "norm", "full"):
                return 0, 0
            rank = rank_by(shapes)
            if is_wide(shapes):
                wide = max(wide, rank)
            else:
                linear = max(linear, rank)
    return linear or wide, wide if linear else 0


def _layer(terms: Sequence[tuple[float, Shapes]], rule: RankRule | None) -> _Layer:
    first = terms[0][1]
    if len(terms) == 1 and (rule is None or change.kind(first) in ("norm",) or not _main(first)):
        how = "copied" if terms[0][0] == 1 else "scaled"
        return _Layer(how, rank_by(first), sum(map(math.prod, first.values())), len(first))
    norms = {name: shape for _, shapes in terms for name, shape in shapes.items() if name in DORA}
    extras = {name: shape for _, shapes in terms for name, shape in shapes.items() if name in EXTRAS[1:]}
    mains = [main for _, shapes in terms if (main := _main(shapes))]
    more = sum(map(math.prod, (*norms.values(), *extras.values())))
    if not mains:
        return _Layer("added", 0, more, len(extras))
    made = _of_mains(mains, rule)
    return _Layer(
        "dora" if norms else made.how, made.rank, made.numbers + more, made.tensors + len(norms) + len(extras)
    )


def _main(shapes: Shapes) -> Shapes:
    """Return the pieces of the change of the weight."""
    left_out = {*EXTRAS[1:], ALPHA, *DORA}
    return {name: shape for name, shape in shapes.items() if name not in left_out}


def _of_mains(mains: Sequence[Shapes], rule: RankRule | None) -> _Layer:
    if rule is None and all("lokr_w1" in each or "lokr_w1_a" in each for each in mains):
        one, two = _kronecker(mains[0])
        return _Layer("kronecker" if len(mains) > 1 else "copied", 0, math.prod(one) + math.prod(two), 2)
    out, into = next((size for each in mains if (size := _size(each))), (0, 0))
    full, total = min(out, into), sum(_low_rank(each) or 2**30 for each in mains)
    if rule is None and total > full and not all("lora_up.weight" in each for each in mains):
        return _Layer("added", 0, out * into, 1)
    if rule is None:
        rank, how = min(total, full), "joined"
    else:
        most = rule.conv_rank or rule.rank if any(map(is_wide, mains)) else rule.rank
        rank = min(most, total, full)
        how = "svd" if rank < min(total, full) else "joined"
    return _Layer(how, rank, (out + into) * rank, 3)


def _low_rank(shapes: Shapes) -> int:
    """Return the rank that a layer needs as a LoRA; 0 where it may need any."""
    if "diff" in shapes or "hada_t1" in shapes:
        return 0
    rank = rank_by(shapes)
    return rank**2 if "hada_w1_b" in shapes else rank if DOWN in shapes else 0


def _size(shapes: Shapes) -> tuple[int, int] | None:
    if "lokr_w1" in shapes or "lokr_w1_a" in shapes:
        one, two = _kronecker(shapes)
        return one[0] * two[0], one[1] * math.prod(two[1:])
    if "hada_t1" in shapes:
        return shapes["hada_w1_a"][1], shapes["hada_w1_b"][1] * math.prod(shapes["hada_t1"][2:])
    return spelling.size(shapes)


def _kronecker(shapes: Shapes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of both factors of a LoKr layer."""
    first = shapes.get("lokr_w1") or (shapes["lokr_w1_a"][0], shapes["lokr_w1_b"][1])
    if "lokr_w2" in shapes:
        return first, shapes["lokr_w2"]
    core = shapes.get("lokr_t2")
    if core:
        return first, (shapes["lokr_w2_a"][1], shapes["lokr_w2_b"][1], *core[2:])
    return first, (shapes["lokr_w2_a"][0], *shapes["lokr_w2_b"][1:])
