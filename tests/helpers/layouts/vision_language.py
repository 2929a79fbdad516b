"""Models that read captions with a vision-language model."""

from layout import Case, Layout, draw, none, ones

KANDINSKY = {
    "model_dim": 2560,
    "ff_dim": 10240,
    "time_dim": 512,
    "visual_embed_dim": 64,
    "num_text_blocks": 1,
    "num_visual_blocks": 2,
    "axes_dims": (32, 48, 48),
    "rope_scale_factor": (1.0, 1.0, 1.0),
}
OMNIGEN = {
    "hidden_size": 2520,
    "num_layers": 2,
    "num_refiner_layers": 1,
    "num_attention_heads": 21,
    "num_kv_heads": 7,
    "axes_dim_rope": (40, 40, 40),
    "text_feat_dim": 2048,
    "timestep_scale": 1000.0,
}
BOOGU = {"num_layers": 1, "num_double_stream_layers": 1, "num_refiner_layers": 1}
TWO_HEADS = {"hidden_size": 240, "num_attention_heads": 2, "num_kv_heads": 1}
"""Two heads of queries share one of keys."""

LAYOUTS = {
    "kandinsky5_image": Layout(
        "comfy.ldm.kandinsky5.model:Kandinsky5", KANDINSKY, {"model_dim": 128, "ff_dim": 256, "time_dim": 64}
    ),
    "omnigen2": Layout(
        "comfy.ldm.omnigen.omnigen2:OmniGen2Transformer2DModel",
        OMNIGEN,
        TWO_HEADS | {"num_layers": 2, "num_refiner_layers": 1},  # the host takes both from a table
    ),
    "boogu": Layout("comfy.ldm.boogu.model:BooguTransformer2DModel", BOOGU, TWO_HEADS),
    "mage_flow": Layout(
        "comfy.ldm.mage_flow.model:MageFlowTransformer2DModel", {"num_layers": 2}, {"num_attention_heads": 1}
    ),
    "joyimage": Layout(
        "comfy.ldm.joyimage.model:JoyImageTransformer3DModel",
        {"hidden_size": 3072, "num_attention_heads": 24, "num_layers": 2, "theta": 10000},
        {"hidden_size": 128, "num_attention_heads": 1},
    ),
}
CASES = {
    "kandinsky5_image": Case(
        "Kandinsky 5 Image",
        "Kandinsky5Image",
        "flow",
        16,
        3584,
        "lora_unet_visual_transformer_blocks_1_cross_attention_to_key",
        auto=("shift", 3.0),
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "omnigen2": Case(
        "OmniGen2",
        "Omnigen2",
        "flow",
        16,
        2048,
        "lora_unet_layers_1_feed_forward_linear_3",
        auto=("shift", 3.1582),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "boogu": Case(
        "Boogu-Image",
        "Boogu",
        "flow",
        16,
        4096,
        "lora_unet_double_stream_layers_0_img_instruct_attn_processor_instruct_to_k",
        auto=("shift", 3.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "mage_flow": Case(
        "Mage-Flow",
        "MageFlow",
        "flow",
        128,
        2560,
        "lora_unet_transformer_blocks_1_txt_mlp_net_2",
        auto=("shift", 6.0),
        extras={"pooled_output": none},
        rotary=True,
        twin="Qwen-Image's blocks",
    ),
    "joyimage": Case(
        "JoyImage",
        "JoyImage",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_1_attn_img_attn_qkv",
        auto=("shift", 1.5),
        extras={"pooled_output": none},
        frames=True,
        rotary=True,
    ),
}
