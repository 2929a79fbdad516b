"""Models as they come through a port: whether there is one at all, and whether it belongs to the MODEL beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ..errors import AthanorError
from ..families import class_path, identify

_INSIDE = {"model": "model", "clip": "cond_stage_model", "vae": "first_stage_model"}
"""Port -> the attribute of the host's object that holds the weights. Load Checkpoint gives a VAE object around nothing for a
file without a VAE, and None for a file without a text encoder."""

_TEXT_LAYERS = {
    "txt_in": "Flux, Chroma, Qwen-Image",
    "context_embedder": "SD3",
    "cap_embedder.1": "Lumina 2, Z-Image",
    "cond_seq_linear": "AuraFlow",
    "text_embedding.0": "Wan",
    "txt_in.input_embedder": "HunyuanVideo",
    "t5_yproj": "Mochi",
    "text_embeddings.in_layer": "Kandinsky 5",
    "caption_projection.linear_1": "LTX-Video",
    "time_caption_embed.caption_embedder.1": "OmniGen2, Boogu",
    "condition_embedder.text_embedder.linear_1": "JoyImage",
    "llm_adapter.blocks.0.cross_attn.k_proj": "Anima",
    "blocks.0.cross_attn.k_proj": "Cosmos-Predict2",
    "llm_cond_proj": "Ideogram 4",
    "text_proj": "ERNIE-Image",
    "y_embedder.y_proj.fc1": "PixArt",
    "blocks.0.attn2.kv_proj": "HunyuanDiT",
    "y_embedder.proj": "PixelDiT",
}
"""The layer that a transformer takes the text with -> whose it is."""
_POOLED_LAYERS = {
    "vector_in.in_layer": "Flux.1, HunyuanVideo",
    "y_embedder.mlp.0": "SD3",
    "pooled_text_embeddings.in_layer": "Kandinsky 5",
    "clip_text_pooled_proj.1": "NewBie",
}
"""The layer for the text as one vector -> whose it is."""

_BESIDE = {
    "comfy.model_base.HunyuanDiT": "conditioning_mt5xl",
    "comfy.model_base.HiDreamO1": "text_input_ids",
}
"""Class of a model -> what its text encoder alone gives beside the text, which the model cannot be run without."""

_OTHER_SIZES = ("SD_X4", "HunyuanImage21Refiner", "SC_Prior")
"""ComfyUI's latent formats that have the sizes of another model's VAE: of two upscalers, which XYZ Compare can draw with; and of
Stable Cascade, whose latents of 1 in 42 pixels are encoded from pictures of 32/42 of the size."""


def usable(port: str, value: Any) -> Any:
    """Return what came through a port (model, clip or vae), or None if there is nothing in it."""
    return None if getattr(value, _INSIDE[port], None) is None else value


def usable_models(model: Any, clip: Any, vae: Any) -> tuple[Any, Any, Any]:
    """Return MODEL, CLIP and VAE as a loader gave them, None for each that the file lacks."""
    return usable("model", model), usable("clip", clip), usable("vae", vae)


def check(model: Any, clip: Any, vae: Any) -> None:
    """Check that a node was given all three, and the VAE of this kind of model.

    Raises:
        AthanorError: names the port.
    """
    for port, value in (("model", model), ("clip", clip), ("vae", vae)):
        if usable(port, value) is None:
            raise AthanorError(f"{port} is missing: this checkpoint has none; connect a loader that has it.")
    check_vae(model, vae)


def check_vae(model: Any, vae: Any) -> None:
    """Check that a VAE's latents have the size that the model works on.

    Raises:
        AthanorError: names both sizes.
    """
    latents = model.model.latent_format
    if type(latents).__name__ in _OTHER_SIZES:
        return
    given = (vae.latent_channels, vae.spacial_compression_encode())
    taken = (latents.latent_channels, latents.spacial_downscale_ratio)
    if all(isinstance(number, int) for number in (*given, *taken)) and given != taken:
        raise AthanorError(
            f"vae is of another kind of model: it makes latents of {given[0]} channels for each {given[1]} pixels, and the model "
            f"takes {taken[0]} for each {taken[1]}; connect this model's VAE (Load VAE)."
        )


def cut_off(vae: Any, sizes: Iterable[tuple[int, int]]) -> list[str]:
    """Return a sentence on pictures of which a VAE leaves out the edge, as their sides are no multiples of its step; else nothing.

    Args:
        sizes: (width, height) of the buckets, in pixels.
    """
    step = vae.spacial_compression_encode()
    odd = [size for size in sizes if isinstance(step, int) and any(side % step for side in size)]
    if not odd:
        return []
    width, height = odd[0]
    return [
        f"The VAE works in steps of {step} pixels and leaves out the edge of pictures of other sizes ({width}x{height}, say): set "
        f"bucket_reso_steps of Bucketer to {step} or a multiple of it, width and height as well."
    ]


def check_text(model: Any, cond: torch.Tensor, extras: Mapping[str, Any]) -> None:
    """Check that an encoded text has the size that the model takes.

    Args:
        cond: (1, tokens, width).
        extras: what the text encoder gives beside it; `pooled_output` is (1, width).

    Raises:
        AthanorError: names both sizes.
    """
    pooled = extras.get("pooled_output")
    widths = (
        ("text", text_width(model), cond.shape[-1]),
        ("pooled text", _width(model, _POOLED_LAYERS), pooled.shape[-1] if isinstance(pooled, torch.Tensor) else None),
    )
    for what, taken, given in widths:
        if taken and given and taken != given:
            raise AthanorError(
                f"clip is of another kind of model: it gives {what} of width {given}, and the model takes {taken}; connect this "
                "model's text encoder (Load CLIP)."
            )
    needed = _BESIDE.get(class_path(type(model.model)))
    if needed and needed not in extras:
        raise AthanorError(
            f"clip is of another kind of model: it gives no {needed}, which the model takes; connect this model's text encoder "
            "(Load CLIP, or the one that Load Checkpoint gives)."
        )


def check_sides(model: Any, sizes: Iterable[tuple[int, int]], advice: str) -> None:
    """Check that pictures have sides that the model takes: most take any that Bucketer makes, and fill up the rest.

    Args:
        sizes: (width, height) in pixels.
        advice: a sentence on what to set.

    Raises:
        AthanorError: names the first size that it does not take.
    """
    family = identify(type(model.model), model.model.model_config.unet_config, False)
    if family is None:
        return
    for size in sizes:
        named = f"{size[0]}x{size[1]}"
        if any(side % family.multiple for side in size):
            raise AthanorError(
                f"{family.title} takes pictures whose sides are multiples of {family.multiple}, and not {named}. {advice}"
            )
        if sum(size) <= 2 * family.above:
            raise AthanorError(
                f"{family.title} takes pictures whose sides are above {family.above} in the mean, and not {named}. {advice}"
            )


def text_width(model: Any) -> int | None:
    """Return the width of the encoded text that a model takes; None if this is not known of its kind."""
    return model.model.model_config.unet_config.get("context_dim") or _width(model, _TEXT_LAYERS)


def _width(model: Any, layers: Iterable[str]) -> int | None:
    """Return the number of features that the first of these layers takes which the model has."""
    for path in layers:
        layer: Any = model.model.diffusion_model
        for name in path.split("."):
            layer = getattr(layer, name, None)  # a Sequential's children have numbers as names
        if isinstance(width := getattr(layer, "in_features", None), int):
            return width
    return None
