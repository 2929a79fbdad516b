"""Checkpoints in the families' real layouts with small random weights, for the host's own loaders."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import assemble
import torch
from safetensors.torch import save_file

DRAWN = 2**24 + 1
"""Values of a tensor, after which they come again: of text encoders' vocabularies alone, which take seconds to draw."""
CLIP_LAYERS = 3
"""Of the checkpoints' CLIP-L, for which ComfyUI needs `short_clip`."""


@cache
def _text_encoder() -> dict[str, torch.Tensor]:
    return assemble.text_encoder(layers=CLIP_LAYERS, inner=assemble.CLIP_WIDTH)


def _fill(module: torch.nn.Module, seed: int, gain: float = 1.0) -> dict[str, torch.Tensor]:
    """Random weights; zero-initialised output layers get weights as well, else the model answers with zeros."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in module.state_dict().items():
        if value.ndim > 1:
            fan_in = value[0].numel()
            drawn = torch.randn(min(value.numel(), DRAWN), generator=generator).mul_(gain).mul_(fan_in**-0.5)
            state[name] = drawn.repeat(-(-value.numel() // DRAWN))[: value.numel()].view(value.shape)
        elif name.endswith("weight"):
            state[name] = 1 + 0.1 * torch.randn(value.shape, generator=generator)
        else:
            state[name] = 0.1 * torch.randn(value.shape, generator=generator)
    return state


def _vae(channels: int, seed: int) -> dict[str, torch.Tensor]:
    import comfy.taesd.taesd

    state = _fill(comfy.taesd.taesd.TAESD(latent_channels=channels), seed, 0.7)
    return state | {"vae_scale": torch.tensor(1.0), "vae_shift": torch.tensor(0.0)}


def _write(path: Path, parts: dict[str, dict[str, torch.Tensor]]) -> Path:
    save_file({p + k: v.half().contiguous() for p, part in parts.items() for k, v in part.items()}, path)
    return path


def _unet(seed: int, **config) -> dict[str, torch.Tensor]:
    import comfy.ops
    from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel

    shape = {
        "image_size": 32,
        "in_channels": 4,
        "out_channels": 4,
        "model_channels": 320,
        "num_res_blocks": [1],
        "channel_mult": (1,),
        "transformer_depth": [1],
        "transformer_depth_output": [1, 1],
        "transformer_depth_middle": 1,
        "use_spatial_transformer": True,
        "num_heads": 8,
        "dtype": torch.float32,
        "device": "cpu",
        "operations": comfy.ops.disable_weight_init,
    }
    return _fill(UNetModel(**(shape | config)), seed)


def sd15_unet() -> dict[str, torch.Tensor]:
    """SD1.5's layout with one level of one block (26 M parameters)."""
    return _unet(1, context_dim=768)


def sd15(path: Path) -> Path:
    """A whole SD1.5 checkpoint."""
    return _write(
        path,
        {
            "model.diffusion_model.": sd15_unet(),
            "first_stage_model.": _vae(4, 2),
            "cond_stage_model.transformer.": _text_encoder(),
        },
    )


def sd3_unet() -> dict[str, torch.Tensor]:
    """SD3's layout with two blocks of width 128."""
    import train_base

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)  # else every process has another model
        state = train_base.initial_model()
    generator = torch.Generator().manual_seed(4)
    return {k: v if v.abs().sum() else 0.1 * torch.randn(v.shape, generator=generator) for k, v in state.items()}


def sd3(path: Path) -> Path:
    """A whole SD3 checkpoint, CLIP-L alone."""
    return _write(
        path,
        {
            "model.diffusion_model.": sd3_unet(),
            "first_stage_model.": _vae(16, 5),
            "text_encoders.clip_l.transformer.": _text_encoder(),
        },
    )
