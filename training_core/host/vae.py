"""Pictures to latents through the graph's own VAE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.model_management as mm
import torch
from comfy.ldm.models.autoencoder import DiagonalGaussianRegularizer

from .precision import full_float32


def encode(vae: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return the posterior's mean and std before `process_latent_in`, (B, C, h, w) on the CPU; std None where the VAE has none.

    Out of memory: smaller batches first, then the host's tiles.

    Args:
        pixels: (B, H, W, 3) float32 in 0..1.
    """
    video = vae.latent_dim == 3 and not vae.not_video  # takes a batch for the frames of one film
    model = vae.first_stage_model
    with torch.inference_mode(), full_float32(), _moments(model, vae) as has_std, _halving(model):
        parts = pixels.split(1) if video else (pixels,)
        moments = torch.cat([vae.encode(part) for part in parts]).to("cpu", copy=True)
    moments = moments.clone()  # made outside inference mode
    if not has_std:
        return moments, None
    mean, logvar = moments.chunk(2, dim=1)
    return mean, logvar.clamp(-30, 20).mul(0.5).exp()


class _Moments(torch.nn.Module):
    """Stands in for the VAE's regularizer: lets mean and log-variance through instead of a sample."""

    def forward(self, z: torch.Tensor) -> tuple[torch.Tensor, None]:
        return z, None


@contextmanager
def _moments(model: torch.nn.Module, vae: Any) -> Iterator[bool]:
    """Let the host's `vae.encode` return mean and log-variance, twice the channels, where the VAE has a posterior."""
    before = getattr(model, "regularization", None)
    if not isinstance(before, DiagonalGaussianRegularizer) or getattr(model, "bn", None) is not None:
        yield False  # Flux 2 normalises what comes out of the regularizer: its mean alone
        return
    channels = vae.latent_channels
    try:
        model.regularization, vae.latent_channels = _Moments(), 2 * channels  # the second for tiles
        yield True
    finally:
        model.regularization, vae.latent_channels = before, channels


@contextmanager
def _halving(model: Any) -> Iterator[None]:
    """Encode half as many pictures at once when memory runs out; one alone is left to the host."""
    encode = model.encode

    def halves(pixels: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        try:
            return encode(pixels, *args, **kwargs)
        except Exception as error:
            mm.raise_non_oom(error)
            if len(pixels) == 1:
                raise
        mm.soft_empty_cache()
        return torch.cat([halves(part, *args, **kwargs) for part in pixels.chunk(2)])

    model.encode = halves
    try:
        yield
    finally:
        del model.encode
