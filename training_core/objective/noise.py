"""Additions to Gaussian noise. Random numbers are drawn on the CPU, keyed by (seed, what, step)."""

from __future__ import annotations

from typing import Any

import torch

from ..randomness import generator, keyed
from ..settings import NoiseSettings


def offset_strength(strength: float, adaptive: float, latents: torch.Tensor) -> torch.Tensor | float:
    """How much each channel is shifted (--noise_offset, --adaptive_noise_scale): strength + adaptive * |mean of the
    channel|, not below 0. `latents`: (B, C, ..., h, w) -> (B, C, ..., 1, 1), or the plain strength.
    """
    if not adaptive:
        return strength
    return (strength + adaptive * latents.mean(dim=(-2, -1), keepdim=True).abs()).clamp(min=0)


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
        coarse = torch.randn(*noise.shape[:2], h, w, generator=generator(*key, "multires", i)).to(noise.device)
        noise = noise + discount**i * torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
        if h == 1 or w == 1:
            break
    return noise / noise.std()


def draw(latents: torch.Tensor, settings: NoiseSettings, *key: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise for latents (B, C, h, w), float32 on their device.

    Returns:
        (noise, input_noise): the noise the model should find, and the noise that is really mixed in; they
        differ by ip_noise_gamma * normal (--ip_noise_gamma, Ning et al. 2023).
    """
    shape, device = latents.shape, latents.device

    def normal(what: str, size: tuple[int, ...] = tuple(shape)) -> torch.Tensor:
        return torch.randn(size, generator=generator(*key, what)).to(device, non_blocking=True)

    def strength(value: float, random: bool, what: str) -> float:
        return value * keyed(*key, what).random() if random else value

    noise = normal("noise")
    if settings.noise_offset:
        most = strength(settings.noise_offset, settings.noise_offset_random_strength, "offset strength")
        much = offset_strength(most, settings.adaptive_noise_scale, latents)
        noise = noise + much * normal("offset", (*shape[:-2], 1, 1))
    if settings.multires_noise_iterations:
        noise = multires(noise, settings.multires_noise_iterations, settings.multires_noise_discount, *key)
    if not settings.ip_noise_gamma:
        return noise, noise
    gamma = strength(settings.ip_noise_gamma, settings.ip_noise_gamma_random_strength, "ip strength")
    return noise, noise + gamma * normal("ip")
