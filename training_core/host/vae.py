"""Pictures to latents through the graph's own VAE."""

from __future__ import annotations

from typing import Any

import torch


def encode(vae: Any, pixels: torch.Tensor) -> torch.Tensor:
    """(B, H, W, 3) float32 in 0..1 -> (B, C, h, w) on the CPU, before `process_latent_in`."""
    with torch.inference_mode():
        latents = vae.encode(pixels)
    return latents.to("cpu", copy=True)
