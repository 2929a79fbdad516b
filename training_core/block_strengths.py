"""Texts that give blocks of a LoRA a strength, such as `in 0.5, mid 0`, `all but out`, `double0-7` or `*attn2*` (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from . import block_lists, lora_blocks, lora_keys
from .errors import AthanorError, quoted, shortened
from .lists import cells, lines_of, once
from .lora_blocks import Block, Range, is_text
from .names import is_pattern

EXAMPLES = "in 0.5, mid 0, all but out, IN04-08, double0-7, te 0 or *attn2*"
LONGEST = 2000
"""Characters of a text of block strengths."""
STRONGEST = 100.0


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a text: blocks or a pattern of layers, perhaps all but these, and a strength; None: these are kept, others not."""

    selected: tuple[Range | str, ...]
    strength: float | None = None
    but: bool = False

    @property
    def text(self) -> str:
        """The part in its one spelling."""
        names = " and ".join(map(_named, self.selected))
        names = f"all but {names}" if self.but else names
        if self.strength is None:
            return names
        sign = "=" if self.strength >= 2 and self.strength.is_integer() else " "
        return f"{names}{sign}{self.strength:.10g}"


def _named(selected: Range | str) -> str:
    return selected if isinstance(selected, str) else selected.name


@dataclass(frozen=True, slots=True)
class BlockStrengths:
    """The strength of each block, as a text gives it; without items all have 1. `numbers`: a list by place, see block_lists.py."""

    items: tuple[Item, ...] = ()
    numbers: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        """The text in its one spelling; "" if it changes nothing."""
        return ", ".join([*(item.text for item in self.items), *(f"{number:.10g}" for number in self.numbers)])

    def strengths(self, layers: Iterable[str], file: str) -> dict[str, float]:
        """Return the strength of each layer of a file.

        Raises:
            AthanorError: the text names blocks that the file does not have; those that there are are listed. A text encoder, or a block
                of a group of which there are others, may be missing where it is to be off.
        """
        names = list(layers)
        where = lora_blocks.blocks(names)
        if self.numbers:
            return block_lists.strengths(self.numbers, where, file)
        result = dict.fromkeys(names, 0.0 if any(item.strength is None for item in self.items) else 1.0)
        for item in self.items:
            chosen: set[str] = set()
            for each in item.selected:
                matched = {name for name in names if _matches(each, name, where[name])}
                if not matched and not ((item.but or item.strength == 0) and _may_be_missing(each, where.values())):
                    raise AthanorError(_missing(each, file, names))
                chosen |= matched
            for name in names:
                if (name in chosen) != item.but:
                    result[name] = 1.0 if item.strength is None else item.strength
        return result


def unknown(text: str, files: Iterable[Iterable[str]]) -> list[str]:
    """Return what a text names that none of these files (their layers) has, as it is written."""
    names = [name for layers in files for name in layers]
    where = lora_blocks.blocks(names)
    parts = once(each for item in read(text).items for each in item.selected)
    return [_named(each) for each in parts if not any(_matches(each, name, where[name]) for name in names)]


def _matches(selected: Range | str, name: str, block: Block) -> bool:
    if isinstance(selected, Range):
        return selected.has(block)
    # Brackets are letters here, and not the sets of letters that they are in fnmatch.
    pattern = selected.lower().replace(".", "_").replace("[", "[[]")
    return fnmatchcase(name.lower().replace(".", "_"), pattern)


def _may_be_missing(selected: Range | str, blocks: Iterable[Block]) -> bool:
    """Return whether blocks that a file does not have may be switched off there: LoRAs with and without them are compared."""
    if isinstance(selected, str):
        return False
    return selected.group == "te" or is_text(Block(selected.group)) or any(b.group == selected.group for b in blocks)


def _missing(selected: Range | str, file: str, names: list[str]) -> str:
    has = f"it has {shortened(lora_blocks.words(names), 400)}" if names else "it has no layers"
    if isinstance(selected, str):
        example = f", and layers such as {shortened(names[0], 120)}" if names else ""
        return f"blocks: no layer of {file} fits the pattern {quoted(selected)}; {has}{example}."
    return f"blocks: {file} has no block {quoted(_named(selected))}; {has}."


_STRENGTH = re.compile(r"(?P<what>.*?)(?:\s*[=:]\s*|(?P<space>\s+))(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))")
_TEXT_RANGE = re.compile(r"te\s?(?P<te>[1-3])?(?:[\s.]*[._](?P<first>\d{1,4})(?:-(?P<last>\d{1,4}))?)?")
_RANGE = re.compile(
    r"(?P<group>[a-z](?:[a-z0-9_ ]*[a-z])?)[ _]*(?:(?P<first>\d{1,4})(?:-(?:[a-z][a-z_ ]*?)?(?P<last>\d{1,4}))?)?"
)
_PATTERN = re.compile(r"[\w.*?/\[\]-]+")
_SIGNS = str.maketrans({"–": "-", "—": "-", "−": "-", "：": ":", "＝": "="})


def read(text: str, field: str = "blocks") -> BlockStrengths:
    """Return what a text of block strengths means: parts with commas (or lines) between, of which the later ones count.

    A part is a group (`in`, `mid`, `out`, `double`, `single`, `layers`, `te`, `te1` ...), a block (`IN04`, `double7`), a range
    (`IN04-08`, `double0-7`), a pattern of layers' names (`*attn2*`), or `all`; `all but` in front means all others. With a number
    behind it (or `off`), these have that strength, and others stay at 1. Without one these are kept, and what no part names is left out.
    Or the text is a list of numbers, see block_lists.py.

    Raises:
        AthanorError: a part cannot be read; names `field`.
    """
    if len(text) > LONGEST:
        raise AthanorError(f"{field}: {quoted(text)} is longer than {LONGEST} characters; use groups and patterns.")
    text = text.translate(_SIGNS)
    if listed := block_lists.read(text, field):
        return BlockStrengths(numbers=() if set(listed[1]) == {1.0} else listed[1])
    items: list[Item] = []
    for line in lines_of(text):
        for part in cells(line, field):
            item = _item(part, field)
            before = items[-1] if items else None
            if before and before.but and before.strength is None and item.strength is None and not item.but:
                items[-1] = Item((*before.selected, *item.selected), None, but=True)  # all but in, mid
            else:
                items.append(item)
    everything = Item((Range("all"),))
    return BlockStrengths(() if items == [everything] else tuple(items))


def _item(part: str, field: str) -> Item:
    rest, strength, doubtful = re.sub(r"(?<=\d)\s+-\s+(?=[A-Za-z\d])", "-", part.strip()), None, ""
    if match := re.fullmatch(r"(.+?)\s+(off|alone)", rest, re.IGNORECASE):  # as ready lists call their values
        rest, strength = match[1], 0.0 if match[2].lower() == "off" else None
    elif match := _STRENGTH.fullmatch(rest):
        rest, strength = match["what"].strip(), round(float(match["number"]), 4)
        if not -STRONGEST <= strength <= STRONGEST:
            raise AthanorError(
                f"{field}: the strength of {quoted(part)} is not between -{STRONGEST:g} and {STRONGEST:g}."
            )
        if match["space"] and not is_pattern(rest) and strength >= 2 and match["number"].isdecimal():
            doubtful = match["number"]
    but = re.match(r"all\s+(?:but|except)\s+", rest, re.IGNORECASE)
    ones = re.split(r"\s+and\s+|\s*\+\s*|\s*&\s*", rest[but.end() :] if but else rest)
    selected = tuple(_selected(one, part, field) for one in ones)
    if doubtful:
        raise AthanorError(
            f"{field}: {quoted(part)} can mean two things; write {''.join(rest.split())}{doubtful} for the block, or "
            f"{rest}={doubtful} for a strength of {doubtful}."
        )
    return Item(selected, strength, but=bool(but))


def _selected(one: str, part: str, field: str) -> Range | str:
    if is_pattern(one) and _PATTERN.fullmatch(one.strip()):
        return one.strip()
    short = one.strip().lower()
    if match := _TEXT_RANGE.fullmatch(short):
        return _range(f"te{match['te'] or ''}" if match["te"] or not match["first"] else "te1", match)
    match = _RANGE.fullmatch(short)
    if not match:
        raise AthanorError(f"{field}: {quoted(part)} is not understood; write {EXAMPLES}.")
    group = "all" if match["group"] == "all" else lora_blocks.group(match["group"])
    return Range(group) if group in ("mid", "all", "te") else _range(group, match)


def _range(group: str, match: re.Match[str]) -> Range:
    if not match["first"]:
        return Range(group)
    first, last = sorted((int(match["first"]), int(match["last"] or match["first"])))
    return Range(group, first, last)


FORMS = ("each off", "each alone", "groups off")
"""Ready lists of texts, see `series`."""


def series(form: str, files: Iterable[Iterable[str]]) -> dict[str, str]:
    """Return the texts of a ready list, by label: all blocks, then one off at a time; or one alone at a time.

    Args:
        form: of FORMS; `groups off` takes in, mid, out and so on as wholes.
        files: the layers of each LoRA that it is for: what one of them has is switched off, what all have stands alone.
    """
    names = [list(layers) for layers in files]
    together = list(once(name for layers in names for name in layers))
    if form == "groups off":
        return {"all": ""} | {f"{name} off": f"all but {name}" for name in lora_blocks.groups(together)}
    single = [block.name for block in lora_blocks.listed(together)]
    if form == "each off":
        return {"all": ""} | {f"{name} off": f"all but {name}" for name in single}
    common = [{block.name for block in lora_blocks.listed(layers)} for layers in names]
    return {"all": ""} | {f"{name} alone": name for name in single if all(name in each for each in common)}


def split(keys: Iterable[str], strengths: Mapping[str, float]) -> dict[float, list[str]]:
    """Return the keys of a file by the strength of their layers, those of 0 left out; keys of no known form have 1.

    Args:
        strengths: of `BlockStrengths.strengths`, by layer.
    """
    result: dict[float, list[str]] = {}
    for key in keys:
        found = lora_keys.split(key)
        strength = strengths.get(found[0], 1.0) if found else 1.0
        if strength:
            result.setdefault(strength, []).append(key)
    return result
