"""Block Config: rank and learning rate per block, in sd-scripts' notation or by name."""

from __future__ import annotations

import math
import re

from pydantic import model_validator
from typing_extensions import Self

from .base import Settings, setting


class BlockSettings(Settings):
    """Ranks, alphas and learning-rate weights of single blocks; an empty text means the same for all blocks."""

    down_lr_weight: str = setting(
        "",
        "U-Nets: weight of the learning rate of each down block: 12 numbers for SD1 and SD2, 9 for SDXL, or sine, "
        "cosine, linear, reverse_linear, zeros, each with '+0.25' if wished. 0 leaves a block out.",
        flag="network_args down_lr_weight",
    )
    mid_lr_weight: str = setting(
        "",
        "The same for the middle: 1 number for SD1 and SD2, 3 for SDXL.",
        flag="network_args mid_lr_weight",
    )
    up_lr_weight: str = setting(
        "", "The same for the up blocks: 12 or 9, as for down_lr_weight.", flag="network_args up_lr_weight"
    )
    block_lr_zero_threshold: float = setting(
        0.0,
        "Blocks with at most this weight are left out.",
        flag="network_args block_lr_zero_threshold",
        ge=0,
        le=1,
        step=0.05,
    )
    block_dims: str = setting(
        "",
        "U-Nets: rank of each block: 25 numbers for SD1 and SD2 (the first is unused), 23 for SDXL. 0 leaves a block out.",
        flag="network_args block_dims",
    )
    block_alphas: str = setting(
        "", "Alpha of each block; empty: alpha of Network Config.", flag="network_args block_alphas"
    )
    conv_block_dims: str = setting(
        "", "Rank of each block's 3x3 convolutions; empty: conv_rank.", flag="network_args conv_block_dims"
    )
    conv_block_alphas: str = setting(
        "", "Alpha of each block's 3x3 convolutions; empty: conv_alpha.", flag="network_args conv_block_alphas"
    )
    reg_dims: str = setting(
        "",
        "Any model: rank by layer name, as 'expression=rank', one per line or separated by commas; the first that "
        "matches counts, 0 leaves a layer out. For example 'attn2=32, single_blocks=8'.",
        flag="network_args network_reg_dims",
        multiline=True,
    )
    reg_lrs: str = setting(
        "",
        "Any model: learning rate by layer name, as 'expression=1e-4'.",
        flag="network_args network_reg_lrs",
        multiline=True,
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
        pairs = []
        for part in re.split(r"[,\n]", getattr(self, name)):
            if not part.strip():
                continue
            expression, sign, value = part.strip().rpartition("=")
            if not sign or not expression.strip():
                raise ValueError(f"{name}: '{part.strip()}' is not of the form expression=number.")
            try:
                pairs.append((re.compile(expression.strip()), _number(name, value)))
            except re.error as error:
                raise ValueError(f"{name}: '{expression.strip()}' is no regular expression ({error}).") from None
        return pairs

    @property
    def by_block(self) -> bool:
        """Whether any setting is by the number of a U-Net's block, not by layer name."""
        names = ("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_dims", "conv_block_dims")
        return any(getattr(self, name).strip() for name in names)


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{name}: '{text.strip()}' is not a number of 0 or more.")
    return value
