"""Lists of block weights, one number for each block by its place, as sd-webui-lora-block-weight and its kin write them (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import AthanorError, quoted
from .lora_blocks import Block, is_text

TEXT = Block("te")


def _row(inside: str, outside: str) -> tuple[Block, ...]:
    """Return the blocks of a list by their numbers: text encoders, in, mid, out."""
    before, behind = (
        [Block(group, int(n)) for n in text.split()] for group, text in (("in", inside), ("out", outside))
    )
    return (TEXT, *before, Block("mid"), *behind)


LISTS: Mapping[int, tuple[Block, ...]] = {
    17: _row("1 2 4 5 7 8", "3 4 5 6 7 8 9 10 11"),
    26: _row("0 1 2 3 4 5 6 7 8 9 10 11", "0 1 2 3 4 5 6 7 8 9 10 11"),
    12: _row("4 5 7 8", "0 1 2 3 4 5"),
    20: _row("0 1 2 3 4 5 6 7 8", "0 1 2 3 4 5 6 7 8"),
}
"""Numbers of a list -> its blocks: 17 for LoRAs of SD1 and SD2, 26 with convolutions; 12 and 20 for SDXL."""
_LEAST = 10
"""Numbers, from which on a text of numbers alone is meant as such a list."""
_LIST = re.compile(
    r"\s*(?:(?P<name>[\w .+-]{1,60}?)\s*[:=]\s*)?(?P<numbers>[+-]?[\d.]+(?:\s*,\s*[+-]?[\d.]+)*)\s*,?\s*"
)


def read(text: str, field: str) -> tuple[str, tuple[float, ...]] | None:
    """Return the name in front of a list (`OUTS:1,0,0,...`, as presets have it; else "") and its numbers; None for another text.

    Raises:
        AthanorError: there are no lists of so many numbers, or one is no number; names `field`.
    """
    match = _LIST.fullmatch(text)
    parts = match["numbers"].split(",") if match else []
    if not match or len(parts) < _LEAST:
        return None
    if len(parts) not in LISTS:
        raise AthanorError(
            f"{field}: {quoted(text)} has {len(parts)} numbers: lists of block weights have 17 or 26 (SD1, SD2), 12 or 20 (SDXL)."
        )
    try:
        numbers = tuple(round(float(part), 4) for part in parts)
    except ValueError:  # 1.2.3
        raise AthanorError(f"{field}: {quoted(text)} is not a list of numbers.") from None
    return match["name"] or "", numbers


def strengths(numbers: tuple[float, ...], where: Mapping[str, Block], file: str) -> dict[str, float]:
    """Return the strength of each layer of a file; what is in none of the list's blocks stays at 1.

    Args:
        where: layer -> its block.

    Raises:
        AthanorError: the list is for another kind of model.
    """
    weights = dict(zip(LISTS[len(numbers)], numbers, strict=True))
    highest = max((block.number or 0 for block in where.values() if block.group in ("in", "out")), default=-1)
    is_xl = highest <= 8 and any(block.group == "out" and (block.number or 0) < 3 for block in where.values())
    own = "SDXL" if is_xl else "SD1 and SD2"
    meant = "SDXL" if len(numbers) in (12, 20) else "SD1 and SD2"
    if not any(block.group in ("in", "mid", "out") for block in where.values()):
        raise AthanorError(
            f"blocks: {file} is not of a U-Net, for which lists of {len(numbers)} numbers are; write its blocks."
        )
    if (highest >= 9 and meant == "SDXL") or (is_xl and len(numbers) == 17):
        raise AthanorError(f"blocks: a list of {len(numbers)} numbers is for LoRAs of {meant}, and {file} is of {own}.")
    return {name: weights.get(TEXT if is_text(block) else block, 1.0) for name, block in where.items()}
