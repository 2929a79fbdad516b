"""LoRAs that are on for a part of the steps: the host's hooks, as nodes to write down and as nodes to run (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import AthanorError
from .cells import Cell, Lora

STRONGEST = 20
"""Of Create Hook LoRA, both ways."""


def check(cell: Cell) -> None:
    """Check that the host's hooks can do what a cell asks for.

    Raises:
        AthanorError: says what is in the way.
    """
    if not cell.hooks:
        return
    if cell.boundary is not None:
        raise AthanorError("LoRA steps is for one model: disconnect model_low, or leave the axis out.")
    for lora in cell.loras:
        if lora.blocks:
            raise AthanorError(
                "LoRA steps and LoRA blocks cannot be combined, as ComfyUI's hooks take whole files: leave one of the axes out, or "
                "save the blocks as a file with LoRA Edit."
            )
        if max(abs(lora.strength_model), abs(lora.strength_clip)) > STRONGEST:
            raise AthanorError(
                f"LoRA steps takes strengths from -{STRONGEST} to {STRONGEST}, as Create Hook LoRA does."
            )


def hooked(
    cell: Cell, clip: Any, add: Callable[[str, Mapping[str, Any], Mapping[str, Any]], Any], *, text: bool
) -> Any:
    """Add the nodes that put a cell's LoRAs on for its part of the steps, and return the CLIP whose prompts carry them.

    Args:
        add: see `stock.AddNode`.
        text: whether the LoRAs change the text encoder: prompts are encoded with and without them then.
    """
    hooks: dict[str, Any] = {}
    for lora in cell.loras:
        hooks = {"prev_hooks": add("CreateHookLora", hooks, _widgets(lora))}
    frames: dict[str, Any] = {}
    begin, end = cell.lora_steps
    strengths = {0.0: 0.0, begin: 1.0} | ({end: 0.0} if end < 1 else {})
    for start, strength in strengths.items():
        widgets = {"strength_mult": strength, "start_percent": start}
        frames = {"prev_hook_kf": add("CreateHookKeyframe", frames, widgets)}
    scheduled = add("SetHookKeyframes", {"hooks": hooks["prev_hooks"], "hook_kf": frames["prev_hook_kf"]}, {})
    return add("SetClipHooks", {"clip": clip, "hooks": scheduled}, {"apply_to_conds": True, "schedule_clip": text})


def _widgets(lora: Lora) -> dict[str, Any]:
    return {"lora_name": lora.name, "strength_model": lora.strength_model, "strength_clip": lora.strength_clip}
