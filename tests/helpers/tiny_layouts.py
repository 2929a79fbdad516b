"""Diffusion models in their real layouts with small random weights, loaded by the host's own loader.

The host tells these families apart by key names and widths, and takes what it cannot see (heads, rotary axes) from
a table. So detection is shown the real widths, as tensors without memory, and only then the widths shrink.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
from tiny import _fill

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Layout:
    """How one family's model is built."""

    module: str  # "module:class" of the host
    real: dict[str, Any]  # constructor arguments of the released model, DiTs at a small depth
    small: dict[str, Any] = field(default_factory=dict)  # what is smaller here
    scales: bool = False  # the released files call the weight of an RMSNorm `scale`
    faint: str = ""  # a tensor with a tenth of the usual values

    def build(self, device: str, **changes: Any) -> torch.nn.Module:
        import comfy.memory_management
        import comfy.ops

        path, _, name = self.module.partition(":")
        kind = getattr(importlib.import_module(path), name)
        shape = self.real | changes
        with mock.patch.object(
            comfy.memory_management, "aimdo_enabled", False
        ):  # with it, layers begin without weights
            return kind(**shape, dtype=torch.float32, device=device, operations=comfy.ops.disable_weight_init)

    def named(self, state: State) -> State:
        """The keys as released files have them."""
        if not self.scales:
            return state
        return {k.replace("_norm.weight", "_norm.scale"): v for k, v in state.items()}


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

UNET = "comfy.ldm.modules.diffusionmodules.openaimodel:UNetModel"
TELLTALE = "output_blocks.11.1.transformer_blocks.0.norm1.bias"
"""The host takes an SD2 with large values here for the v-prediction model."""

LAYOUTS = {
    "sd15": Layout(UNET, SD15, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}),
    "sd2": Layout(UNET, SD15 | SD2, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}, faint=TELLTALE),
    "sd2_v": Layout(UNET, SD15 | SD2, {"model_channels": 64, "channel_mult": [1, 1, 1, 1]}),
    "sdxl": Layout(UNET, SD15 | SD2 | SDXL, {"model_channels": 64, "channel_mult": [1, 1, 1]}),
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


@contextmanager
def _shrunk(layout: Layout) -> Iterator[None]:
    """Let the host detect the model from its real widths, and build it with the small ones."""
    import comfy.model_detection

    real = layout.named(layout.build("meta").state_dict())
    detect = comfy.model_detection.model_config_from_unet

    def small(_state: State, prefix: str, **kwargs: Any) -> Any:
        config = detect(real, prefix, **kwargs)
        config.unet_config.update(layout.small)
        return config

    with mock.patch.object(comfy.model_detection, "model_config_from_unet", small):
        yield


def load(name: str, seed: int = 11, dtype: torch.dtype = torch.float32, stored: torch.dtype = torch.float32) -> Any:
    """A MODEL, in float32 unless said otherwise; every parameter has weights, those that real files start at zero too.

    Args:
        stored: number format of the file.
    """
    import comfy.sd

    layout = LAYOUTS[name]
    state = layout.named(_fill(layout.build("cpu", **layout.small), seed))
    if layout.faint:
        state[layout.faint] /= 10
    state = {key: value.to(stored) for key, value in state.items()}
    with _shrunk(layout):
        return comfy.sd.load_diffusion_model_state_dict(state, model_options={"dtype": dtype})
