"""Conditioning Config: what the model gets as input besides the noisy latent."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting

ENCODER_DROPOUT = {"clip_l": "clip_l_dropout_rate", "clip_g": "clip_g_dropout_rate", "t5xxl": "t5_dropout_rate"}
"""Text encoder -> the setting of how often a sample goes without it. Dropout is drawn in this order."""


class ConditioningSettings(Settings):
    """Guidance of distilled models, dropout of single text encoders, and the crop that SDXL is given."""

    guidance_scale: float = setting(
        1.0,
        "Guidance value given to Flux dev and similar distilled models during training. 1 is usual; they are "
        "sampled with 3.5.",
        flag="guidance_scale",
        ge=0,
        le=100,
        step=0.1,
    )
    clip_l_dropout_rate: float = setting(
        0.0,
        "Chance that CLIP-L's part of the caption is dropped for a sample (0 to 0.5). For models with several "
        "text encoders.",
        flag="clip_l_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    clip_g_dropout_rate: float = setting(
        0.0,
        "Chance that CLIP-G's part of the caption is dropped for a sample (0 to 0.5).",
        flag="clip_g_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    t5_dropout_rate: float = setting(
        0.0,
        "Chance that T5's part of the caption is dropped for a sample (0 to 0.5).",
        flag="t5_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    sdxl_crop: Literal["real", "sd-scripts"] = setting(
        "real",
        "Crop coordinates given to SDXL. real: what was really cropped; sd-scripts: sd-scripts' own formula "
        "(which gives the other axis).",
    )
