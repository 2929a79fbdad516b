"""The text of an axis -> its values, one reader for each kind of value (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product

from .. import block_lists, block_strengths, lists
from ..errors import AthanorError, quoted, shortened
from ..history.run_files import without_copies
from ..names import Known, resolve, simple
from . import grammar, replacing
from .axes import LoraChoice, PromptChange, Value
from .fields import Available, Reader
from .grammar import RandomSeed

_PLUS = re.compile(r"\s\+\s")
_PART = re.compile(r"(\d{1,4}(?:\.\d{0,9})?|\.\d{1,9})\s*-\s*(\d{1,4}(?:\.\d{0,9})?|\.\d{1,9})")


def number(field: str, low: float, high: float, *, whole: bool = False, also: str = "") -> Reader:
    """Numbers and ranges between `low` and `high`, for a field and perhaps for another one (`also`) as well."""

    def read(text: str, _available: Available, _whole_word: bool) -> list[Value]:
        values = []
        for each in grammar.numbers(text, whole=whole):
            if not low <= each <= high:
                raise AthanorError(f"values: {field} {grammar.plain(each)} is not between {low:g} and {high:g}.")
            value = int(each) if whole else float(each)
            changes = ((field, value), (also, value)) if also else ((field, value),)
            values.append(Value(grammar.plain(each), changes))
        return values

    return read


def seed_values(seeds: Sequence[int | RandomSeed]) -> list[Value]:
    """Return a value for each seed; a random one is called by its number until it is drawn."""
    return [Value(f"random {s.number}" if isinstance(s, RandomSeed) else str(s), (("seed", s),)) for s in seeds]


def seeds(text: str, _available: Available, _whole_word: bool) -> list[Value]:
    """Seeds, some of them perhaps random (`x3`): those are drawn when the comparison is planned."""
    return seed_values(grammar.seeds(text))


def clip_skip(text: str, _available: Available, _whole_word: bool) -> list[Value]:
    """Layers of the text encoder, counted as ComfyUI does (-1 is the last one) or as A1111 does (1 is the last one)."""
    values = []
    for layer in grammar.numbers(text, whole=True):
        if not 1 <= abs(layer) <= 24:
            raise AthanorError(f"values: clip skip {grammar.plain(layer)} is not from 1 to 24 or -1 to -24.")
        values.append(Value(str(abs(int(layer))), (("clip_skip", -abs(int(layer))),)))
    return values


def names(field: str, group: str, what: str) -> Reader:
    """Names and patterns of a group that the host has; `what` is the group's name in errors."""

    def read(text: str, available: Available, _whole_word: bool) -> list[Value]:
        return [Value(_bare(name), ((field, name),)) for name in found(text, available[group], what)]

    return read


def found(text: str, names: Sequence[str], what: str) -> list[str]:
    """Return the names that a text means; one that is skipped does not come back by a pattern.

    Raises:
        AthanorError: there is no such name, see `Known.find`.
    """
    known = Known(names, what, by_pattern=without_copies)
    parts = lists.marked_names(text, known.has)
    known = known.without(part.text for part in parts if part.skipped)
    return known.find([part.text for part in parts if not part.skipped])


def _bare(name: str) -> str:
    return name.removesuffix(".safetensors")


def sampler_pairs(text: str, available: Available, _whole_word: bool) -> list[Value]:
    """Return a sampler and a scheduler for each value: `euler/karras`, `DPM++ 2M Karras`."""
    parts = lists.names(text, lambda _: False)
    pairs = {part: _pair(part, available) for part in lists.once(parts)}
    return [
        Value(" ".join(pairs[part]), tuple(zip(("sampler", "scheduler"), pairs[part], strict=True))) for part in parts
    ]


def _pair(part: str, available: Available) -> tuple[str, str]:
    """Sampler and scheduler of one value. Where no sign parts them, the last space before a known scheduler does."""
    if len(part) > 200:
        raise AthanorError(f"values: {quoted(part)} is not a sampler and a scheduler, such as euler/karras.")
    for cut in [m.start() for m in re.finditer(r"[/:|]", part)] or [m.start() for m in re.finditer(r"\s+", part)][::-1]:
        left, right = part[:cut].strip(), part[cut + 1 :].strip()
        schedulers = [name for name in available["schedulers"] if simple(name) == simple(right)]
        if schedulers:
            return resolve(left, available["samplers"], "sampler"), schedulers[0]
        if part[cut] in "/:|":
            return resolve(left, available["samplers"], "sampler"), resolve(right, available["schedulers"], "scheduler")
    raise AthanorError(
        f"values: {quoted(part)} is not a sampler and a scheduler, such as euler/karras or DPM++ 2M Karras."
    )


def sizes(text: str, _available: Available, _whole_word: bool) -> list[Value]:
    """Widths and heights in pixels: `512x768`, or one number for a square."""
    return [Value(f"{w}x{h}", (("width", w), ("height", h))) for w, h in grammar.sizes(text)]


def replacements(where: str) -> Reader:
    """Search and replace in the prompts that `where` names: both, positive or negative."""

    def read(text: str, _available: Available, whole_word: bool) -> list[Value]:
        changes = replacing.replacements(text)
        olds = {change.old for change in changes}
        return [
            Value(
                (change.new or "(nothing)") if len(olds) == 1 else f"{change.old} => {change.new or '(nothing)'}",
                (("replace", PromptChange(change, where, whole_word)),),
            )
            for change in changes
        ]

    return read


def prompts(field: str) -> Reader:
    """Whole prompts, one a line."""

    def read(text: str, _available: Available, _whole_word: bool) -> list[Value]:
        return [Value(line or "(empty)", ((field, line),)) for line in lists.split(text, commas=False)]

    return read


def loras(text: str, available: Available, _whole_word: bool) -> list[Value]:
    """LoRA files: `name`, `name:0.8`, `name:0.8:0.5` (model : text encoder), `name:0.4-1(0.2)`, `a + b:0.5`, `name-*`,
    or `none` for the base model."""
    known = Known(available["loras"], "LoRA", by_pattern=without_copies)
    values: list[Value] = []
    choices = 0

    def whole(part: str) -> bool:
        return all(known.has(_strengths_of(one, known)[0]) for one in _stack(part, known))

    parts = lists.marked_names(text, known.has, whole)
    known = known.without(_strengths_of(part.text, known)[0] for part in parts if part.skipped)
    for part in (each.text for each in parts if not each.skipped):
        if part.lower() in ("none", "base", "base model"):
            values.append(Value("base model", (("lora", ()),), special=True))
            continue
        several = [_lora(one, known) for one in _stack(part, known)]
        choices += len(several) * math.prod(map(len, several))
        if choices > lists.LIMIT:
            raise AthanorError(f"values: {quoted(part)} gives too many LoRAs ({lists.LIMIT} in all are possible).")
        values += [Value(" + ".join(map(_lora_label, stack)), (("lora", stack),)) for stack in product(*several)]
    return _told_apart(lists.limited(values, text))


def blocks(text: str, _available: Available, _whole_word: bool) -> list[Value]:
    """Strengths of the LoRA's blocks, one text a line; or a ready list such as `each off`, whose values the comparison fills in.
    A preset with its name in front (`OUTS:1,0,0,...`) is called so."""
    values = []
    for line in lists.split(text, commas=False):
        form = " ".join(line.lower().split())
        meant = form if form in block_strengths.FORMS else block_strengths.read(line, "values").text
        listed = block_lists.read(line, "values")
        values.append(Value((listed[0] if listed else "") or meant or "all", (("blocks", meant),)))
    return values


def parts(text: str, _available: Available, _whole_word: bool) -> list[Value]:
    """Parts of the sampling: `0-0.5`, `0.3-1`."""
    values = []
    for part in lists.split(text):
        match = _PART.fullmatch(part.replace("–", "-"))
        begin, end = (float(match[1]), float(match[2])) if match else (1.0, 0.0)
        if not 0 <= begin < end <= 1:
            raise AthanorError(
                f"values: {quoted(part)} is not a part of the steps; write 0-0.5 for the first half, 0.3-1 for all but the beginning."
            )
        values.append(Value(f"{begin:g}-{end:g}", (("lora_steps", (begin, end)),)))
    return values


def _told_apart(values: Sequence[Value]) -> list[Value]:
    """Return LoRAs with their folders in the label where different ones would be called the same."""
    called: dict[str, set[Value]] = {}
    for value in values:
        called.setdefault(value.label, set()).add(value)
    return [value if len(called[value.label]) == 1 else replace(value, label=_with_folders(value)) for value in values]


def _with_folders(value: Value) -> str:
    return " + ".join(_lora_label(lora, folder=True) for lora in dict(value.changes)["lora"]) or value.label


def _stack(part: str, known: Known) -> list[str]:
    """Return the LoRAs that one value puts on each other; a name that is there may have a + in it."""
    name = _strengths_of(part, known)[0]
    whole = _PLUS.search(name) and known.has(name)
    ones = [part] if whole else [one.strip() for one in _PLUS.split(part)]
    return lists.limited(ones, part)


def _strengths_of(text: str, known: Known) -> tuple[str, list[str]]:
    """Return the name and the strengths behind it, as texts; a name that is there may have a : in it."""
    if known.has(text):
        return text, []
    text = text if ":" in text else text.replace("：", ":")
    for count in (1, 2):
        name, *strengths = text.rsplit(":", count)
        if known.has(name.strip()):
            return name.strip(), strengths
    name, *strengths = text.split(":")
    return name.strip(), strengths


def _lora(text: str, known: Known) -> list[LoraChoice]:
    """Return the LoRAs that one part of a stack means: several where it is a pattern or has several strengths."""
    name, strengths = _strengths_of(text, known)
    if len(strengths) > 2:
        raise AthanorError(f"values: {quoted(text)} has too many ':'; write name:strength or name:model:text encoder.")
    files = known.find([name])
    given = [list(map(float, grammar.numbers(s, f"the strength of {shortened(name)}"))) for s in strengths]
    pairs: list[tuple[float | None, float | None]] = [(None, None)]
    if len(given) == 1:
        pairs = [(s, s) for s in given[0]]
    elif given:
        lists.check(len(given[0]) * len(given[1]), text)
        pairs = list(product(given[0], given[1]))
    lists.check(len(files) * len(pairs), text)
    return [LoraChoice(file, *pair) for file in files for pair in pairs]


def stacked(choices: Sequence[LoraChoice], blocks: str = "") -> Value:
    """Return the value of LoRAs that are on each other, `blocks` of each at their strengths (block_strengths.py)."""
    label = " + ".join(map(_lora_label, choices)) + (f" ({blocks})" if blocks else "")
    return Value(label, (("lora", tuple(choices)), *([("blocks", blocks)] if blocks else [])))


@lru_cache(maxsize=1024)
def _lora_label(lora: LoraChoice, folder: bool = False) -> str:
    path = _bare(lora.name.replace("\\", "/"))
    name = path if folder else path.rpartition("/")[2]
    if lora.strength_model is None:
        return name
    if lora.strength_model == lora.strength_clip:
        return f"{name} {lora.strength_model:g}"
    return f"{name} {lora.strength_model:g}:{lora.strength_clip:g}"
