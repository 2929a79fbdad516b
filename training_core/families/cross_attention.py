"""Families whose pictures look at a text that itself does not change from block to block: PixArt and HunyuanDiT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .record import Config, Family, Layers

PIXART = Layers(
    blocks=("comfy.ldm.pixart.pixartms.PixArtMSBlock",),
    attentions=("comfy.ldm.pixart.blocks.AttentionKVCompress", "comfy.ldm.pixart.blocks.MultiHeadCrossAttention"),
)


def _pixart_alpha(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    """Return None without the inputs for size and aspect ratio, which Sigma does not have."""
    return {} if config["micro_condition"] else None


def _pixart_sigma(config: Config, _v_prediction: bool) -> Mapping[str, Any] | None:
    return None if config["micro_condition"] else {}


PIXART_ALPHA = Family(
    title="PixArt alpha",
    model_class="comfy.model_base.PixArt",
    variant=_pixart_alpha,
    base_version="pixart_alpha",
    architecture="pixart-alpha",
    source="OneTrainer, training_presets/#pixart alpha 1.0.json",
    diffusers_map="pixart_to_diffusers",
    above=256,  # ComfyUI divides by the mean side / 512, rounded
    layers=PIXART,
)
PIXART_SIGMA = Family(
    title="PixArt Sigma",
    model_class="comfy.model_base.PixArt",
    variant=_pixart_sigma,
    base_version="pixart_sigma",
    architecture="pixart-sigma",
    source="OneTrainer, training_presets/#pixart sigma 1.0 LoRA.json",
    diffusers_map="pixart_to_diffusers",
    above=256,  # ComfyUI divides by the mean side / 512, rounded
    layers=PIXART,
)
HUNYUAN_DIT = Family(
    title="HunyuanDiT",
    model_class="comfy.model_base.HunyuanDiT",
    base_version="hunyuan_dit",
    architecture="hunyuan-dit",
    implementation="https://github.com/Tencent/HunyuanDiT",
    source="Tencent/HunyuanDiT, lora/README.md",
    layers=Layers(
        blocks=("comfy.ldm.hydit.models.HunYuanDiTBlock",),
        attentions=("comfy.ldm.hydit.attn_layers.Attention", "comfy.ldm.hydit.attn_layers.CrossAttention"),
    ),
)
