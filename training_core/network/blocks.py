"""Blocks of a U-Net as sd-scripts counts them, and what each is to learn (pure)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..errors import AthanorError, quoted
from ..settings import NetworkSettings

COUNTS = {25: (12, 1, 12), 23: (9, 3, 9)}
"""Number of blocks -> how many of them are down, mid and up; the rest stand before (and, for SDXL, after) them."""

_SD = re.compile(r"lora_unet_(down|up)_blocks_(\d)_(resnets|attentions|downsamplers|upsamplers)_(\d)")
_SDXL = re.compile(r"lora_unet_(input_blocks|middle_block|output_blocks)_(\d)(?!\d)")


def index(name: str) -> tuple[int, int] | None:
    """Return (block, number of blocks) of a layer by its name in a LoRA file; None if it is no such U-Net's.

    SD1 and SD2 (25 blocks): down 1 + 3i + j, mid 12, up 13 + 3i + j; samplers are j = 2. SDXL (23): time and label 0,
    input_blocks 1 + k, middle_block 10 + k, output_blocks 13 + k, out 22.
    """
    if match := _SD.match(name):
        side, i, kind, j = match.groups()
        j = "2" if kind.endswith("samplers") else j
        return (1 if side == "down" else 13) + 3 * int(i) + int(j), 25
    if name.startswith("lora_unet_mid_block_"):
        return 12, 25
    if re.match(r"lora_unet_(conv_in|conv_out|time_embedding)", name):
        return 0, 25
    if (match := _SDXL.match(name)) and int(match[2]) < {"middle_block": 3}.get(match[1], 9):  # the refiner has 12
        return {"input_blocks": 1, "middle_block": 10, "output_blocks": 13}[match[1]] + int(match[2]), 23
    if re.match(r"lora_unet_(time_embed|label_emb)_", name):
        return 0, 23
    return (22, 23) if name.startswith("lora_unet_out_") else None


def _curve(name: str, n: int) -> list[float]:
    sine = [math.sin(math.pi * i / 2 / (n - 1)) for i in range(n)]
    linear = [i / (n - 1) for i in range(n)]
    curves = {"sine": sine, "cosine": sine[::-1], "linear": linear, "reverse_linear": linear[::-1], "zeros": [0.0] * n}
    return curves[name]


def _side(field: str, text: str, n: int) -> list[float]:
    """Return `n` weights out of a list or the name of a curve; a short list is filled with 1."""
    if not text.strip():
        return [1.0] * n
    if match := re.fullmatch(
        r"(sine|cosine|linear|reverse_linear|zeros)\s*(?:\+\s*(\d{1,9}(?:\.\d*)?|\.\d+))?", text.strip()
    ):
        if n > 1:
            return [value + float(match[2] or 0) for value in _curve(match[1], n)]
        raise AthanorError(f"{field}: a curve needs several blocks; give a number.")
    try:
        values = [float(part) for part in text.split(",")]
        if not all(map(math.isfinite, values)):
            raise ValueError
    except ValueError:
        raise AthanorError(
            f"{field} is {quoted(text)}: give numbers with commas, or sine, cosine, linear, reverse_linear or zeros."
        ) from None
    return (values + [1.0] * n)[:n]


def lr_weights(settings: NetworkSettings, count: int) -> list[float]:
    """Return the learning-rate weight of each of `count` (25 or 23) blocks.

    Raises:
        AthanorError: a list cannot be read.
    """
    blocks = settings.blocks
    down, mid, up = COUNTS[count]
    weights = [1.0, *_side("down_lr_weight", blocks.down_lr_weight, down)]
    weights += _side("mid_lr_weight", blocks.mid_lr_weight, mid) + _side("up_lr_weight", blocks.up_lr_weight, up)
    weights += [1.0] * (count - len(weights))
    return [weight if weight > blocks.block_lr_zero_threshold else 0.0 for weight in weights]


@dataclass(frozen=True, slots=True)
class Share:
    """The rank, alpha and learning-rate weight of one layer; a rank or weight of 0 means that it is not trained."""

    rank: int
    alpha: float
    lr_weight: float


def share(settings: NetworkSettings, name: str, conv3: bool, learning_rate: float) -> Share:
    """Return rank, alpha and learning-rate weight of the layer `name` (as LoRA files have it).

    Args:
        conv3: a convolution larger than 1x1.
        learning_rate: what reg_lrs are divided by, to become weights.

    Raises:
        AthanorError: per-block settings on a model that has no such blocks, or lists of the wrong length.
    """
    blocks = settings.blocks
    rank, alpha, weight = (
        (settings.conv_rank, settings.conv_alpha, 1.0) if conv3 else (settings.rank, settings.alpha, 1.0)
    )
    if blocks.by_block:
        where = index(name)
        if where is None:
            raise AthanorError(
                "Block Config: down, mid, up and block lists are for SD1, SD2 and SDXL; use reg_dims and reg_lrs."
            )
        number, count = where
        weight = lr_weights(settings, count)[number]
        kind = "conv_block" if conv3 else "block"
        rank = int(_listed(settings, f"{kind}_dims", number, count, rank))
        alpha = _listed(settings, f"{kind}_alphas", number, count, alpha)
    rank = int(next((value for pattern, value in blocks.by_name("reg_dims") if pattern.search(name)), rank))
    rate = next((value for pattern, value in blocks.by_name("reg_lrs") if pattern.search(name)), None)
    return Share(rank, alpha, weight if rate is None else rate / learning_rate)


def _listed(settings: NetworkSettings, field: str, number: int, count: int, default: float) -> float:
    values = settings.blocks.numbers(field)
    if values and len(values) != count:
        raise AthanorError(f"{field} has {len(values)} numbers: this model has {count} blocks.")
    return values[number] if values else default
