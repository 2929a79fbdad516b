"""PixArt and HunyuanDiT."""

from layout import Case, Layout, draw, half, none, ones

PIXART = {"depth": 2, "micro_condition": True, "model_max_length": 120}
NARROW_PIXART = {"hidden_size": 48, "num_heads": 4, "caption_channels": 64}
HUNYUAN = {"depth": 4, "hidden_size": 1408, "num_heads": 16, "mlp_ratio": 4.3637, "qk_norm": True}
NARROW_HUNYUAN = {
    "hidden_size": 32,
    "num_heads": 2,
    "mlp_ratio": 2.0,
    "text_states_dim": 32,
    "text_states_dim_t5": 64,
    "text_len": 8,
    "text_len_t5": 10,
}
HUNYUAN_1 = {"size_cond": True, "use_style_cond": True}  # 1.0 and 1.1

LAYOUTS = {
    "pixart_alpha": Layout("comfy.ldm.pixart.pixartms:PixArtMS", PIXART, NARROW_PIXART),
    "pixart_sigma": Layout("comfy.ldm.pixart.pixartms:PixArtMS", PIXART | {"micro_condition": False}, NARROW_PIXART),
    "hunyuan_dit": Layout("comfy.ldm.hydit.models:HunYuanDiT", HUNYUAN, NARROW_HUNYUAN),
    "hunyuan_dit_1": Layout("comfy.ldm.hydit.models:HunYuanDiT", HUNYUAN | HUNYUAN_1, NARROW_HUNYUAN),
}
TWO_TEXTS = {
    "pooled_output": draw(1024),
    "attention_mask": half,
    "conditioning_mt5xl": draw(0, 64),
    "attention_mask_mt5xl": ones,
}
CASES = {
    "pixart_alpha": Case(
        "PixArt alpha",
        "PixArtAlpha",
        "eps",
        4,
        64,
        "lora_unet_blocks_1_cross_attn_kv_linear",
        extras={"pooled_output": none},
        size=34,  # the host divides by the size / 512, rounded
    ),
    "pixart_sigma": Case(
        "PixArt Sigma",
        "PixArtSigma",
        "eps",
        4,
        64,
        "lora_unet_blocks_1_attn_qkv",
        extras={"pooled_output": none},
        size=34,
        twin="PixArt alpha without the inputs for size and aspect ratio",
    ),
    "hunyuan_dit": Case(
        "HunyuanDiT", "HunyuanDiT", "v", 4, 32, "lora_unet_blocks_3_skip_linear", extras=TWO_TEXTS,
        twin="HunyuanDiT 1 without the inputs for size and style",
    ),
    "hunyuan_dit_1": Case("HunyuanDiT", "HunyuanDiT1", "v", 4, 32, "lora_unet_blocks_0_attn2_kv_proj", extras=TWO_TEXTS),
}  # fmt: skip
