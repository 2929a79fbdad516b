"""LyCORIS' presets in terms of ComfyUI's module classes (LyCORIS names diffusers' classes)."""

from __future__ import annotations

from typing import Any

import torch

TRANSFORMERS = [
    "SpatialTransformer",  # SD1, SD2, SDXL
    "JointBlock",  # SD3
    "DoubleStreamBlock",  # Flux, Chroma
    "SingleStreamBlock",
    "JointTransformerBlock",  # Lumina 2, Z-Image
    "QwenImageTransformerBlock",  # Qwen-Image
    "WanAttentionBlock",  # Wan
    "MMDiTBlock",  # AuraFlow
    "DiTBlock",
    "HiDreamImageBlock",  # HiDream-I1
]
"""Every Linear in them is trained, those of the adaLN modulation too, as sd-scripts does for SD3, Flux and Lumina."""

CONVOLUTIONS = ["ResBlock", "Downsample", "Upsample"]
ATTENTIONS = [
    "CrossAttention",  # SD1, SD2, SDXL
    "SelfAttention",  # SD3, the double blocks of Flux and Chroma (in single blocks attention and MLP are one layer)
    "JointAttention",  # Lumina 2, Z-Image
    "Attention",  # Qwen-Image
    "SingleAttention",  # AuraFlow
    "DoubleAttention",
    "WanSelfAttention",
    "WanT2VCrossAttention",
    "HiDreamAttention",
]
ENDS = ["input_blocks.0.0", r"out\.2", r"time_embed\.0", r"time_embed\.2"]
"""U-Net input and output convolutions and the time embedding: LyCORIS' conv_in, conv_out, time_embedding."""

PRESETS: dict[str, dict[str, Any]] = {
    "full": {"enable_conv": True, "target_module": TRANSFORMERS + CONVOLUTIONS, "target_name": ENDS},
    "full-lin": {"enable_conv": False, "target_module": [*TRANSFORMERS, "ResBlock"], "target_name": ENDS[2:]},
    "attn-mlp": {"enable_conv": True, "target_module": TRANSFORMERS, "target_name": []},
    "attn-only": {"enable_conv": False, "target_module": ATTENTIONS, "target_name": []},
    "unet-transformer-only": {"enable_conv": False, "target_module": TRANSFORMERS, "target_name": []},
    "unet-convblock-only": {"enable_conv": True, "target_module": CONVOLUTIONS, "target_name": []},
}


def target_names(preset: str, module: torch.nn.Module) -> list[str]:
    """Layers of a preset by name; none in SDXL, where sd-scripts does not use the names that LyCORIS' presets know."""
    return [] if hasattr(module, "label_emb") else list(PRESETS[preset]["target_name"])
