"""What ComfyUI's hooks need of models, text encoders and LoRA files, so that LoRAs are on for a part of the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.lora_convert

from .. import lora_keys
from ..errors import AthanorError
from . import foreign, lora, sampling


def check(model: Any, clip: Any, path: Path) -> None:
    """Check that hooks can put a LoRA file on MODEL and CLIP.

    Hooks change weights in place, so they take patchers without dynamic VRAM, which ComfyUI loads anew from the file: those of its
    own loaders know how. They read files as they are, without the conversion that Load LoRA begins with. Tried with the layouts of all
    families: hooks for all steps draw what Load LoRA draws, bit for bit.

    Raises:
        AthanorError: nothing of the file fits, or one of them cannot be had.
    """
    if not lora.fit(model, clip, path).fits:
        raise AthanorError(
            f"The LoRA {path.name} does not match this model (none of its layers fit): choose a LoRA of this kind of model."
        )
    if hasattr(model.model.diffusion_model, "clear_kv_cache"):  # see kv_cache.py
        raise AthanorError(
            "LoRA steps cannot be had with this kind of model (HiDream-O1), which computes a prompt once for all steps: leave the axis out."
        )
    tensors = lora.read(path)[0]  # anew: Load LoRA gives some of them other names in place
    if comfy.lora_convert.convert_lora(dict(tensors)).keys() != tensors.keys():
        raise AthanorError(
            f"LoRA steps cannot read {path.name}, whose names ComfyUI's hooks do not know: leave it out."
        )
    for part, patcher in (("model", model), ("text encoder", clip.patcher)):
        if patcher.is_dynamic() and patcher.cached_patcher_init is None:
            raise AthanorError(
                f"LoRA steps needs a {part} that ComfyUI's own nodes have loaded: use Load Checkpoint, Load Diffusion Model or Load CLIP, "
                "or start ComfyUI with --disable-dynamic-vram."
            )


def hookable(model: Any, clip: Any) -> tuple[Any, Any]:
    """Return MODEL and CLIP as hooks take them: with dynamic VRAM read from their files again, once.

    ComfyUI would do so for each LoRA, and for each MODEL that a node has changed, and keep the copy beside the graph's own MODEL. The
    copy has its file's number format, which layers are to cast: else a float32 file on a card that computes in fp16 fails.
    """
    if model.is_dynamic():
        model = model.clone(disable_dynamic=True)
        model.force_cast_weights = True
    return model, clip.clone(disable_dynamic=True) if clip.patcher.is_dynamic() else clip


def check_encoder(clip: Any, *, text: bool) -> None:
    """Check that prompts are encoded with what is on a CLIP.

    With dynamic VRAM, CLIP.clone of ComfyUI 0.30 gives a patcher with a model of its own, on which LoRAs are put, and goes on encoding
    with the other one, which has none.

    Args:
        clip: as `hookable` gives it.
        text: whether LoRAs are switched on it.

    Raises:
        AthanorError: they are not.
    """
    if clip.cond_stage_model is clip.patcher.model or not (text or clip.patcher.patches):
        return
    raise AthanorError(
        "LoRA steps: while dynamic VRAM is on, this ComfyUI's Set CLIP Hooks encodes prompts without any LoRA: set the LoRAs' strength "
        "on the text encoder to 0 (in an axis of type LoRA: name:1:0), or start ComfyUI with --disable-dynamic-vram."
    )


def changes_text(clip: Any, tensors: dict[str, Any], name: str) -> bool:
    """Return whether a LoRA file changes the text encoder.

    Raises:
        AthanorError: it does, and the host would lose a part of what this text encoder gives besides the encoded text.
    """
    found = (lora_keys.split(key) for key in tensors if not lora_keys.embedding(key))
    if all(lora_keys.place(layer).part == "unet" for layer, _ in filter(None, found)):
        return False
    with foreign.telling(lambda: "CLIPTextEncode fails", "connect the CLIP that belongs to this model"):
        extras = {
            name for _, given in sampling.encode_prompt(clip, "") for name, value in given.items() if value is not None
        }
    if extras - {"pooled_output"}:
        raise AthanorError(
            f"LoRA steps cannot switch the part of {name} that is for this kind of text encoder: set its strength there to 0 (in an axis "
            "of type LoRA: name:1:0)."
        )
    return True
