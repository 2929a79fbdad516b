"""Families with a U-Net: SD1.5, SD2 and SDXL, its refiner and what was made smaller of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .record import Config, Controls, Family, Layers

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
    if config.get("context_dim") != 768 or config.get("in_channels", 4) != 4:
        return None
    return {"base_version": "sd_v1_v"} if v_prediction else {}


def _sd2(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    if config.get("context_dim") != 1024 or config.get("in_channels", 4) != 4:
        return None
    return {"base_version": "sd_v2_v", "architecture": "stable-diffusion-v2-768-v"} if v_prediction else {}


def _unclip(_config: Config, v_prediction: bool) -> Mapping[str, Any]:
    return {"base_version": "sd_v2_v"} if v_prediction else {}


_SMALLER = {
    "SSD-1B": (0, 0, 2, 2, 4, 4),
    "Segmind Vega": (0, 0, 1, 1, 2, 2),
    "KOALA 700M": (0, 2, 5),
    "KOALA 1B": (0, 2, 6),
}
"""Title of an SDXL that was made smaller -> transformer blocks on each of its ways down, by which the host knows it."""


def _sdxl(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
    if tuple(config.get("transformer_depth", ())) in _SMALLER.values() or config.get("in_channels", 4) != 4:
        return None
    return {"base_version": "sdxl_base_v1-0_v"} if v_prediction else {}


def _smaller(title: str, version: str) -> Callable[[Config, bool], Mapping[str, Any] | None]:
    def variant(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
        if tuple(config.get("transformer_depth", ())) != _SMALLER[title] or config.get("in_channels", 4) != 4:
            return None
        return {"base_version": f"{version}_v"} if v_prediction else {}

    return variant


SD15 = Family(
    title="SD1.5",
    model_class="comfy.model_base.BaseModel",
    variant=_sd15,
    base_version="sd_v1",
    architecture="stable-diffusion-v1",
    in_checkpoint=("clip", "vae"),
    diffusers_names=True,
    diffusers_map="unet_to_diffusers",
    source="sd-scripts, library/train_util.py: every timestep alike",
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
    source="sd-scripts, library/train_util.py: every timestep alike",
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
    source="sd-scripts, library/train_util.py: every timestep alike",
    layers=UNET,
)


def _smaller_sdxl(title: str, version: str, architecture: str) -> Family:
    """Return the record of an SDXL with fewer blocks: sd-scripts knows none, diffusers' trainers write no version."""
    return replace(
        SDXL,
        title=title,
        variant=_smaller(title, version),
        base_version=version,
        architecture=architecture,
        implementation="diffusers",
    )


SSD1B = _smaller_sdxl("SSD-1B", "ssd-1b", "segmind-stable-diffusion-1b")  # as SwarmUI and the model's own page call it
VEGA = _smaller_sdxl("Segmind Vega", "segmind-vega", "segmind-vega")
KOALA_700M = _smaller_sdxl("KOALA 700M", "koala-700m", "koala-700m")
KOALA_1B = _smaller_sdxl("KOALA 1B", "koala-1b", "koala-1b")
SDXL_REFINER = replace(
    SDXL,
    title="SDXL refiner",
    model_class="comfy.model_base.SDXLRefiner",  # it is told an aesthetic score: the host's 6, as of any prompt
    variant=lambda _config, _v_prediction: {},
    base_version="sdxl_refiner_v1-0",
    architecture="stable-diffusion-xl-v1-refiner",
)
SD2_UNCLIP = replace(
    SD2,
    title="SD2.1 unCLIP",
    model_class="comfy.model_base.SD21UNCLIP",  # without a picture it is given zeros, in training as in a graph
    variant=_unclip,
    architecture="stable-diffusion-v2-1-unclip",
)


def _filling(family: Family) -> Family:
    """Return the record of a family's inpainting model: 4 channels of noise, 1 of the mask, 4 of the picture around the hidden part."""

    def variant(config: Config, v_prediction: bool) -> Mapping[str, Any] | None:
        return family.variant({**config, "in_channels": 4}, v_prediction) if config.get("in_channels") == 9 else None

    return replace(
        family,
        title=f"{family.title} inpainting",
        variant=variant,
        architecture=f"{family.architecture}-inpainting",  # as OneTrainer writes it
        inpainting=True,
    )


SD15_INPAINTING = _filling(SD15)
SD2_INPAINTING = replace(_filling(SD2), architecture="stable-diffusion-v2-inpainting")
SDXL_INPAINTING = _filling(SDXL)

_EDITED = Controls(
    form="concat_latent_image",
    size="same",
    most=1,
    source="diffusers, examples/instruct_pix2pix: 5 % of its pictures have none",
)
SD15_EDIT = replace(
    SD15,
    title="InstructPix2Pix",
    model_class="comfy.model_base.SD15_instructpix2pix",
    variant=lambda _config, _v_prediction: {},
    architecture="stable-diffusion-v1-edit",
    controls=_EDITED,
)
SDXL_EDIT = replace(
    SDXL,
    title="SDXL InstructPix2Pix",
    model_class="comfy.model_base.SDXL_instructpix2pix",
    variant=lambda _config, v_prediction: {"base_version": "sdxl_base_v1-0_v"} if v_prediction else {},
    architecture="stable-diffusion-xl-v1-edit",  # as ComfyUI writes it
    controls=_EDITED,
)
