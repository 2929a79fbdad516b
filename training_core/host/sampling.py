"""Pictures through the host's own nodes, so that a cell of the grid is what the plain graph draws."""

from __future__ import annotations

from typing import Any

import torch

import nodes as host_nodes  # ComfyUI's own module of that name, not the pack's folder


def encode_prompt(clip: Any, text: str) -> Any:
    """CONDITIONING of a prompt, with the host's prompt syntax."""
    return host_nodes.CLIPTextEncode().encode(clip, text)[0]


def sample(
    model: Any,
    vae: Any,
    positive: Any,
    negative: Any,
    *,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    width: int,
    height: int,
) -> torch.Tensor:
    """One picture, (1, H, W, 3) float32 in 0..1: empty latent, KSampler, VAE decode."""
    latent = host_nodes.EmptyLatentImage().generate(width, height, 1)[0]
    latent = host_nodes.common_ksampler(model, seed, steps, cfg, sampler, scheduler, positive, negative, latent)[0]
    return host_nodes.VAEDecode().decode(vae, latent)[0]
