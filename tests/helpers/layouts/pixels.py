"""Models that work on pixels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from layout import Case, Layout, State, half, none, ones

from . import flux, transformers

RADIANCE = {k: v for k, v in (flux.FLUX | {"vec_in_dim": None} | flux.CHROMA).items() if k != "guidance_embed"}
NERF = {
    "in_channels": 3,
    "out_channels": 3,
    "patch_size": 16,
    "nerf_hidden_size": 64,
    "nerf_mlp_ratio": 4,
    "nerf_depth": 4,
    "nerf_max_freqs": 8,
    "nerf_tile_size": 512,
    "nerf_final_head_type": "conv",
    "nerf_embedder_dtype": torch.float32,
    "use_x0": True,
    "use_sequential_txt_ids": True,
}
NARROW_RADIANCE = flux.NARROW | {
    "context_in_dim": 64,
    "out_dim": 128,
    "hidden_dim": 128,
    "nerf_hidden_size": 8,
    "nerf_mlp_ratio": 2,
    "nerf_depth": 2,
    "nerf_max_freqs": 3,
    "nerf_tile_size": 3,  # pictures have more patches than the tiles, too
}
ZETA = {
    **transformers.LUMINA,
    **transformers.Z_IMAGE,
    "patch_size": 16,
    "in_channels": 3,
    "decoder_in_channels": 768,
    "decoder_hidden_size": 3840,
    "decoder_num_res_blocks": 4,
    "decoder_max_freqs": 8,
    "use_x0": True,
}
NARROW_ZETA = {
    "dim": 256,
    "cap_feat_dim": 64,
    "n_heads": 2,
    "n_kv_heads": 2,
    "n_refiner_layers": 1,
    "decoder_hidden_size": 64,
    "decoder_num_res_blocks": 2,
}
O1_TEXT = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
O1_VISION = {"depth": 1, "hidden_size": 32, "num_heads": 1, "intermediate_size": 32, "num_position_embeddings": 16}
PIXELDIT = {
    "hidden_size": 64,
    "num_groups": 2,
    "pixel_hidden_size": 8,
    "pixel_attn_hidden_size": 32,
    "pixel_num_groups": 2,
    "patch_depth": 1,
    "pixel_depth": 1,
    "patch_size": 4,
    "txt_embed_dim": 64,
    "txt_max_length": 24,
}


class PixelDiTLayout(Layout):
    """Released files have one layer for the modulation of a block, which the host divides in two, and a prefix."""

    def named(self, state: State) -> State:
        """The keys and layers as released files have them."""
        result: State = {}
        width = next(value for key, value in state.items() if key.endswith("pixel_embedder.proj.weight")).shape[0]
        for key, value in state.items():
            if "adaLN_modulation_mlp" in key:
                continue
            if "adaLN_modulation_msa" in key:
                halves = [v.view(-1, 3, width, *v.shape[1:]) for v in (value, state[key.replace("_msa", "_mlp")])]
                value = torch.cat(halves, 1).reshape(-1, *value.shape[1:])
                key = key.replace("_msa", ".0")
            result[f"core.{key}"] = value
        return result


def tokens_of_o1(tokens: int) -> torch.Tensor:
    """Any text's numbers, and the one in whose place the model sets the timestep."""
    return torch.cat([torch.randint(0, 150000, (1, tokens - 1)), torch.tensor([[151673]])], 1)


LAYOUTS = {
    "chroma_radiance": Layout("comfy.ldm.chroma_radiance.model:ChromaRadiance", RADIANCE | NERF, NARROW_RADIANCE, True),
    "z_image_pixels": Layout("comfy.ldm.lumina.model:NextDiTPixelSpace", ZETA, NARROW_ZETA),
    "hidream_o1": Layout(
        "comfy.ldm.hidream_o1.model:HiDreamO1Transformer",
        {"text_config_overrides": {"num_hidden_layers": 2}, "vision_config_overrides": {"depth": 1}},
        {"text_config_overrides": O1_TEXT, "vision_config_overrides": O1_VISION},
    ),
    "pixeldit": PixelDiTLayout("comfy.ldm.pixeldit.model:PixDiT_T2I", {"patch_depth": 1, "pixel_depth": 1}, PIXELDIT),
}
NO_POOLED: dict[str, Callable[[int], object]] = {"pooled_output": none}
CASES = {
    "chroma_radiance": Case(
        "Chroma Radiance",
        "ChromaRadiance",
        "flow",
        3,
        64,
        "lora_unet_double_blocks_0_img_attn_proj",
        auto=("sigmoid", 1.0),
        extras=NO_POOLED,
        size=32,
        rotary=True,
    ),
    "z_image_pixels": Case(
        "Z-Image in pixel space",
        "ZImagePixelSpace",
        "flow",
        3,
        64,
        "lora_unet_layers_1_feed_forward_w2",
        auto=("sigmoid", 1.0),
        extras=NO_POOLED | {"attention_mask": ones},
        tokens=(12, 40),
        size=32,
        rotary=True,
        twin="Z-Image with another last layer",
    ),
    "hidream_o1": Case(
        "HiDream-O1",
        "HiDreamO1",
        "flow",
        3,
        1,
        "lora_unet_language_model_layers_1_mlp_down_proj",
        extras=NO_POOLED | {"text_input_ids": tokens_of_o1},
        size=64,
        noise_scale=8.0,
    ),
    "pixeldit": Case(
        "PixelDiT",
        "PixelDiTT2I",
        "flow",
        3,
        64,
        "lora_unet_pixel_blocks_0_adaLN_modulation_msa",
        auto=("shift", 4.0),
        extras=NO_POOLED | {"attention_mask": half},
        size=8,
        rotary=True,
    ),
}
