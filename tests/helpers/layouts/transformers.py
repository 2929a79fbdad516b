"""Transformers with blocks of their own."""

from layout import Case, Layout, draw, half, none, ones

LUMINA = {
    "patch_size": 2,
    "in_channels": 16,
    "dim": 2304,
    "cap_feat_dim": 2304,
    "n_layers": 2,
    "qk_norm": True,
    "n_heads": 24,
    "n_kv_heads": 8,
    "axes_dims": [32, 32, 32],
    "axes_lens": [300, 512, 512],
    "rope_theta": 10000.0,
    "ffn_dim_multiplier": 4.0,
}
Z_IMAGE = {
    "dim": 3840,
    "cap_feat_dim": 2560,
    "n_heads": 30,
    "n_kv_heads": 30,
    "axes_dims": [32, 48, 48],
    "rope_theta": 256.0,
    "ffn_dim_multiplier": 8 / 3,
    "z_image_modulation": True,
    "time_scale": 1000.0,
    "pad_tokens_multiple": 32,
}
HIDREAM = {
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 128,
    "num_attention_heads": 20,
    "caption_channels": [4096, 4096],
    "text_emb_dim": 2048,
    "axes_dims_rope": [64, 32, 32],
    "llama_layers": [0, 1],
}
AURA = {"max_seq": 64, "cond_seq_dim": 2048, "n_double_layers": 1, "n_layers": 2}
WAN = {"dim": 1536, "ffn_dim": 8960, "num_heads": 12, "num_layers": 2}

LAYOUTS = {
    "lumina2": Layout("comfy.ldm.lumina.model:NextDiT", LUMINA, {"dim": 288, "n_heads": 3, "n_kv_heads": 1}),
    "z_image": Layout("comfy.ldm.lumina.model:NextDiT", LUMINA | Z_IMAGE, {"dim": 256, "n_heads": 2, "n_kv_heads": 2}),
    "qwen_image": Layout(
        "comfy.ldm.qwen_image.model:QwenImageTransformer2DModel", {"num_layers": 2}, {"num_attention_heads": 1}
    ),
    "auraflow": Layout("comfy.ldm.aura.mmdit:MMDiT", AURA, {"dim": 256, "global_conddim": 256, "n_heads": 2}),
    "wan": Layout("comfy.ldm.wan.model:WanModel", WAN, {"dim": 128, "ffn_dim": 512, "num_heads": 1}),
    "hidream": Layout(
        "comfy.ldm.hidream.model:HiDreamImageTransformer2DModel",
        HIDREAM,
        {"num_attention_heads": 1, "num_layers": 1, "num_single_layers": 1, "llama_layers": [0, 1]},
    ),
}
CASES = {
    "sd3": Case(
        "SD3",
        "SD3",
        "flow",
        16,
        4096,
        "lora_unet_joint_blocks_0_x_block_attn_qkv",
        extras={"pooled_output": draw(2048)},
    ),
    "lumina2": Case(
        "Lumina 2",
        "Lumina2",
        "flow",
        16,
        2304,
        "lora_unet_layers_1_attention_qkv",
        auto=("shift", 6.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "z_image": Case(
        "Z-Image",
        "ZImage",
        "flow",
        16,
        2560,
        "lora_unet_layers_1_feed_forward_w2",
        auto=("shift", 2.0),
        extras={"pooled_output": none, "attention_mask": ones},
        tokens=(12, 40),
        rotary=True,
    ),
    "qwen_image": Case(
        "Qwen-Image",
        "QwenImage",
        "flow",
        16,
        3584,
        "lora_unet_transformer_blocks_1_attn_add_k_proj",
        auto=("shift", 2.2),
        extras={"pooled_output": none, "attention_mask": half},
        frames=True,
        rotary=True,
    ),
    "auraflow": Case("AuraFlow", "AuraFlow", "flow", 4, 2048, "lora_unet_double_layers_0_attn_w1q"),
    "wan": Case(
        "Wan 2.1 text-to-video",
        "WAN21_T2V",
        "flow",
        16,
        4096,
        "lora_unet_blocks_1_cross_attn_k",
        auto=("shift", 3.0),
        frames=True,
        rotary=True,
    ),
    "hidream": Case(
        "HiDream-I1",
        "HiDream",
        "flow",
        16,
        4096,
        "lora_unet_double_stream_blocks_0_block_attn1_to_q",
        extras={"pooled_output": draw(2048), "conditioning_llama3": draw(2, 0, 4096)},
        rotary=True,
    ),
}
