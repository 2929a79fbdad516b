"""Models of ComfyUI's that are not trained, and why: by the class that ComfyUI's detection gives (comfy.supported_models)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_FIRST_FRAME = "goes on from a given picture, which a single frame would repeat"
_GUIDED = "follows another film, a mask or a camera"
_TO_SOUND = "moves to a given sound"
_WITH_SOUND = "makes pictures and sound at once"
_PIECES = "makes a film piece by piece with a sampler of its own"
_OWN_SAMPLER = "is drawn right by a sampler of its own alone"  # V_PREDICTION_DDPM: KSampler's noisy latents are not what it was trained on
_EDM = "is sampled by a schedule that training does not know (EDM)"
_MARKS = "marks things in films and makes none"
_SOUND = "makes sound"
_SOLID = "makes 3D shapes"
_LARGER = "makes pictures larger"
_VIEWS = "films a given picture from all around"
_SEES = "finds things in pictures, or how far they are, and draws none"
_MEASURES = "turns a picture into its depth or normals in one step, without noise"
_GOES_OVER = "goes over a picture that another model has drawn"
_VIEW_OF = "draws another view of a given picture and reads no captions"
_STAGE_B = "makes larger what stage C of Stable Cascade draws, and LoRAs are for stage C"
_AS_LAYERS = "draws a picture as several layers at once"
_NEXT_STEP = "was distilled to be told where each step of the sampler ends, which training has none of"
_LATER = "is not supported yet"

_BY_REASON = {
    _FIRST_FRAME: (
        "CogVideoX_I2V", "CosmosI2V", "CosmosI2VPredict2", "HunyuanVideoI2V", "HunyuanVideoSkyreelsI2V", "SVD_img2vid", "WAN21_I2V",
    ),
    _GUIDED: (
        "CogVideoX_Inpaint", "WAN21_Camera", "WAN21_FunControl2V", "WAN21_SCAIL", "WAN21_SCAIL2", "WAN21_Vace", "WAN22_Animate",
        "WAN22_Camera",
    ),
    _TO_SOUND: ("WAN21_HuMo", "WAN22_S2V", "WAN22_WanDancer"),
    _WITH_SOUND: ("MiniMaxH3",),
    _PIECES: ("WAN21_CausalAR_T2V",),
    _OWN_SAMPLER: ("CogVideoX_T2V",),
    _EDM: ("CosmosT2V",),
    _MARKS: ("WAN21_FlowRVS",),
    _SOUND: ("ACEStep", "ACEStep15", "StableAudio", "StableAudio3"),
    _SOLID: ("Hunyuan3Dv2", "Hunyuan3Dv2_1", "Hunyuan3Dv2mini", "TripoSplat"),
    _GOES_OVER: ("HunyuanImage21Refiner",),
    _LARGER: ("HunyuanVideo15_SR_Distilled", "PiD", "SD_X4Upscaler", "SeedVR2"),
    _STAGE_B: ("Stable_Cascade_B",),
    _VIEWS: ("SV3D_p", "SV3D_u"),
    _VIEW_OF: ("Stable_Zero123",),
    _MEASURES: ("LotusD",),
    _SEES: ("DepthAnything3", "RT_DETR_v4", "SAM3", "SAM31"),
}  # fmt: skip

REFUSED: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names}
"""Name of the class -> what such a model does, or that it is not supported, to be read behind "which"."""


def _has(field: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda config: bool(config.get(field))


def _goes_on(config: Mapping[str, Any]) -> bool:
    """Return whether a Wan has the inputs of image-to-video: a picture's latent and a mask of 4 beside the noisy latent."""
    return config.get("in_dim") == 2 * config.get("out_dim", 16) + 4 and not config.get("in_dim_ref_conv")


def _is_guided(config: Mapping[str, Any]) -> bool:
    """Return whether a Wan has other inputs than the noisy latent."""
    return config.get("in_dim") != config.get("out_dim") or bool(config.get("in_dim_ref_conv"))


_VARIANTS = (
    ("QwenImage", _has("use_additional_t_cond"), _AS_LAYERS),
    ("HunyuanImage21", _has("meanflow"), _NEXT_STEP),
    ("HunyuanVideo15", _has("meanflow"), _NEXT_STEP),
    ("WAN21_T2V", _goes_on, _FIRST_FRAME),  # Wan 2.2 image-to-video, which has no layer for a picture's encoding
    ("WAN21_T2V", _is_guided, _GUIDED),
    ("WAN22_T2V", _is_guided, _GUIDED),
)
"""Variants of classes that are trained: the class, what of its unet_config tells the variant, and what such a model does."""


def why(config: str, unet_config: Mapping[str, Any] | None = None) -> str:
    """Return why a model is not trained, to be read behind "which".

    Args:
        config: its class in comfy.supported_models.
        unet_config: what ComfyUI's detection has read out of its file.
    """
    for name, tells, reason in _VARIANTS:
        if name == config and tells(unet_config or {}):
            return reason
    return REFUSED.get(config, _LATER)


def may_be_tried(config: str, unet_config: Mapping[str, Any] | None = None) -> bool:
    """Return whether nothing but that it is not known speaks against training such a model (see `why`)."""
    return why(config, unet_config) == _LATER
