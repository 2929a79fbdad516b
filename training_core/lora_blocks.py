"""Blocks of a model, by the names that LoRA files of any trainer have for its layers (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from . import lora_keys

_SIDES = {"down": "in", "input": "in", "up": "out", "output": "out", "middle": "mid", "m": "mid"}
_STACKS = {
    **_SIDES, "joint_transformer": "double", "single_transformer": "single",
    "": "layers", "block": "layers", "blocks": "layers", "layer": "layers", "joint": "layers", "transformer": "layers",
    "text_fusion_layerwise": "txtfusion_layerwise", "text_fusion_refiner": "txtfusion_refiner",
    "visual_transformer": "visual", "text_transformer": "text", "txt_in_individual_token_refiner": "token_refiner",
    "base": "te", "clip": "te", "text_encoder": "te",
}  # fmt: skip
"""What stands before a block's number -> its group; the last line as people write it."""
_DIFFUSERS = re.compile(r"(down|up)_blocks_(\d)_(resnets|attentions|downsamplers|upsamplers)_(\d)")
_LDM = re.compile(r"(input|output)_blocks_(\d+)(?!\d)")
_STACK = re.compile(r"((?:[0-9]*[a-z][a-z0-9]*_)*?)(blocks?|layers?|[a-z]+_refiner)_(\d+)(?!\d)", re.IGNORECASE)
_NO_STACK = re.compile(r"t_block_|(all_)?final_layer_")
"""The time block of PixArt and the last layer of Z-Image, which have parts with numbers."""
_TE_LAYER = re.compile(r"(?:^|_)(?:layers|block|blocks)_(\d+)(?!\d)")


class Block(NamedTuple):
    """A block of a model: its group (in, mid, out, double, single, layers, te1, other ...), and its number there if it has one."""

    group: str
    number: int | None = None

    @property
    def name(self) -> str:
        """The block as texts name it: IN04, MID, double7, layers7, te1.3."""
        if self.group in ("in", "out"):
            return self.group.upper() + ("" if self.number is None else f"{self.number:02d}")
        dot = "." if is_text(self) else ""
        number = "" if self.number is None else f"{dot}{self.number}"
        return "MID" if self.group == "mid" else f"{self.group}{number}"


def is_text(block: Block) -> bool:
    """Return whether a block is of a text encoder."""
    return bool(re.fullmatch(r"te\d", block.group))


def blocks(layers: Iterable[str]) -> dict[str, Block]:
    """Return the block of each layer of a file, by its name in any trainer's spelling.

    U-Nets have the numbers of block-weight tools: IN00 to IN11, MID and OUT00 to OUT11 for SD1 and SD2, to IN08 and OUT08 for SDXL;
    diffusers' names are counted as sd-scripts does. What stands in no block (time embeddings, the last layer) is `other`.
    """
    found = {layer: _block(layer) for layer in layers}
    if any(block.group == "single" for block in found.values()):  # diffusers' name of Flux's double blocks
        found = {
            layer: Block("double", block.number) if block.group == "layers" else block for layer, block in found.items()
        }
    return found


@lru_cache(maxsize=16384)
def _block(layer: str) -> Block:
    part, path, _ = lora_keys.place(layer)
    path = path.replace(".", "_")
    if part != "unet":
        match = _TE_LAYER.search(path)
        return Block(part, int(match[1]) if match else None)
    if match := _DIFFUSERS.match(path):
        side, level, kind, at = match.groups()
        number = 3 * int(level) + (2 if kind.endswith("samplers") else int(at))
        return Block("in", number + 1) if side == "down" else Block("out", number)
    if match := _LDM.match(path):
        return Block(_SIDES[match[1]], int(match[2]))
    if re.match(r"mid(dle)?_block", path):
        return Block("mid")
    if path in ("conv_in", "conv_out"):
        return Block("in", 0) if path == "conv_in" else Block("other")
    if (match := _STACK.match(path)) and not _NO_STACK.match(path):
        before = match[1].rstrip("_") if match[2][-7:] != "refiner" else match[1] + match[2]
        return Block(group(before), int(match[3]))
    return Block("other")


def group(words: str) -> str:
    """Return the group of blocks that words name, in the model or as people write them: double_stream_blocks is double."""
    name = re.sub(r"[\s_]+", "_", words.strip().lower())
    name = re.sub(
        r"(?<=.)_(blocks?|layers?|stream|transformer_1d)$", "", re.sub(r"(?<=.)_(blocks?|layers?)$", "", name)
    )
    return _STACKS.get(name, name)


def listed(layers: Iterable[str]) -> list[Block]:
    """Return the blocks that a file has, each once, in the order of the model; a text encoder is one block."""
    found = {Block(block.group) if is_text(block) else block for block in blocks(layers).values()}
    sides = {"in": 2, "mid": 3, "out": 4, "double": 2, "single": 3, "other": 9}
    return sorted(found, key=lambda b: (1 if is_text(b) else sides.get(b.group, 5), b.group, b.number or 0))


def groups(layers: Iterable[str]) -> list[str]:
    """Return the groups of blocks that a file has, in the order of the model; te: all text encoders."""
    return list(dict.fromkeys("te" if is_text(block) else block.group for block in listed(layers)))


def words(layers: Iterable[str]) -> str:
    """Return the blocks that a file has, in words: 'te1, IN04-05, MID, double0-18'."""
    runs: list[list[Block]] = []
    for block in listed(layers):
        last = runs[-1][-1] if runs else None
        follows = last and last.number is not None and block == Block(last.group, last.number + 1)
        if follows:
            runs[-1].append(block)
        else:
            runs.append([block])
    return ", ".join(Range(run[0].group, run[0].number, run[-1].number).name for run in runs)


class Range(NamedTuple):
    """Blocks of one group, from a number to another; None: all of them."""

    group: str
    first: int | None = None
    last: int | None = None

    @property
    def name(self) -> str:
        """These blocks in their one spelling: IN04-08, MID, double0-7, te; a whole group has small letters."""
        if self.first is None or self.last is None:
            return "MID" if self.group == "mid" else self.group
        name = Block(self.group, self.first).name
        if self.last == self.first:
            return name
        return f"{name}-{self.last:02d}" if self.group in ("in", "out") else f"{name}-{self.last}"

    def has(self, block: Block) -> bool:
        """Return whether a block is one of these."""
        group = "te" if self.group == "te" and is_text(block) else block.group
        if self.group not in (group, "all"):
            return False
        if self.first is None or self.last is None:
            return True
        return block.number is not None and self.first <= block.number <= self.last


def layers_of(keys: Iterable[str]) -> list[str]:
    """Return the layers that a file with these keys changes, each once."""
    return list(
        dict.fromkeys(found[0] for key in keys if not lora_keys.embedding(key) and (found := lora_keys.split(key)))
    )


_UNETS = {"down": "diffusers", "up": "diffusers", "mid": "diffusers", "input": "ldm", "output": "ldm", "middle": "ldm"}
"""First word of a U-Net's blocks -> whose names they are; they stand in one file together, and not with the others'."""


def named_alike(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two files may be of one model whose layers they call alike, by the names of their layers.

    In each part that both have (the model, a text encoder) they need a layer in common, or else blocks of the same name, and in
    the model layers in these of the same name, too, as two files have that are trained on one block each (B-LoRA).
    """
    ours, theirs = _by_part(one), _by_part(other)
    for part in ours.keys() & theirs.keys():
        mine, yours = ours[part], theirs[part]
        if mine.isdisjoint(yours):
            words = [list(map(_words_of, paths)) for paths in (mine, yours)]
            if any(
                {each[i] for each in words[0]}.isdisjoint(each[i] for each in words[1])
                for i in (0, 1)[: 1 + (part == "unet")]
            ):
                return False
    return True


def _by_part(layers: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for layer in layers:
        part, path, _ = lora_keys.place(layer)
        found.setdefault(part, set()).add(path.replace(".", "_"))
    return found


def _words_of(path: str) -> tuple[str, str]:
    """Return what stands before the first number of a layer's path, and behind the last one that has words behind it."""
    words = [word for word in re.split(r"_?\d+_?", path) if word] or [""]
    side = re.match(r"([a-z]+)_block", words[0])
    return (_UNETS.get(side[1], words[0]) if side else words[0]), words[-1]
