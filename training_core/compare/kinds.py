"""What an axis can vary: its types, and how the text of each is read (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from ..errors import AthanorError
from . import grammar, widgets
from .axes import Axis, LoraChoice, Swap, Value
from .grammar import Random
from .names import expanded, nearest, resolve, simple

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
        names = [resolve(part, known[group], what) for part in expanded(grammar.split(text), known[group])]
        return [Value(_bare(name), ((field, name),)) for name in grammar.once(names)]

    return read


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
        schedulers = [name for name in known["schedulers"] if simple(name) == simple(right)]
        if schedulers:
            return resolve(left, known["samplers"], "sampler"), schedulers[0]
        if part[cut] in "/:|":
            return resolve(left, known["samplers"], "sampler"), resolve(right, known["schedulers"], "scheduler")
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
    names = [resolve(n, known["loras"], "LoRA") for n in expanded([name.strip()], known["loras"])]
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
WIDGET = "widget of the graph"
KINDS: tuple[str, ...] = (CHECKPOINT, *_READERS, WIDGET)
"""What an axis can vary. Workflows hold these names: they are stable."""


def read(
    kind: str,
    text: str,
    known: Known,
    whole_word: bool = True,
    widget: str = "",
    graph: Sequence[widgets.Widget] = (),
) -> Axis:
    """The axis that a type and a text of values mean.

    Args:
        widget: for type WIDGET, which one of those in `graph`.

    Raises:
        AthanorError: there is no such type, nothing to vary, or a value is wrong; the nearest names are listed.
    """
    if kind == CHECKPOINT:
        return Axis("checkpoint", (), epochs=text)
    if kind == WIDGET:
        return _limited(widgets.read(widgets.find(widget, graph), text, graph, whole_word))
    if kind not in _READERS:
        raise AthanorError(f"type '{kind}' does not exist; {nearest(kind, KINDS)}.")
    values = _READERS[kind](text, known, whole_word)
    if not values:
        raise AthanorError(f"values is empty: an axis of type {kind} needs at least one value.")
    title = kind.replace(" S/R", "")
    olds = {s.change.old for v in values for f, s in v.changes if f == "replace"}
    return _limited(Axis(f"{title}: {olds.pop()} =>" if len(olds) == 1 else title, tuple(values)))


def _limited(axis: Axis) -> Axis:
    if len(axis.values) > grammar.LIMIT:
        raise AthanorError(f"values gives {len(axis.values)} values; an axis can have {grammar.LIMIT}.")
    return axis
