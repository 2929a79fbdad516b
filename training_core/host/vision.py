"""CLIP_VISION models of the graph: pictures as vectors, and prompts beside them where the model has a text tower."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import comfy.clip_model
import comfy.model_management as mm
import numpy as np
import torch

from ..errors import AthanorError
from . import fingerprint, foreign, guard

GRID = 8
"""Sides of the grid that patches are averaged to."""
_BATCH = 8
_NAMES = {
    "clip_vision_model": "CLIP",
    "siglip_vision_model": "SigLIP",
    "siglip2_vision_model": "SigLIP 2",
    "dinov2": "DINOv2",
    "dinov3": "DINOv3",
}
_TOWERS = {"clip_l": "l", "clip_g": "g", "clip_h": "h"}
"""A text encoder of the host's CLIP -> the name of its tokens."""
_WITHOUT_TEXTS = {
    "siglip_vision_model": "ComfyUI has no text encoder for it",
    "siglip2_vision_model": "ComfyUI has no text encoder for it",
    "dinov2": "it was trained without texts",
    "dinov3": "it was trained without texts",
}
_FILES = {
    768: "clip_l.safetensors of Load CLIP",
    1024: "the CLIP of an SD2 checkpoint",
    1280: "clip_g.safetensors of Load CLIP, or the CLIP of an SDXL checkpoint",
}
"""Width of a CLIP's vectors -> where the text encoder that was trained beside it is found."""
_ADVICE = "connect the CLIP_VISION of Load CLIP Vision with a file that this ComfyUI knows"


def check(vision: Any) -> None:
    """Check that something is a CLIP_VISION of this ComfyUI; other packs have their own of that name.

    Raises:
        AthanorError: it is not.
    """
    lacking = [name for name in ("model", "patcher", "config", "image_mean") if not hasattr(vision, name)]
    if lacking:
        raise AthanorError(f"clip_vision is {type(vision).__name__}, which is no model of ComfyUI's own: {_ADVICE}.")


def title(vision: Any) -> str:
    """Return what kind of model it is, in words: 'CLIP (24 layers, 1024 wide)'."""
    config = getattr(vision, "config", {})
    name = _NAMES.get(getattr(vision, "model_type", ""), type(vision.model).__name__)
    size = [
        f"{config[key]} {word}"
        for key, word in (("num_hidden_layers", "layers"), ("hidden_size", "wide"))
        if key in config
    ]
    return f"{name} ({', '.join(size)})" if size else name


def content(vision: Any) -> str:
    """Return a SHA-256 of the model: its kind and sampled weights."""
    return hashlib.sha256(f"{title(vision)} {fingerprint.diffusion_model(vision.patcher)}".encode()).hexdigest()


def embed(
    vision: Any, images: Sequence[np.ndarray], progress: Callable[[int, int], None] | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each picture, (H, W, 3) uint8, as one vector (d,), and place by place as (GRID * GRID, c); float32.

    The vector is image_embeds, which has the projection beside the text's; SigLIP gives one for each patch, and their mean is taken;
    DINO gives that of its class token. A picture is squeezed into the model's square by the host's own preprocessing, or keeps its
    shape where the model takes any. Several of one size go through the model together.

    Raises:
        ForeignFault: the model has failed, and why.
        AthanorError: it gives NaN.
        BaseException: the host's own, where the user has interrupted.
    """
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    with foreign.telling(lambda: f"{title(vision)} cannot look at a picture", _ADVICE), torch.inference_mode():
        mm.load_model_gpu(vision.patcher)
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            groups.setdefault(image.shape, []).append(index)
        for indices in groups.values():
            for start in range(0, len(indices), _BATCH):
                guard.stop_if_interrupted()
                some = indices[start : start + _BATCH]
                found.update(zip(some, _batch(vision, np.stack([images[i] for i in some])), strict=True))
                if progress:
                    progress(len(found), len(images))
    if not all(np.isfinite(part).all() for parts in found.values() for part in parts):
        raise AthanorError(
            f"{title(vision)} gives NaN: its file is damaged, or its numbers are too large for fp16; use another one."
        )
    return [found[index] for index in range(len(images))]


def give_back(vision: Any) -> None:
    """Take the model off the device."""
    mm.unload_model_and_clones(vision.patcher)
    mm.soft_empty_cache()


def _batch(vision: Any, images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    # Not encode_image, which asks DINOv3 for hidden states that it does not give.
    pixels = torch.from_numpy(images).to(vision.load_device).float() / 255
    config, options = vision.config, {"size": vision.image_size, "mean": vision.image_mean, "std": vision.image_std}
    if vision.model_type == "siglip2_vision_model":
        own = {"patch_size": config.get("patch_size", 16), "num_patches": config.get("num_patches", 256)}
        pixels = comfy.clip_model.siglip2_preprocess(pixels, **options, **own, crop=False).float()
    else:
        pixels = comfy.clip_model.clip_preprocess(pixels, **options, crop=False).float()
    tokens, _, pooled = vision.model(pixel_values=pixels, intermediate_output=-2)[:3]
    tokens, pooled = tokens.float(), pooled.float()
    if pooled.ndim == 3:
        pooled = pooled.mean(1)
    places = _places(tokens, pixels.shape[-2:], config.get("patch_size", 14))
    return list(zip(pooled.cpu().numpy(), places.cpu().numpy(), strict=True))


def _places(tokens: torch.Tensor, size: tuple[int, ...], patch: int) -> torch.Tensor:
    """Return the patches of (B, tokens, c) as (B, GRID * GRID, c): the last ones, since class and register tokens stand in front."""
    height, width = size[0] // patch, size[1] // patch
    patches = tokens[:, -height * width :]
    if patches.shape[1] != height * width:  # no grid of patches: all of them in a row
        height, width = 1, patches.shape[1]
    grid = patches.transpose(1, 2).reshape(len(tokens), -1, height, width)
    return torch.nn.functional.adaptive_avg_pool2d(grid, GRID).flatten(2).transpose(1, 2)


def text_tower(vision: Any, clip: Any) -> str:
    """Return the name of the text encoder of a CLIP whose projection has the width of this model's vectors; '' if there is none.

    An encoder whose projection is the identity has none: its file did not bring it. Nor has one of zeros, which the host puts there
    with dynamic VRAM, or of what was in memory, which it leaves there without.
    """
    width = getattr(getattr(vision.model, "visual_projection", None), "out_features", None)
    for name in _TOWERS if width else ():
        encoder = getattr(clip.cond_stage_model, name, None)
        projection = getattr(getattr(encoder, "transformer", None), "text_projection", None)
        weight = getattr(projection, "weight", None)
        if weight is not None and tuple(weight.shape) == (width, width) and _is_trained(weight):
            return name
    return ""


def lacking(vision: Any, clip: Any) -> str:
    """Return why a model has no text tower, and what has one, to be read behind a colon."""
    kind = getattr(vision, "model_type", "")
    if reason := _WITHOUT_TEXTS.get(kind):
        return f"{title(vision)} cannot compare pictures with texts, as {reason}; CLIP can."
    width = getattr(getattr(vision.model, "visual_projection", None), "out_features", None)
    where = _FILES.get(width or 0, "the text encoder of the same CLIP")
    if clip is None:
        return f"connect {where} at clip."
    return f"clip has no projection like that of {title(vision)}; connect {where} at clip."


def is_longer(clip: Any, tower: str, text: str) -> bool:
    """Whether a prompt is longer than what `embed_texts` reads of it."""
    return len(clip.tokenize(text)[_TOWERS[tower]]) > 1


def text_content(clip: Any, tower: str) -> str:
    """Return a SHA-256 of a text encoder of a CLIP."""
    return f"{tower} {fingerprint.text_encoder(clip)}" if tower else ""


def embed_texts(clip: Any, tower: str, texts: Sequence[str]) -> list[np.ndarray]:
    """Return prompts as vectors (d,) float32 of one of a CLIP's text encoders, with its projection.

    Raises:
        ForeignFault: the text encoder has failed, and why.
    """
    model, found = clip.cond_stage_model, []
    with foreign.telling(lambda: f"The text encoder {tower} cannot read a prompt", _ADVICE), torch.inference_mode():
        clip.load_model()
        encoder = getattr(model, tower)
        try:
            for text in texts:
                tokens = clip.tokenize(text)[_TOWERS[tower]][:1]  # the projection is that of the first 75 tokens
                encoder.set_clip_options({"projected_pooled": True, "execution_device": clip.patcher.load_device})
                found.append(encoder.encode_token_weights(tokens)[1].float().cpu().numpy().reshape(-1))
        finally:
            model.reset_clip_options()
    return found


def _is_trained(weight: torch.Tensor) -> bool:
    """Return whether a square projection is one that was learnt, by its size: neither zero nor the identity nor stray memory."""
    weight = weight.detach().float()
    whole, apart = weight.norm(), (weight - torch.eye(len(weight), device=weight.device)).norm()
    size = math.sqrt(len(weight))
    return 1e-3 * size < float(whole) < 1e3 * size and float(apart) > 1e-3 * size
