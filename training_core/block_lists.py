"""Lists of block weights, one number for each block by its place, as other tools write them (pure).

Their orders are those of BLOCKID12, 17, 20, 26 and BLOCKIDFLUX (61) in sd-webui-lora-block-weight (scripts/lora_block_weight.py), and of
the 58 numbers that LoRA Loader (Block Weight) of the ComfyUI Inspire Pack has for Flux. Blocks of a U-Net that a short list has no place
for are off, as there (`to26`): 17 numbers are for LoRAs of attentions alone. What is in no block at all stays at 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .errors import AthanorError, quoted
from .lora_blocks import Block, is_text

TEXT = Block("te")
START, END = Block("start"), Block("end")
"""Of Flux: the layers before its blocks (img_in, time_in, ...), and its final layer."""
_DOUBLE, _SINGLE, _SIDES = range(19), range(38), ("in", "mid", "out")


def _row(inside: str, outside: str) -> tuple[Block, ...]:
    """Return the blocks of a list by their numbers: text encoders, in, mid, out."""
    before, behind = (
        [Block(group, int(n)) for n in text.split()] for group, text in (("in", inside), ("out", outside))
    )
    return (TEXT, *before, Block("mid"), *behind)


_FLUX = (*(Block("double", n) for n in _DOUBLE), *(Block("single", n) for n in _SINGLE))
SD, SDXL, FLUX = "SD1 and SD2", "SDXL", "Flux"
LISTS: Mapping[int, tuple[Block, ...]] = {
    17: _row("1 2 4 5 7 8", "3 4 5 6 7 8 9 10 11"),
    26: _row("0 1 2 3 4 5 6 7 8 9 10 11", "0 1 2 3 4 5 6 7 8 9 10 11"),
    12: _row("4 5 7 8", "0 1 2 3 4 5"),
    20: _row("0 1 2 3 4 5 6 7 8", "0 1 2 3 4 5 6 7 8"),
    61: (Block("te1"), Block("te3"), START, *_FLUX, END),
    58: (TEXT, *_FLUX),
}
"""Numbers of a list -> its blocks: 17 for LoRAs of SD1 and SD2, 26 with convolutions; 12 and 20 for SDXL; 61 and 58 for Flux."""
_FOR = {17: {SD}, 26: {SD, SDXL}, 12: {SDXL}, 20: {SDXL}, 61: {FLUX}, 58: {FLUX}}
"""Numbers of a list -> the models that it is for."""
COUNTS = "17 or 26 (SD1, SD2), 12 or 20 (SDXL), 58 or 61 (Flux)"
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
        raise AthanorError(f"{field}: {quoted(text)} has {len(parts)} numbers: lists of block weights have {COUNTS}.")
    try:
        numbers = tuple(round(float(part), 4) for part in parts)
    except ValueError:  # 1.2.3
        raise AthanorError(f"{field}: {quoted(text)} is not a list of numbers.") from None
    return match["name"] or "", numbers


def strengths(numbers: tuple[float, ...], where: Mapping[str, Block], file: str) -> dict[str, float]:
    """Return the strength of each layer of a file.

    Args:
        where: layer -> its block.

    Raises:
        AthanorError: the list is for another kind of model.
    """
    count, own = len(numbers), _kinds(where)
    if not own:
        raise AthanorError(
            f"blocks: {file} is neither of a U-Net nor of Flux, for which lists of {count} numbers are; write its blocks by their names."
        )
    if not own & _FOR[count]:
        meant = " and ".join(sorted(_FOR[count]))
        raise AthanorError(f"blocks: a list of {count} numbers is for LoRAs of {meant}, and {file} is of {min(own)}.")
    weights = dict(zip(LISTS[count], numbers, strict=True))
    places = {name: _place(name, block, count) for name, block in where.items()}
    return {name: weights.get(place, 0.0 if place.group in _SIDES else 1.0) for name, place in places.items()}


def _kinds(where: Mapping[str, Block]) -> set[str]:
    """Return the models that lists are for and a file may be of, by its blocks; LoRAs of few blocks do not tell SD1 and SDXL apart."""
    numbers = {
        group: [b.number or 0 for b in where.values() if b.group == group] for group in (*_SIDES, "double", "single")
    }
    if numbers["double"] or numbers["single"]:
        return {FLUX} if {*numbers["double"]} <= {*_DOUBLE} and {*numbers["single"]} <= {*_SINGLE} else set()
    if not any(numbers.values()):
        return set()
    if max([0, *numbers["in"], *numbers["out"]]) > 8:
        return {SD}
    return {SDXL} if min(numbers["out"], default=3) < 3 else {SD, SDXL}


def _place(layer: str, block: Block, count: int) -> Block:
    """Return the block that a layer has in a list of so many numbers."""
    if count == 61:
        if is_text(block):
            return Block("te1") if block.group == "te1" else Block("te3")
        if block.group == "other":
            return END if "final_layer" in layer else START
        return block
    if is_text(block) or (count == 58 and block.group == "other"):
        return TEXT
    return block
