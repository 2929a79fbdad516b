"""Block Config: rank and learning rate per block, in sd-scripts' notation or by name."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from pydantic import model_validator
from typing_extensions import Self

from ..errors import quoted
from . import expressions
from .base import Settings, setting


class BlockSettings(Settings):
    """Ranks, alphas and learning-rate weights of single blocks; an empty text means the same for all blocks."""

    down_lr_weight: str = setting(
        "",
        "U-Nets only: learning-rate weight of each down block: 12 numbers for SD1 and SD2, 9 for SDXL; or a "
        "curve: sine, cosine, linear, reverse_linear, zeros, each with an optional '+0.25'. 0 skips a block.",
        flag="network_args down_lr_weight",
    )
    mid_lr_weight: str = setting(
        "",
        "U-Nets only: learning-rate weight of each middle block: 1 number for SD1 and SD2, 3 for SDXL.",
        flag="network_args mid_lr_weight",
    )
    up_lr_weight: str = setting(
        "",
        "U-Nets only: learning-rate weight of each up block: 12 or 9 numbers, or a curve, as for down_lr_weight.",
        flag="network_args up_lr_weight",
    )
    block_lr_zero_threshold: float = setting(
        0.0,
        "Blocks whose learning-rate weight is this or lower are not trained (0 to 1).",
        flag="network_args block_lr_zero_threshold",
        ge=0,
        le=1,
        step=0.05,
        advanced=True,
    )
    block_dims: str = setting(
        "",
        "U-Nets only: rank of each block: 25 numbers for SD1 and SD2 (the first is unused), 23 for SDXL. 0 skips "
        "a block.",
        flag="network_args block_dims",
    )
    block_alphas: str = setting(
        "", "Alpha of each block. Empty: alpha of Network Config.", flag="network_args block_alphas"
    )
    conv_block_dims: str = setting(
        "",
        "Rank of the 3x3 convolutions in each block. Empty: conv_rank of Network Config.",
        flag="network_args conv_block_dims",
        advanced=True,
    )
    conv_block_alphas: str = setting(
        "",
        "Alpha of the 3x3 convolutions in each block. Empty: conv_alpha of Network Config.",
        flag="network_args conv_block_alphas",
        advanced=True,
    )
    reg_dims: str = setting(
        "",
        "Any model: rank by layer name, as 'regular expression=rank', one per line or separated by commas. The "
        "first match counts; 0 skips a layer. Example: 'attn2=32, single_blocks=8'.",
        flag="network_args network_reg_dims",
        multiline=True,
        advanced=True,
    )
    reg_lrs: str = setting(
        "",
        "Any model: learning rate by layer name, as 'regular expression=1e-4', one per line or separated by commas.",
        flag="network_args network_reg_lrs",
        multiline=True,
        advanced=True,
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for name in ("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas"):
            self.numbers(name)
        for name in ("reg_dims", "reg_lrs"):
            self.by_name(name)
        return self

    def numbers(self, name: str) -> list[float]:
        """Return the comma-separated numbers of the field `name`; none if it is empty.

        Raises:
            ValueError: one is no number, or below 0; names it.
        """
        return [_number(name, part) for part in getattr(self, name).split(",") if part.strip()]

    def by_name(self, name: str) -> list[tuple[re.Pattern[str], float]]:
        """Return the (expression, number) pairs of the field `name`, reg_dims or reg_lrs, in their order.

        Raises:
            ValueError: one cannot be read; names it.
        """
        return list(_by_name(name, getattr(self, name)))

    @property
    def by_block(self) -> bool:
        """Whether any setting is by the number of a U-Net's block, not by layer name."""
        names = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_dims", "conv_block_dims")
        return any(getattr(self, name).strip() for name in names)


@lru_cache
def _by_name(name: str, text: str) -> list[tuple[re.Pattern[str], float]]:
    parts = expressions.parts(name, text)
    expressions.check_count(name, len(parts))
    pairs = []
    for part in parts:
        expression, sign, value = part.rpartition("=")
        if not sign or not expression.strip():
            raise ValueError(f"{name}: {quoted(part)} is not of the form expression=number.")
        pairs.append((expressions.compiled(name, expression.strip()), _number(name, value)))
    return pairs


_LARGEST = 100_000
"""The largest rank, as of Network Config (for lokr it means full dimension); alphas and rates are smaller."""


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LARGEST:
        raise ValueError(f"{name}: {quoted(text.strip())} is not a number from 0 to {_LARGEST}.")
    return value
