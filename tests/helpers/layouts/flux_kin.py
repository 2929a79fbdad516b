"""Other models built of Flux's blocks: LongCat-Image, Ovis-Image and HunyuanImage 2.1."""

from layout import Case, Layout, draw, none, ones
from layouts import flux

FLUX = {key: value for key, value in flux.FLUX.items() if key != "context_in_dim"} | {
    "vec_in_dim": None,
    "guidance_embed": False,
    "txt_ids_dims": [1, 2],
}
HUNYUAN = {
    "in_channels": 64,
    "out_channels": 64,
    "vec_in_dim": None,
    "context_in_dim": 3584,
    "hidden_size": 3584,
    "mlp_ratio": 4.0,
    "num_heads": 28,
    "depth": 2,
    "depth_single_blocks": 2,
    "axes_dim": [64, 64],
    "theta": 256,
    "patch_size": [1, 1],
    "qkv_bias": True,
    "guidance_embed": False,
    "byt5": True,
    "meanflow": False,
    "use_cond_type_embedding": False,
    "vision_in_dim": None,
    "meanflow_sum": False,
}
NARROW = {"hidden_size": 128, "num_heads": 1}


def quoted(tokens: int):
    """What ByT5 gives for the words in quotation marks; a caption without any has none."""
    return draw(1, 5, 1472)(tokens)[0] if tokens > 12 else None


LAYOUTS = {
    "longcat_image": Layout("comfy.ldm.flux.model:Flux", FLUX | {"context_in_dim": 3584}, NARROW),
    "ovis_image": Layout(
        "comfy.ldm.flux.model:Flux", FLUX | {"context_in_dim": 2048, "yak_mlp": True, "txt_norm": True}, NARROW
    ),
    "hunyuan_image": Layout("comfy.ldm.hunyuan_video.model:HunyuanVideo", HUNYUAN, NARROW),
}
CASES = {
    "longcat_image": Case(
        "LongCat-Image",
        "LongCatImage",
        "flow",
        16,
        3584,
        "lora_unet_single_blocks_1_linear2",
        auto=("shift", 3.1582),
        extras={"pooled_output": none},
        rotary=True,
        twin="Flux schnell's blocks",
    ),
    "ovis_image": Case(
        "Ovis-Image",
        "FluxSchnell",
        "flow",
        16,
        2048,
        "lora_unet_double_blocks_1_img_mlp_gate_proj",
        auto=("shift", 3.1582),
        extras={"pooled_output": none},
        rotary=True,
    ),
    "hunyuan_image": Case(
        "HunyuanImage 2.1",
        "HunyuanImage21",
        "flow",
        64,
        3584,
        "lora_unet_double_blocks_1_txt_mlp_2",
        auto=("uniform", 5.0),
        extras={"pooled_output": none, "attention_mask": ones, "conditioning_byt5small": quoted},
        rotary=True,
        twin="HunyuanVideo's layers",
    ),
}
