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


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A layer that two models have."""

    name: str  # in LoRA files
    shape: tuple[int, ...]  # of its weight
    read: Callable[[], torch.Tensor]  # tuned - base, float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The result, and what is not in it."""

    made: Made
    equal: int  # layers that do not differ by more than min_diff
    convolutions: int  # that were left out


def make(
    differences: Sequence[Difference],
    rule: RankRule,
    precision: str,
    min_diff: float = 0.0,
    progress: Progress = lambda done, total: None,
) -> Extracted:
    """Return the LoRA that is nearest to the difference of two models, layer by layer.

    Args:
        rule: of ranks; a conv_rank of 0 leaves convolutions larger than 1x1 out.
        precision: fp16, bf16 or float.
        min_diff: a layer none of whose numbers differs by more than this is left out.

    Raises:
        AthanorError: nothing differs, or a number is too large for the format.
    """
    tensors: dict[str, torch.Tensor] = {}
    told: list[Layer] = []
    equal = convolutions = 0
    for done, layer in enumerate(differences):
        progress(done, len(differences))
        if svd.is_wide(layer.shape) and not rule.conv_rank:
            convolutions += 1
            continue
        change = layer.read()
        largest = float(change.abs().max())
        if not math.isfinite(largest):
            raise AthanorError(
                f"{shortened(layer.name)} holds NaN or infinity in one of the models: choose another file."
            )
        if largest <= min_diff:
            equal += 1
            continue
        pieces, one = _layer(layer, change, rule, precision)
        tensors |= {f"{layer.name}.{piece}": value for piece, value in pieces.items()}
        told.append(one)
    progress(len(differences), len(differences))
    if not told:
        raise AthanorError(
            f"The two models do not differ by more than min_diff ({min_diff:g}) in any layer: choose another one."
        )
    return Extracted(
        made=Made(tensors=tensors, layers=tuple(told), precision=precision), equal=equal, convolutions=convolutions
    )


def _layer(
    layer: Difference, change: torch.Tensor, rule: RankRule, precision: str
) -> tuple[dict[str, torch.Tensor], Layer]:
    """Return the pieces of a layer as they are written, and what they are."""
    matrix = change.flatten(1)
    decomposed = svd.of_dense(matrix)
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
    ]
    return [line for line in lines if line]
