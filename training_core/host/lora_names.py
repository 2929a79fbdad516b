"""What the layers of a model are called in LoRA files of other programs, by the host's own maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.lora

from ..errors import AthanorError
from . import detection, diffusers
from .diffusers import Rows

_TEXT = (("lora_te1", "clip_l"), ("lora_te2", "clip_g"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNames:
    """A model's layers by kohya's names, with CLIP-L as lora_te1."""

    diffusers: dict[
        str, dict[str, Rows]
    ]  # -> diffusers' modules and the rows they are; empty for a model without such names
    comfyui: dict[str, str]  # -> ComfyUI's path of the layer: diffusion_model.x, text_encoders.clip_l.x
    own: dict[str, str]  # any name that the host's loader knows for a whole layer -> kohya's
    numbered: bool  # files count the text encoders (lora_te1); else the only one is lora_te


def of(model: Any) -> LayerNames:
    """Return what the layers of a MODEL are called.

    Raises:
        AthanorError: it is of a kind whose layers' names are not known.
    """
    try:
        family = detection.detect(model, unknown=True)
    except AthanorError as error:
        raise AthanorError(f"names: {error}") from None
    spelled = detection.file_names(model, family)
    comfyui, own = {}, {}
    for name, target in comfy.lora.model_lora_keys_unet(model.model, {}).items():
        if isinstance(target, str) and target.endswith(".weight"):
            path = target.removesuffix(".weight")
            plain = f"lora_unet_{path.removeprefix('diffusion_model.').replace('.', '_')}"
            kohya = spelled.get(plain, plain)
            own[name], comfyui[kohya] = kohya, path
    numbered = not family.diffusers_names
    for layer in range(32):
        for path, name in comfy.lora.LORA_CLIP_MAP.items():
            for prefix, encoder in _TEXT:
                kohya = f"{prefix}_text_model_encoder_layers_{layer}_{name}"
                encoder = "clip_h" if not numbered and family.base_version.startswith("sd_v2") else encoder
                comfyui[kohya] = f"text_encoders.{encoder}.transformer.text_model.encoder.layers.{layer}.{path}"
    theirs = {name.replace("lora_te_", "lora_te1_"): parts for name, parts in diffusers.modules(model, family).items()}
    return LayerNames(diffusers=theirs, comfyui=comfyui, own=own, numbered=numbered)
