"""Axes of a LoRA's blocks: ready lists such as `each off` are made for the LoRAs that are compared; texts are checked (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .. import block_strengths
from ..block_strengths import FORMS
from ..errors import AthanorError, quoted
from .axes import Axis, Value, varied
from .cells import Cell
from .lora_steps import check as check_steps

LayersOf = Callable[[str], list[str]]
"""Name of a LoRA -> its layers' names in the file; raises AthanorError for a whole model."""

_OF_LORAS = {"blocks": "LoRA blocks", "lora_steps": "LoRA steps"}
"""Changes that mean nothing without a LoRA, and the types of axis that make them."""


def is_open(axis: Axis) -> bool:
    """Return whether an axis has a ready list, whose values are known when its LoRA is."""
    return any(name == "blocks" and to in FORMS for value in axis.values for name, to in value.changes)


def resolved(connected: Sequence[Axis | None], own: Sequence[Axis], layers_of: LayersOf) -> list[Axis | None]:
    """Return the connected axes with the texts of ready lists, for the LoRAs that any axis has.

    Raises:
        AthanorError: an axis varies blocks or steps of LoRAs, and there is none; or a LoRA cannot be read.
    """
    together = [axis for axis in (*connected, *own) if axis]
    stacks = [to for axis in together for v in axis.values for name, to in v.changes if name in ("lora", "lora_low")]
    names = list(dict.fromkeys(choice.name for stack in stacks for choice in varied(stack)))
    for axis in together:
        if not names and (kinds := [kind for name, kind in _OF_LORAS.items() if name in axis.fields]):
            raise AthanorError(
                f"an axis {kinds[0]} needs a LoRA that is compared: connect a run to XYZ Compare, or a LoRA Run Axis or an XYZ Axis of "
                "type LoRA beside it; a LoRA that is loaded before XYZ Compare is not meant."
            )
    files = [layers_of(name) for name in names] if any(axis and is_open(axis) for axis in connected) else []
    return [replace(axis, values=_values(axis, files)) if axis and is_open(axis) else axis for axis in connected]


def _values(axis: Axis, files: Sequence[list[str]]) -> tuple[Value, ...]:
    result: list[Value] = []
    for value in axis.values:
        form = dict(value.changes)["blocks"]
        texts = block_strengths.series(form, files) if form in FORMS else {value.label: form}
        result += [replace(value, label=label, changes=(("blocks", text),)) for label, text in texts.items()]
    return tuple(dict.fromkeys(result))


def check(cells: Sequence[Cell], layers_of: LayersOf) -> list[str]:
    """Check blocks and steps of all cells' LoRAs before the first picture; return a sentence on blocks that none of the LoRAs has.

    Raises:
        AthanorError: a LoRA has not the blocks that a text names, or is a whole model; or the steps cannot be had.
    """
    files: dict[str, list[str]] = {}
    stacks = dict.fromkeys((cell.hooks, *cell.loras, *cell.loras_low) for cell in cells)
    for each in dict.fromkeys(one for hooks, *stack in stacks for one in stack if one.blocks or hooks):
        if each.name not in files:
            files[each.name] = layers_of(each.name)
        block_strengths.read(each.blocks).strengths(files[each.name], each.name.rpartition("/")[2])
    for cell in cells:
        check_steps(cell)
    texts = dict.fromkeys(one.blocks for _, *stack in stacks for one in stack if one.blocks)
    found = [(text, block_strengths.unknown(text, files.values())) for text in texts]
    return [
        f"LoRA blocks {quoted(text)}: no LoRA that is compared has {', '.join(names)}, so nothing changes by that."
        for text, names in found
        if names
    ]
