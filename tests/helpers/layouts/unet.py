"""SD1.5, SD2 and SDXL, its refiner and what was made smaller of it."""

from typing import Any

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
SSD1B = {
    "transformer_depth": [0, 0, 2, 2, 4, 4],
    "transformer_depth_output": [0, 0, 0, 1, 1, 2, 10, 4, 4],
    "transformer_depth_middle": -1,  # a ResBlock alone
}
VEGA = {
    "transformer_depth": [0, 0, 1, 1, 2, 2],
    "transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 2, 2],
    "transformer_depth_middle": -1,
}
KOALA_700M = {
    "num_res_blocks": [1, 1, 1],
    "transformer_depth": [0, 2, 5],
    "transformer_depth_output": [0, 0, 2, 2, 5, 5],
    "transformer_depth_middle": -2,  # nothing
}
KOALA_1B = KOALA_700M | {
    "transformer_depth": [0, 2, 6],
    "transformer_depth_output": [0, 0, 2, 2, 6, 6],
    "transformer_depth_middle": 6,
}
REFINER = {
    "model_channels": 384,
    "context_dim": 1280,
    "adm_in_channels": 2560,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 4, 4],
    "transformer_depth": [0, 0, 4, 4, 4, 4, 0, 0],
    "transformer_depth_output": [0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0],
    "transformer_depth_middle": 4,
}
UNCLIP = {"num_classes": "sequential"}
NARROW = {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}
SHALLOW_SD = NARROW | {
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 1],
    "transformer_depth": [1, 0],
    "transformer_depth_output": [1, 1, 0, 0],
}
"""A level with transformers and one without, a residual block each: 4 transformer blocks instead of 16."""
NARROW_3 = {"model_channels": 64, "channel_mult": [1, 1, 1]}
SHALLOW = NARROW_3 | {
    "num_res_blocks": [1, 1, 1],
    "transformer_depth": [0, 1, 2],
    "transformer_depth_output": [0, 0, 1, 1, 1, 1],
    "transformer_depth_middle": 2,
}
"""9 transformer blocks instead of 70, which cost a second a step: those of a level are alike."""
UNET = "comfy.ldm.modules.diffusionmodules.openaimodel:UNetModel"
TELLTALE = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
"""The host takes an SD2 with large values here for the v-prediction model."""

FILLING, EDITING = {"in_channels": 9}, {"in_channels": 8}

LAYOUTS = {
    "sd15_inpainting": Layout(UNET, SD15 | FILLING, NARROW),
    "sd2_inpainting": Layout(UNET, SD15 | SD2 | FILLING, NARROW),
    "sdxl_inpainting": Layout(UNET, SD15 | SD2 | SDXL | FILLING, SHALLOW),
    "sd15_edit": Layout(UNET, SD15 | EDITING, NARROW),
    "sdxl_edit": Layout(UNET, SD15 | SD2 | SDXL | EDITING, SHALLOW),
    "sd15": Layout(UNET, SD15, SHALLOW_SD),
    "sd2": Layout(UNET, SD15 | SD2, NARROW, faint=TELLTALE),
    "sd2_v": Layout(UNET, SD15 | SD2, NARROW),
    "sd2_unclip_l": Layout(UNET, SD15 | SD2 | UNCLIP | {"adm_in_channels": 1536}, NARROW),
    "sd2_unclip_h": Layout(UNET, SD15 | SD2 | UNCLIP | {"adm_in_channels": 2048}, NARROW),
    "sdxl": Layout(UNET, SD15 | SD2 | SDXL, SHALLOW),
    "ssd1b": Layout(
        UNET, SD15 | SD2 | SDXL | SSD1B, NARROW_3 | {"transformer_depth_output": [0, 0, 0, 1, 1, 1, 2, 1, 1]}
    ),
    "vega": Layout(UNET, SD15 | SD2 | SDXL | VEGA, NARROW_3),
    "koala_700m": Layout(
        UNET, SD15 | SD2 | SDXL | KOALA_700M, NARROW_3 | {"transformer_depth_output": [0, 0, 1, 1, 2, 1]}
    ),
    "koala_1b": Layout(
        UNET,
        SD15 | SD2 | SDXL | KOALA_1B,
        NARROW_3 | {"transformer_depth_output": [0, 0, 1, 1, 2, 1], "transformer_depth_middle": 2},
    ),
    "sdxl_refiner": Layout(
        UNET,
        SD15 | SD2 | SDXL | REFINER,
        NARROW
        | {
            "transformer_depth": [0, 0, 1, 1, 1, 1, 0, 0],
            "transformer_depth_output": [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0],
            "transformer_depth_middle": 1,
        },
    ),
}
KEY = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"


def unet(title: str, config: str, prediction: str, width: int, key: str, **more: Any) -> Case:
    """A U-Net that reads CLIP, whose captions are joined whatever their length."""
    return Case(title, config, prediction, 4, width, key, tokens=(77, 154), grouped=1, **more)


def sdxl(title: str, config: str, key: str, width: int = 2048, **more: Any) -> Case:
    return unet(title, config, "eps", width, key, extras={"pooled_output": draw(1280)}, **more)


MIDDLE = "lora_unet_middle_block_1_transformer_blocks_{}_attn2_to_k"
OUTPUT = "lora_unet_output_blocks_0_1_transformer_blocks_0_attn2_to_k"
ALIKE = "the layers of sdxl"
OF_SD = "the layers of sd15"
CASES = {
    "sd15_inpainting": unet("SD1.5 inpainting", "SD15", "eps", 768, KEY, size=16, twin=OF_SD),
    "sd2_inpainting": unet("SD2 inpainting", "SD20", "eps", 1024, KEY, size=16, same=True, twin=OF_SD),
    "sdxl_inpainting": sdxl("SDXL inpainting", "SDXL", MIDDLE.format(1), same=True, twin=ALIKE),
    "sd15_edit": unet("InstructPix2Pix", "SD15_instructpix2pix", "eps", 768, KEY, size=16, twin=OF_SD),
    "sdxl_edit": sdxl("SDXL InstructPix2Pix", "SDXL_instructpix2pix", MIDDLE.format(1), same=True, twin=ALIKE),
    "sd15": unet("SD1.5", "SD15", "eps", 768, KEY, size=16),
    "sd2": unet("SD2", "SD20", "eps", 1024, KEY, size=16, twin=OF_SD),
    "sd2_v": unet("SD2", "SD20", "v", 1024, KEY, size=16, twin="the layers of sd15, with linear projections as SDXL's"),
    "sd2_unclip_l": unet("SD2.1 unCLIP", "SD21UnclipL", "v", 1024, KEY, same=True, twin=OF_SD),
    "sd2_unclip_h": unet("SD2.1 unCLIP", "SD21UnclipH", "v", 1024, KEY, twin=OF_SD),
    "sdxl": sdxl("SDXL", "SDXL", MIDDLE.format(1)),
    "sdxl_refiner": sdxl("SDXL refiner", "SDXLRefiner", MIDDLE.format(0), 1280, twin=ALIKE),
    "ssd1b": sdxl("SSD-1B", "SSD1B", OUTPUT, twin=ALIKE),
    "vega": sdxl("Segmind Vega", "Segmind_Vega", OUTPUT, same=True, twin=ALIKE),
    "koala_700m": sdxl("KOALA 700M", "KOALA_700M", OUTPUT, twin=ALIKE),
    "koala_1b": sdxl("KOALA 1B", "KOALA_1B", MIDDLE.format(1), same=True, twin=ALIKE),
}
