"""Additions to Gaussian noise. Random numbers are drawn on the CPU, keyed by (seed, what, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..randomness import generator, keyed
from ..settings import NoiseSettings


def offset_strength(strength: float, adaptive: float, latents: torch.Tensor) -> torch.Tensor | float:
    """Return how much each channel is shifted (--noise_offset, --adaptive_noise_scale): strength + adaptive * |mean of the
    channel|, not below 0. `latents`: (B, C, ..., h, w) -> (B, C, ..., 1, 1), or the plain strength.
    """
    if not adaptive:
        return strength
    return (strength + adaptive * latents.mean(dim=(-2, -1), keepdim=True).abs()).clamp(min=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseDraws:
    """Normal numbers for one batch, float32 on the CPU: what `mix` needs of them, whatever the latents are."""

    noise: torch.Tensor  # (B, C, h, w)
    offset: torch.Tensor | None = None  # (B, C, ..., 1, 1)
    much: float = 0.0  # how far offset shifts a channel at most
    coarse: tuple[torch.Tensor, ...] = ()  # (B, C, smaller and smaller)
    inner: torch.Tensor | None = None  # (B, C, h, w) for ip_noise_gamma
    gamma: float = 0.0

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> NoiseDraws:
        """Return the same with every tensor replaced by `change` of it."""
        offset, inner = (value if value is None else change(value) for value in (self.offset, self.inner))
        return replace(
            self, noise=change(self.noise), offset=offset, coarse=tuple(map(change, self.coarse)), inner=inner
        )


def coarse(shape: Sequence[int], iterations: int, *key: Any) -> tuple[torch.Tensor, ...]:
    """Return the levels of pyramid noise for a batch of `shape` (B, C, h, w) (--multires_noise_iterations): for i = 0.. normal
    noise of the size divided by r^i, r uniform in 2..4 anew each time; stops once a side is 1.
    """
    height, width = shape[-2:]
    ratios, levels = keyed(*key, "multires ratio"), []
    for i in range(iterations):
        r = 2 + 2 * ratios.random()
        h, w = max(1, int(height / r**i)), max(1, int(width / r**i))
        levels.append(torch.randn(*shape[:2], h, w, generator=generator(*key, "multires", i)))
        if h == 1 or w == 1:
            break
    return tuple(levels)


def multires(noise: torch.Tensor, levels: Sequence[torch.Tensor], discount: float) -> torch.Tensor:
    """Pyramid noise: plus discount^i times level i, enlarged bilinearly; then divided by the standard deviation of the
    whole batch. `noise`: (B, C, h, w) float32; `levels`: see `coarse`.
    """
    for i, level in enumerate(levels):
        large = torch.nn.functional.interpolate(level, size=tuple(noise.shape[-2:]), mode="bilinear")
        noise = noise + discount**i * large
    return noise / noise.std()


def draw(shape: Sequence[int], settings: NoiseSettings, *key: Any) -> NoiseDraws:
    """Return all random numbers that the noise of a batch of `shape` (B, C, h, w) is made of."""

    def normal(what: str, size: Sequence[int] = shape) -> torch.Tensor:
        return torch.randn(tuple(size), generator=generator(*key, what))

    def strength(value: float, random: bool, what: str) -> float:
        return value * keyed(*key, what).random() if random else value

    drawn = NoiseDraws(noise=normal("noise"))
    if settings.noise_offset:
        much = strength(settings.noise_offset, settings.noise_offset_random_strength, "offset strength")
        drawn = replace(drawn, offset=normal("offset", (*shape[:-2], 1, 1)), much=much)
    if settings.multires_noise_iterations:
        drawn = replace(drawn, coarse=coarse(shape, settings.multires_noise_iterations, *key))
    if settings.ip_noise_gamma:
        gamma = strength(settings.ip_noise_gamma, settings.ip_noise_gamma_random_strength, "ip strength")
        drawn = replace(drawn, inner=normal("ip"), gamma=gamma)
    return drawn


def mix(latents: torch.Tensor, settings: NoiseSettings, drawn: NoiseDraws) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise for latents (B, C, h, w), float32 on their device, from numbers that were drawn for their shape.

    Returns:
        (noise, input_noise): the noise the model should find, and the noise that is really mixed in; they
        differ by ip_noise_gamma * normal (--ip_noise_gamma, Ning et al. 2023).
    """
    drawn = drawn.each(lambda value: value.to(latents.device, non_blocking=True))
    noise = drawn.noise
    if drawn.offset is not None:
        noise = noise + offset_strength(drawn.much, settings.adaptive_noise_scale, latents) * drawn.offset
    if drawn.coarse:
        noise = multires(noise, drawn.coarse, settings.multires_noise_discount)
    return noise, noise if drawn.inner is None else noise + drawn.gamma * drawn.inner
