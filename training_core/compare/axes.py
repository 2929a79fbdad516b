"""Axes of a comparison: what each value changes, and what it is called (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from ..errors import AthanorError
from . import grammar
from .grammar import Random


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis: the fields of a cell that it sets."""

    label: str
    changes: tuple[tuple[str, Any], ...]
    special: bool = False  # such as the base model: its name has no part in common with the others

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields it sets."""
        return tuple(name for name, _ in self.changes)


@dataclass(frozen=True, slots=True)
class Held:
    """Models of the graph that values name: by content, so that the same ones are found again."""

    key: str
    models: tuple[Any, Any, Any]  # MODEL, CLIP and VAE; None: as XYZ Compare has it
    links: Mapping[str, list[Any]]  # where the graph has them from


@dataclass(frozen=True, slots=True)
class Axis:
    """A title and its values. `epochs`: its values are these checkpoints of the run that is compared."""

    title: str
    values: tuple[Value, ...]
    epochs: str | None = None
    held: tuple[Held, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that any of its values sets."""
        return frozenset({"lora"}) if self.epochs is not None else frozenset(f for v in self.values for f in v.fields)

    @property
    def cost(self) -> int:
        """How expensive a step along it is: the dearest field counts."""
        return max((COST.get(field, 0) for field in self.fields), default=0)


COST = {
    "model": 8, "clip_skip": 7, "vae": 6, "lora": 5, "strength_model": 4, "strength_clip": 4, "shift": 3, "positive": 2,
    "negative": 2, "replace": 2, "guidance": 1,
}  # fmt: skip
"""What changes rarely while a grid is sampled: a model is read from disk, a LoRA patched in, a prompt encoded."""

ADDS = {"lora", "replace"}
"""Fields that several axes may set: LoRAs are stacked, replacements made one after the other."""


@dataclass(frozen=True, slots=True)
class LoraChoice:
    """A LoRA as an axis names it; without a strength of its own it takes the cell's."""

    name: str
    strength_model: float | None = None
    strength_clip: float | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """A replacement and where it is made: both, positive or negative."""

    change: grammar.Replace
    where: str
    whole_word: bool


Known = Mapping[str, Sequence[str]]
"""What the host has: samplers, schedulers, models, VAEs and LoRAs by name."""


def _number(field: str, low: float, high: float, whole: bool = False, also: str = "") -> Callable[..., list[Value]]:
    def read(text: str, _known: Known, _whole_word: bool) -> list[Value]:
        values = []
        for number in grammar.numbers(text, whole=whole):
            if not low <= number <= high:
                raise AthanorError(f"values: {field} {grammar.plain(number)} is not between {low:g} and {high:g}.")
            value = int(number) if whole else float(number)
            changes = ((field, value), (also, value)) if also else ((field, value),)
            values.append(Value(grammar.plain(number), changes))
        return values

    return read


def _seeds(text: str, _known: Known, _whole_word: bool) -> list[Value]:
    seeds = grammar.seeds(text)
    return [Value(f"random {s.number}" if isinstance(s, Random) else str(s), (("seed", s),)) for s in seeds]


def _clip_skip(text: str, _known: Known, _whole_word: bool) -> list[Value]:
    """As ComfyUI counts (-1 is the last layer) or as A1111 does (1 is the last)."""
    values = []
    for number in grammar.numbers(text, whole=True):
        if not 1 <= abs(number) <= 24:
            raise AthanorError(f"values: clip skip {grammar.plain(number)} is not from 1 to 24 or -1 to -24.")
        values.append(Value(str(abs(int(number))), (("clip_skip", -abs(int(number))),)))
    return grammar.once(values)


def _names(field: str, group: str, what: str) -> Callable[..., list[Value]]:
    def read(text: str, known: Known, _whole_word: bool) -> list[Value]:
        names = [grammar.resolve(part, known[group], what) for part in _expanded(grammar.split(text), known[group])]
        return [Value(_bare(name), ((field, name),)) for name in grammar.once(names)]

    return read


def _expanded(parts: Sequence[str], known: Sequence[str]) -> list[str]:
    """Patterns such as my_lora-* become the names that they fit, in natural order."""
    result: list[str] = []
    for part in parts:
        if any(c in part for c in "*?["):
            found = match_names(part, known)
            if not found:
                raise AthanorError(f"values: nothing fits the pattern '{part}'; {grammar.nearest(part, known)}.")
            result += found
        else:
            result.append(part)
    return result


def match_names(pattern: str, known: Sequence[str]) -> list[str]:
    """The names that a pattern fits, whole or without their folder, in natural order."""

    def fits(name: str) -> bool:
        name = name.replace("\\", "/").lower()
        whole = pattern.replace("\\", "/").lower()
        tail = name if "/" in whole else name.rpartition("/")[2]
        return fnmatchcase(tail, whole) or fnmatchcase(tail, whole + ".safetensors")

    return sorted(filter(fits, known), key=natural)


def natural(text: str) -> list[tuple[int, Any]]:
    """Sort key by which 'e9' stands before 'e10'."""
    return [(0, int(p)) if p.isdigit() else (1, p.lower()) for p in re.split(r"(\d+)", text) if p]


def _bare(name: str) -> str:
    return name.removesuffix(".safetensors")


def _pairs(text: str, known: Known, _whole_word: bool) -> list[Value]:
    values = []
    for part in grammar.split(text):
        sampler, scheduler = _pair(part, known)
        values.append(Value(f"{sampler} {scheduler}", (("sampler", sampler), ("scheduler", scheduler))))
    return grammar.once(values)


def _pair(part: str, known: Known) -> tuple[str, str]:
    """`euler/karras`, `euler karras`, `DPM++ 2M Karras`."""
    for cut in [m.start() for m in re.finditer(r"[/:|]", part)] or [m.start() for m in re.finditer(r"\s+", part)][::-1]:
        left, right = part[:cut].strip(), part[cut + 1 :].strip()
        schedulers = [name for name in known["schedulers"] if grammar.simple(name) == grammar.simple(right)]
        if schedulers:
            return grammar.resolve(left, known["samplers"], "sampler"), schedulers[0]
        if part[cut] in "/:|":
            return grammar.resolve(left, known["samplers"], "sampler"), grammar.resolve(
                right, known["schedulers"], "scheduler"
            )
    raise AthanorError(f"values: '{part}' is not a sampler and a scheduler, such as euler/karras or DPM++ 2M Karras.")


def _sizes(text: str, _known: Known, _whole_word: bool) -> list[Value]:
    return [Value(f"{w}x{h}", (("width", w), ("height", h))) for w, h in grammar.sizes(text)]


def _swaps(where: str) -> Callable[..., list[Value]]:
    def read(text: str, _known: Known, whole_word: bool) -> list[Value]:
        found = grammar.replacements(text)
        olds = {change.old for change in found}
        return [
            Value(
                (change.new or "(nothing)") if len(olds) == 1 else f"{change.old} => {change.new or '(nothing)'}",
                (("replace", Swap(change, where, whole_word)),),
            )
            for change in found
        ]

    return read


def _prompts(field: str) -> Callable[..., list[Value]]:
    def read(text: str, _known: Known, _whole_word: bool) -> list[Value]:
        return [Value(line or "(empty)", ((field, line),)) for line in grammar.once(grammar.split(text, commas=False))]

    return read


def _loras(text: str, known: Known, _whole_word: bool) -> list[Value]:
    """`name`, `name:0.8`, `name:0.8:0.5` (model : text encoder), `name:0.4-1(0.2)`, `a + b:0.5`, `name-*`, `none`."""
    values = []
    for part in grammar.split(text):
        if part.lower() in ("none", "base", "base model"):
            values.append(Value("base model", (("lora", ()),), special=True))
            continue
        stacks = product(*(_lora(one.strip(), known) for one in re.split(r"\s\+\s", part)))
        values += [Value(" + ".join(map(_said, stack)), (("lora", stack),)) for stack in stacks]
    return grammar.once(values)


def _lora(text: str, known: Known) -> list[LoraChoice]:
    name, *strengths = text.split(":") if text not in known["loras"] else [text]
    if len(strengths) > 2:
        raise AthanorError(f"values: '{text}' has too many ':'; write name:strength or name:model:text encoder.")
    names = [grammar.resolve(n, known["loras"], "LoRA") for n in _expanded([name.strip()], known["loras"])]
    given = [list(map(float, grammar.numbers(s, f"the strength of {name}"))) for s in strengths]
    pairs: list[tuple[float | None, float | None]] = [(None, None)]
    if len(given) == 1:
        pairs = [(s, s) for s in given[0]]
    elif given:
        pairs = list(product(*given))
    return [LoraChoice(n, *pair) for n in names for pair in pairs]


def _said(lora: LoraChoice) -> str:
    name = _bare(lora.name.replace("\\", "/").rpartition("/")[2])
    if lora.strength_model is None:
        return name
    if lora.strength_model == lora.strength_clip:
        return f"{name} {lora.strength_model:g}"
    return f"{name} {lora.strength_model:g}:{lora.strength_clip:g}"


_READERS: dict[str, Callable[[str, Known, bool], list[Value]]] = {
    "LoRA": _loras,
    "LoRA strength": _number("strength_model", -100, 100, also="strength_clip"),
    "LoRA strength (model)": _number("strength_model", -100, 100),
    "LoRA strength (text encoder)": _number("strength_clip", -100, 100),
    "seed": _seeds,
    "steps": _number("steps", 1, 10000, whole=True),
    "cfg": _number("cfg", 0, 100),
    "guidance": _number("guidance", 0, 100),
    "shift": _number("shift", 0, 100),
    "sampler": _names("sampler", "samplers", "sampler"),
    "scheduler": _names("scheduler", "schedulers", "scheduler"),
    "sampler + scheduler": _pairs,
    "denoise": _number("denoise", 0, 1),
    "size": _sizes,
    "prompt S/R": _swaps("both"),
    "prompt S/R (positive)": _swaps("positive"),
    "prompt S/R (negative)": _swaps("negative"),
    "prompt": _prompts("positive"),
    "negative prompt": _prompts("negative"),
    "model": _names("model", "models", "model"),
    "VAE": _names("vae", "vaes", "VAE"),
    "clip skip": _clip_skip,
}
CHECKPOINT = "checkpoint of the run"
KINDS: tuple[str, ...] = (CHECKPOINT, *_READERS)
"""What an axis can vary. Workflows hold these names: they are stable."""


def read(kind: str, text: str, known: Known, whole_word: bool = True) -> Axis:
    """The axis that a type and a text of values mean.

    Raises:
        AthanorError: there is no such type, nothing to vary, or a value is wrong; the nearest names are listed.
    """
    if kind == CHECKPOINT:
        return Axis("checkpoint", (), epochs=text)
    if kind not in _READERS:
        raise AthanorError(f"type '{kind}' does not exist; {grammar.nearest(kind, KINDS)}.")
    values = _READERS[kind](text, known, whole_word)
    if not values:
        raise AthanorError(f"values is empty: an axis of type {kind} needs at least one value.")
    if len(values) > grammar.LIMIT:
        raise AthanorError(f"values gives {len(values)} values; an axis can have {grammar.LIMIT}.")
    title = kind.replace(" S/R", "")
    olds = {s.change.old for v in values for f, s in v.changes if f == "replace"}
    return Axis(f"{title}: {olds.pop()} =>" if len(olds) == 1 else title, tuple(values))


def listed(axis: Axis) -> str:
    """The axis in words: '5 values: 0.6, 0.7, 0.8, 0.9, 1'."""
    if axis.epochs is not None:
        return f"checkpoints of the run: {axis.epochs or 'all'}"
    labels = [v.label for v in axis.values]
    shown = ", ".join(labels[:40]) + (", ..." if len(labels) > 40 else "")
    return f"{axis.title}, {len(labels)} value{'s' if len(labels) != 1 else ''}: {shown}"


def join(axes: Sequence[Axis]) -> Axis:
    """Axes that move together: their first values, their second values, and so on.

    Raises:
        AthanorError: they differ in length (both are listed), or set the same field.
    """
    for axis in axes[1:]:
        if len(axis.values) != len(axes[0].values):
            raise AthanorError(f"XYZ Zip needs axes of the same length; {listed(axes[0])}; but {listed(axis)}.")
        check_fields([axes[0], axis])
    values = tuple(
        Value(
            "  ".join(v.label for v in row),
            tuple(change for v in row for change in v.changes),
            all(v.special for v in row),
        )
        for row in zip(*(axis.values for axis in axes), strict=True)
    )
    held = tuple(one for axis in axes for one in axis.held)
    return Axis(" + ".join(axis.title for axis in axes), values, held=held)


def check_fields(axes: Sequence[Axis]) -> None:
    """No field is set by two axes.

    Raises:
        AthanorError: names both axes.
    """
    owner: dict[str, Axis] = {}
    for axis in axes:
        for field in axis.fields - ADDS:
            if field in owner:
                raise AthanorError(
                    f"the axes '{owner[field].title}' and '{axis.title}' both set {field.replace('_', ' ')}: leave one out."
                )
        owner |= dict.fromkeys(axis.fields, axis)
