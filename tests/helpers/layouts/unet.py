"""SD1.5, SD2 and SDXL."""

from layout import Case, Layout, draw

SD15 = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 320,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "transformer_depth_middle": 1,
    "use_spatial_transformer": True,
    "num_heads": 8,
    "context_dim": 768,
}
SD2 = {"context_dim": 1024, "use_linear_in_transformer": True, "num_heads": -1, "num_head_channels": 64}
SDXL = {
    "context_dim": 2048,
    "adm_in_channels": 2816,
    "num_classes": "sequential",
    "num_res_blocks": [2, 2, 2],
    "channel_mult": [1, 2, 4],
    "transformer_depth": [0, 0, 2, 2, 10, 10],
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10],
    "transformer_depth_middle": 10,
}
UNET = "comfy.ldm.modules.diffusionmodules.openaimodel:UNetModel"
TELLTALE = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
"""The host takes an SD2 with large values here for the v-prediction model."""

LAYOUTS = {
    "sd15": Layout(UNET, SD15, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}),
    "sd2": Layout(UNET, SD15 | SD2, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}, faint=TELLTALE),
    "sd2_v": Layout(UNET, SD15 | SD2, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}),
    "sdxl": Layout(UNET, SD15 | SD2 | SDXL, {"model_channels": 64, "channel_mult": [1, 1, 1]}),
}
KEY = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
CASES = {
    "sd15": Case("SD1.5", "SD15", "eps", 4, 768, KEY, tokens=(77, 154), grouped=1, size=16),
    "sd2": Case("SD2", "SD20", "eps", 4, 1024, KEY, tokens=(77, 154), grouped=1, size=16, twin="the layers of sd2_v"),
    "sd2_v": Case("SD2", "SD20", "v", 4, 1024, KEY, tokens=(77, 154), grouped=1, size=16),
    "sdxl": Case(
        "SDXL",
        "SDXL",
        "eps",
        4,
        2048,
        "lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k",
        extras={"pooled_output": draw(1280)},
        tokens=(77, 154),
        grouped=1,
    ),
}
