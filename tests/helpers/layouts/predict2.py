"""Cosmos-Predict2, and Anima with its text adapter."""

import torch
from layout import Case, Layout, none

PREDICT2 = {
    "max_img_h": 240,
    "max_img_w": 240,
    "max_frames": 128,
    "in_channels": 16,
    "out_channels": 16,
    "patch_spatial": 2,
    "patch_temporal": 1,
    "model_channels": 2048,
    "num_blocks": 2,
    "num_heads": 16,
    "pos_emb_cls": "rope3d",
    "pos_emb_learnable": True,
    "use_adaln_lora": True,
    "adaln_lora_dim": 256,
    "rope_h_extrapolation_ratio": 4.0,
    "rope_w_extrapolation_ratio": 4.0,
    "rope_enable_fps_modulation": False,
}
NARROW = {"model_channels": 128, "num_heads": 2, "num_blocks": 2, "adaln_lora_dim": 16, "crossattn_emb_channels": 64}

LAYOUTS = {
    "cosmos_predict2": Layout("comfy.ldm.cosmos.predict2:MiniTrainDIT", PREDICT2, NARROW),
    "anima": Layout(
        "comfy.ldm.anima.model:Anima",
        PREDICT2,
        NARROW,
        parts={
            "comfy.ldm.anima.model:LLMAdapter": {
                "source_dim": 48,
                "target_dim": 64,
                "model_dim": 64,
                "num_layers": 1,
                "num_heads": 2,
            }
        },
    ),
}
CASES = {
    "cosmos_predict2": Case(
        "Cosmos-Predict2",
        "CosmosT2IPredict2",
        "flow",
        16,
        64,
        "lora_unet_blocks_1_cross_attn_k_proj",
        auto=("sigmoid", 1.0),
        extras={"pooled_output": none},
        frames=True,
        odds=True,
        rotary=True,
        twin="Anima without its text adapter",
    ),
    "anima": Case(
        "Anima",
        "Anima",
        "flow",
        16,
        48,
        "lora_unet_blocks_0_self_attn_output_proj",
        auto=("sigmoid", 1.0),
        extras={
            "pooled_output": none,
            "t5xxl_ids": lambda tokens: torch.randint(32128, (tokens + 3,), dtype=torch.int),
            "t5xxl_weights": lambda tokens: torch.linspace(0.8, 1.2, tokens + 3),
        },
        frames=True,
        rotary=True,
    ),
}
