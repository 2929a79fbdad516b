"""The difference of two models as a LoRA file: each layer by its largest singular values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import AthanorError, shortened
from ..wording import plural
from . import svd
from .build import Layer, Made, Progress, in_format
from .change import ALPHA, DOWN, UP
from .svd import RankRule

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A layer that two models have."""

    name: str  # in LoRA files
    shape: tuple[int, ...]  # of its weight
    read: Callable[[torch.device], torch.Tensor]  # tuned - base, float32, on that device


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The result, and what is not in it."""

    made: Made
    equal: int  # layers that do not differ by more than min_diff
    convolutions: int  # that were left out
    on_cpu: int = 0  # that the device could not compute


def needs(differences: Sequence[Difference]) -> int:
    """Return the bytes of a device that the largest of some layers takes: three copies in float32, three in float64, and five squares
    of its smaller side."""
    sizes = [(layer.shape[0], math.prod(layer.shape[1:])) for layer in differences]
    return max((36 * out * into + 40 * min(out, into) ** 2 for out, into in sizes), default=0)


def make(
    differences: Sequence[Difference],
    rule: RankRule,
    precision: str,
    min_diff: float = 0.0,
    progress: Progress = lambda done, total: None,
    device: torch.device = CPU,
) -> Extracted:
    """Return the LoRA that is nearest to the difference of two models, layer by layer.

    Args:
        rule: of ranks; a conv_rank of 0 leaves convolutions larger than 1x1 out.
        precision: fp16, bf16 or float.
        min_diff: a layer none of whose numbers differs by more than this is left out.
        device: that computes; what it has no room for, or finds no eigenvectors of, the CPU does.

    Raises:
        AthanorError: nothing differs, or a number is too large for the format.
    """
    tensors: dict[str, torch.Tensor] = {}
    told: list[Layer] = []
    equal = convolutions = on_cpu = 0
    for done, layer in enumerate(differences):
        progress(done, len(differences))
        if svd.is_wide(layer.shape) and not rule.conv_rank:
            convolutions += 1
            continue
        made = _tried(layer, rule, precision, min_diff, device)
        if made is None:
            on_cpu += 1
            made = _extracted(layer, rule, precision, min_diff, CPU)
        pieces, one = made
        if one is None:
            equal += 1
            continue
        tensors |= {f"{layer.name}.{piece}": value for piece, value in pieces.items()}
        told.append(one)
    progress(len(differences), len(differences))
    if not told:
        raise AthanorError(
            f"The two models do not differ by more than min_diff ({min_diff:g}) in any layer: choose another one."
        )
    made = Made(tensors=tensors, layers=tuple(told), precision=precision)
    return Extracted(made=made, equal=equal, convolutions=convolutions, on_cpu=on_cpu)


_Piece = tuple[dict[str, torch.Tensor], Layer | None]


def _tried(layer: Difference, rule: RankRule, precision: str, min_diff: float, device: torch.device) -> _Piece | None:
    """Do the same as `_extracted`; None where the device's memory is full, or its library fails, as cuSOLVER does with many equal
    values. What it held is free again when this returns."""
    try:
        return _extracted(layer, rule, precision, min_diff, device)
    except RuntimeError:
        if device.type == "cpu":
            raise
        return None


def _extracted(layer: Difference, rule: RankRule, precision: str, min_diff: float, device: torch.device) -> _Piece:
    """Return the pieces of a layer and what they are; no pieces and None for one that differs by no more than `min_diff`."""
    change = layer.read(device)
    largest = float(change.abs().max())
    if not math.isfinite(largest):
        raise AthanorError(f"{shortened(layer.name)} holds NaN or infinity in one of the models: choose another file.")
    return ({}, None) if largest <= min_diff else _layer(layer, change, rule, precision)


def _layer(
    layer: Difference, change: torch.Tensor, rule: RankRule, precision: str
) -> tuple[dict[str, torch.Tensor], Layer]:
    """Return the pieces of a layer as they are written, and what they are."""
    matrix = change.flatten(1)
    decomposed = svd.of_dense(matrix, rule.enough(layer.shape))
    up, down, _ = decomposed.cut(rule.count(decomposed.values.float(), layer.shape))
    rank = up.shape[1]
    ones = [1] * (len(layer.shape) - 2)
    pieces = in_format(
        layer.name,
        {
            UP: up.reshape(-1, rank, *ones).cpu(),
            DOWN: down.reshape(rank, *layer.shape[1:]).cpu(),
            ALPHA: torch.tensor(float(rank)),
        },
        precision,
    )
    written = pieces[UP].float().flatten(1).to(matrix.device) @ pieces[DOWN].float().flatten(1).to(matrix.device)
    return pieces, Layer(
        name=layer.name,
        kind="lora",
        how="svd",
        distance=float((written - matrix).double().norm()),
        norm=float(matrix.double().norm()),
        rank=rank,
        alpha=float(rank),
        kernel=layer.shape[-1] if len(layer.shape) > 2 else 1,
    )


def told(extracted: Extracted) -> list[str]:
    """Return lines about what is not in a result."""
    lines: list[Any] = [
        extracted.equal and f"Left out: {plural(extracted.equal, 'layer')} that the models have alike.",
        extracted.convolutions
        and f"Left out: {plural(extracted.convolutions, 'convolution')} larger than 1x1, not counted above; a conv_rank takes them in.",
        extracted.on_cpu
        and f"Computed on the CPU, as the GPU had no room for {plural(extracted.on_cpu, 'layer')} or failed: it is slower, and the same.",
    ]
    return [line for line in lines if line]
