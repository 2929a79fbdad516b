"""Stable Cascade: stage C, which draws what a caption says; stages B and A only make it larger."""

from __future__ import annotations

from .record import Family, Layers

_CASCADE = "comfy.ldm.cascade.common"

STABLE_CASCADE = Family(
    title="Stable Cascade (stage C)",
    model_class="comfy.model_base.StableCascade_C",
    base_version="stable_cascade",
    architecture="stable-cascade-v1-prior",
    source="OneTrainer, modules/modelSetup/BaseWuerstchenSetup.py: evenly, without the shift that sampling has",
    in_checkpoint=("clip", "vae"),
    file_prefix="lora_prior",  # as kohya's branch and OneTrainer call it
    layers=Layers(
        blocks=(f"{_CASCADE}.AttnBlock", f"{_CASCADE}.ResBlock", f"{_CASCADE}.TimestepBlock"),
        attentions=(f"{_CASCADE}.OptimizedAttention",),
        targets=(f"{_CASCADE}.AttnBlock", f"{_CASCADE}.ResBlock"),
    ),
)
