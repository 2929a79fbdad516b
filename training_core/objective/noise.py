"""Additions to Gaussian noise. Everything is drawn on the CPU, keyed by (seed, what, step)."""

from __future__ import annotations

from typing import Any

import torch

from ..randomness import generator, keyed
from ..settings import NoiseSettings


def offset(noise: torch.Tensor, strength: float, shift: torch.Tensor) -> torch.Tensor:
    """noise + strength * shift; `shift`: (B, C, 1, 1) standard normal (--noise_offset)."""
    return noise + strength * shift


def multires(noise: torch.Tensor, iterations: int, discount: float, *key: Any) -> torch.Tensor:
    """Pyramid noise (--multires_noise_iterations): for i = 0.. add discount^i times noise of the size divided by
    r^i, r uniform in 2..4 anew each time, enlarged bilinearly; stops once a side is 1; then divided by the
    standard deviation of the whole batch. `noise`: (B, C, h, w) float32.
    """
    height, width = noise.shape[-2:]
    ratios = keyed(*key, "multires ratio")
    for i in range(iterations):
        r = 2 + 2 * ratios.random()
        h, w = max(1, int(height / r**i)), max(1, int(width / r**i))
        coarse = torch.randn(*noise.shape[:2], h, w, generator=generator(*key, "multires", i))
        noise = noise + discount**i * torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
        if h == 1 or w == 1:
            break
    return noise / noise.std()


def draw(shape: torch.Size, settings: NoiseSettings, *key: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise for latents of `shape` (B, C, h, w), float32 on the CPU.

    Returns:
        (noise, input_noise): the noise the model should find, and the noise that is really mixed in; they
        differ by ip_noise_gamma * normal (--ip_noise_gamma, Ning et al. 2023).
    """
    noise = torch.randn(shape, generator=generator(*key, "noise"))
    if settings.noise_offset:
        noise = offset(noise, settings.noise_offset, torch.randn(*shape[:2], 1, 1, generator=generator(*key, "offset")))
    if settings.multires_noise_iterations:
        noise = multires(noise, settings.multires_noise_iterations, settings.multires_noise_discount, *key)
    if not settings.ip_noise_gamma:
        return noise, noise
    return noise, noise + settings.ip_noise_gamma * torch.randn(shape, generator=generator(*key, "ip"))
