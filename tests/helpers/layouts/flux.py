"""Models built of Flux's blocks."""

from layout import Case, Layout, draw, none

FLUX = {
    "image_model": "flux",
    "in_channels": 16,
    "out_channels": 16,
    "vec_in_dim": 768,
    "context_in_dim": 4096,
    "hidden_size": 3072,
    "mlp_ratio": 4.0,
    "num_heads": 24,
    "depth": 2,
    "depth_single_blocks": 2,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "patch_size": 2,
    "qkv_bias": True,
    "guidance_embed": True,
    "txt_ids_dims": [],
}
NARROW = {"hidden_size": 128, "num_heads": 1}
CHROMA = {"in_channels": 64, "out_channels": 64, "in_dim": 64, "out_dim": 3072, "hidden_dim": 5120, "n_layers": 5}
FLUX2 = {
    "image_model": "flux2",
    "in_channels": 128,
    "out_channels": 128,
    "vec_in_dim": None,
    "context_in_dim": 15360,
    "hidden_size": 6144,
    "mlp_ratio": 3.0,
    "num_heads": 48,
    "axes_dim": [32, 32, 32, 32],
    "theta": 2000,
    "patch_size": 1,
    "qkv_bias": False,
    "txt_ids_dims": [3],
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
}

LAYOUTS = {
    "flux_dev": Layout("comfy.ldm.flux.model:Flux", FLUX, NARROW, True),
    "flux_schnell": Layout("comfy.ldm.flux.model:Flux", FLUX | {"guidance_embed": False}, NARROW, True),
    "flux2": Layout(
        "comfy.ldm.flux.model:Flux", FLUX | FLUX2, NARROW | {"context_in_dim": 256, "hidden_size": 128}, True
    ),
    "chroma": Layout(
        "comfy.ldm.chroma.model:Chroma",
        {k: v for k, v in (FLUX | {"vec_in_dim": None} | CHROMA).items() if k != "guidance_embed"},
        NARROW | {"out_dim": 128, "hidden_dim": 128},
        True,
    ),
}
CASES = {
    "flux_dev": Case(
        "Flux.1 dev",
        "Flux",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_1_img_attn_qkv",
        auto=("shift", 3.1582),
        guidance=True,
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "flux_schnell": Case(
        "Flux.1 schnell",
        "FluxSchnell",
        "flow",
        16,
        4096,
        "lora_unet_single_blocks_1_linear1",
        extras={"pooled_output": draw(768)},
        rotary=True,
        twin="Flux dev without guidance",
    ),
    "flux2": Case(
        "Flux.2",
        "Flux2",
        "flow",
        128,
        256,
        "lora_unet_single_blocks_1_linear2",
        auto=("shift", 7.5383),
        guidance=True,
        extras={"pooled_output": none},
        grouped=1,  # the host pads to 512 tokens
        rotary=True,
    ),
    "chroma": Case(
        "Chroma",
        "Chroma",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_0_txt_mlp_2",
        auto=("sigmoid", 1.0),
        extras={"pooled_output": none},
        rotary=True,
    ),
}
