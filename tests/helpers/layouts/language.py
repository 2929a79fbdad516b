"""Models that read a language model's hidden states."""

from layout import Case, Layout, none, ones

KREA2 = {"features": 6144, "heads": 48, "kvheads": 12, "layers": 2, "txtlayers": 12, "txtdim": 2560}
ERNIE = {"hidden_size": 256, "num_attention_heads": 2, "num_layers": 2, "ffn_hidden_size": 256, "text_in_dim": 64}
IDEOGRAM4 = {"num_attention_heads": 1, "intermediate_size": 256, "adaln_dim": 32, "llm_features_dim": 64}

LAYOUTS = {
    "krea2": Layout(
        "comfy.ldm.krea2.model:SingleStreamDiT",
        KREA2,
        {"features": 256, "heads": 2, "kvheads": 1, "txtlayers": 2, "txtdim": 40},
    ),
    "ideogram4": Layout("comfy.ldm.ideogram4.model:Ideogram4Transformer2DModel", {"num_layers": 2}, IDEOGRAM4),
    "ernie_image": Layout("comfy.ldm.ernie.model:ErnieImageModel", {"num_layers": 2}, ERNIE),
    "lens": Layout(
        "comfy.ldm.lens.model:LensTransformer2DModel",
        {"num_layers": 2},
        {"num_attention_heads": 2, "enc_hidden_dim": 32, "selected_layer_index": (0, 1)},
    ),
}
CASES = {
    "krea2": Case(
        "Krea 2",
        "Krea2",
        "flow",
        16,
        80,
        "lora_unet_blocks_1_attn_gate",
        auto=("shift", 2.5),
        extras={"pooled_output": none},
        frames=True,
        rotary=True,
    ),
    "ideogram4": Case(
        "Ideogram 4",
        "Ideogram4",
        "flow",
        128,
        64,
        "lora_unet_layers_1_attention_qkv",
        auto=("shift", 3.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "ernie_image": Case(
        "ERNIE-Image",
        "ErnieImage",
        "flow",
        128,
        64,
        "lora_unet_layers_1_mlp_linear_fc2",
        auto=("shift", 3.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "lens": Case(
        "Lens",
        "Lens",
        "flow",
        128,
        64,
        "lora_unet_transformer_blocks_0_attn_img_qkv",
        auto=("shift", 6.2277),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
}
