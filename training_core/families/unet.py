"""Families with a U-Net: SD1.5, SD2 and SDXL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import Config, Family, Layers

_ATTENTION = "comfy.ldm.modules.attention"
_OPENAI = "comfy.ldm.modules.diffusionmodules.openaimodel"

UNET = Layers(
    blocks=(f"{_ATTENTION}.BasicTransformerBlock",),
    attentions=(f"{_ATTENTION}.CrossAttention",),
    targets=(f"{_ATTENTION}.SpatialTransformer",),  # the blocks with the projections before and after them
    convolutions=(f"{_OPENAI}.ResBlock",),
    resampling=(f"{_OPENAI}.Downsample", f"{_OPENAI}.Upsample"),
    lycoris_names={
        "Transformer2DModel": "SpatialTransformer",
        "ResnetBlock2D": "ResBlock",
        "Downsample2D": "Downsample",
        "Upsample2D": "Upsample",
    },
)


def _sd15(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    if config.get("context_dim") != 768:
        return None
    return {"base_version": "sd_v1_v"} if v_prediction else {}


def _sd2(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    if config.get("context_dim") != 1024:
        return None
    return {"base_version": "sd_v2_v", "architecture": "stable-diffusion-v2-768-v"} if v_prediction else {}


def _sdxl(_config: Config, v_prediction: bool) -> Mapping[str, Any]:
    return {"base_version": "sdxl_base_v1-0_v"} if v_prediction else {}


SD15 = Family(
    title="SD1.5",
    model_class="comfy.model_base.BaseModel",
    variant=_sd15,
    base_version="sd_v1",
    architecture="stable-diffusion-v1",
    in_checkpoint=("clip", "vae"),
    diffusers_names=True,
    diffusers_map="unet_to_diffusers",
    layers=UNET,
)
SD2 = Family(
    title="SD2",
    model_class="comfy.model_base.BaseModel",
    variant=_sd2,
    base_version="sd_v2",
    architecture="stable-diffusion-v2-512",
    in_checkpoint=("clip", "vae"),
    diffusers_names=True,
    diffusers_map="unet_to_diffusers",
    layers=UNET,
)
SDXL = Family(
    title="SDXL",
    model_class="comfy.model_base.SDXL",
    variant=_sdxl,
    base_version="sdxl_base_v1-0",
    architecture="stable-diffusion-xl-v1-base",
    implementation="https://github.com/Stability-AI/generative-models",
    in_checkpoint=("clip", "vae"),
    diffusers_map="unet_to_diffusers",
    layers=UNET,
)
