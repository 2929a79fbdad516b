"""LoRAs of a cell that are no file as it is: an average, several at once, or one with block strengths; as plan.json has them (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import averages
from .cells import Cell, Lora

HIGH, LOW = "loras", "loras_low"
"""Which model's LoRAs of a cell: the first, or the low-noise one."""
_TAG = re.compile(r" <lora:([^<>]*?):(-?[\d.e+-]{1,20})(?::(-?[\d.e+-]{1,20}))?>$")


def told(cells: Mapping[str, Cell]) -> dict[str, dict[str, Any]]:
    """Return what plan.json keeps of cells (by their keys) with virtual LoRAs: {"loras": {key: stack}, "loras_low": {...}}.

    A stack is a list of [name, strength, strength of the text encoder, blocks]; a part without any is left out.
    """
    result: dict[str, dict[str, Any]] = {}
    for part in (HIGH, LOW):
        stacks = {key: getattr(cell, part) for key, cell in cells.items()}
        found = {
            key: [[x.name, x.strength_model, x.strength_clip, x.blocks] for x in stack]
            for key, stack in stacks.items()
            if is_virtual(stack)
        }
        result |= {part: found} if found else {}
    return result


def is_virtual(stack: Sequence[Lora]) -> bool:
    """Return whether what is drawn with is no single file, or one that only an axis has made (of an average of DoRA)."""
    return len(stack) > 1 or any(lora.blocks or averages.is_made(lora.name) for lora in stack)


def parts_of(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the cells with virtual LoRAs: key -> HIGH, LOW or both."""
    if "virtual" in plan:
        kept = plan["virtual"]
        keys = dict.fromkeys(key for part in (HIGH, LOW) for key in kept.get(part, {}))
        return {key: [part for part in (HIGH, LOW) if key in kept.get(part, {})] for key in keys}
    return {key: [HIGH] for key in plan.get("loras", {}) if is_virtual(_older(plan, key))}


def stack_of(plan: Mapping[str, Any], key: str, part: str = HIGH) -> tuple[Lora, ...]:
    """Return the virtual LoRAs of a cell; () if it has none."""
    if "virtual" in plan:
        return tuple(Lora(*each) for each in plan["virtual"].get(part, {}).get(key, ()))
    stack = _older(plan, key) if part == HIGH else ()
    return stack if is_virtual(stack) else ()


def _older(plan: Mapping[str, Any], key: str) -> tuple[Lora, ...]:
    """Return a cell's LoRAs from its `parameters`: plans of older versions have nothing else; with two models, none."""
    count, text = len(plan.get("loras", {}).get(key, ())), str(plan.get("parameters", {}).get(key, ""))
    if count < 2 or "Low-noise model below: " in text:
        return ()
    line = text.rpartition("\nNegative prompt: ")[0]
    stack: list[Lora] = []
    while len(stack) < count and (
        match := _TAG.search(line)
    ):  # a prompt may hold such tags, too: the last ones are ours
        line, name, strength, clip = line[: match.start()], *match.groups()
        try:
            numbers = float(strength), float(clip or strength)
        except ValueError:
            return ()
        stack.insert(0, Lora(name, *numbers))
    return tuple(stack) if len(stack) == count else ()


def is_kept(value: object) -> bool:
    """Return whether plan.json's entry is of the form that `told` writes."""
    if not isinstance(value, dict) or not value.keys() <= {HIGH, LOW}:
        return False
    stacks = [stack for part in value.values() for stack in (part.values() if isinstance(part, dict) else [None])]
    return all(isinstance(stack, list) and stack and all(map(_is_lora, stack)) for stack in stacks)


def _is_lora(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 4:
        return False
    name, *strengths, blocks = value
    numbers = all(type(x) in (int, float) and math.isfinite(x) for x in strengths)
    return isinstance(name, str) and numbers and isinstance(blocks, str)
