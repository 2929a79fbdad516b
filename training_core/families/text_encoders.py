"""The classes of the text encoders that can be trained: CLIP (L, G and H) and T5-XXL."""

from __future__ import annotations

from .record import Layers

CLIP = Layers(
    blocks=("comfy.clip_model.CLIPLayer",),
    attentions=("comfy.clip_model.CLIPAttention",),
    targets=("comfy.clip_model.CLIPAttention", "comfy.clip_model.CLIPMLP"),
    in_place=("comfy.clip_model.CLIPLayer",),
    lycoris_names={"CLIPSdpaAttention": "CLIPAttention"},
)
_T5_BLOCKS = ("comfy.text_encoders.t5.T5LayerSelfAttention", "comfy.text_encoders.t5.T5LayerFF")
T5 = Layers(
    blocks=_T5_BLOCKS,
    attentions=("comfy.text_encoders.t5.T5Attention",),
    targets=(
        "comfy.text_encoders.t5.T5Attention",
        "comfy.text_encoders.t5.T5DenseGatedActDense",
        "comfy.text_encoders.t5.T5DenseActDense",
    ),
    in_place=_T5_BLOCKS,
)
