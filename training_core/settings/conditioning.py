"""Conditioning Config: what the model gets as input besides the noisy latent."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class ConditioningSettings(Settings):
    """Guidance of distilled models, dropout of single text encoders, and the crop that SDXL is given."""

    guidance_scale: float = setting(
        1.0,
        "The guidance that Flux dev and its relatives are told while training (1 is usual, 3.5 what they are sampled with).",
        flag="guidance_scale",
        ge=0,
        le=100,
        step=0.1,
    )
    clip_l_dropout_rate: float = setting(
        0.0,
        "Chance that a sample goes without CLIP-L's part of its text (0 to 0.5; models with several text encoders).",
        flag="clip_l_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    clip_g_dropout_rate: float = setting(
        0.0,
        "Chance that a sample goes without CLIP-G's part of its text (0 to 0.5).",
        flag="clip_g_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    t5_dropout_rate: float = setting(
        0.0,
        "Chance that a sample goes without T5's part of its text (0 to 0.5).",
        flag="t5_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
    )
    sdxl_crop: Literal["real", "sd-scripts"] = setting(
        "real",
        "The crop that SDXL is told: what was really cut off, or sd-scripts' own formula (which names the other axis).",
    )
