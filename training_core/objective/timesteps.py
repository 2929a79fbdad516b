"""Which timesteps a step trains: densities over (0, 1) and what is made of them."""

from __future__ import annotations

import math

import torch

from ..settings import NoiseSettings
from .schedule import Schedule

SHIFT = 3.0
"""sd-scripts' default of --discrete_flow_shift."""


def mode(u: torch.Tensor, scale: float) -> torch.Tensor:
    """Uniform (B,) -> the SD3 paper's mode density with heavy tails: 1 - u - scale (cos^2(pi u / 2) - 1 + u)."""
    return 1 - u - scale * (torch.cos(math.pi / 2 * u).square() - 1 + u)


def cosmap(u: torch.Tensor) -> torch.Tensor:
    """Uniform (B,) -> the SD3 paper's CosMap density: 1 - 1 / (tan(pi u / 2) + 1)."""
    return 1 - 1 / (torch.tan(math.pi / 2 * u) + 1)


def shifted(sigma: torch.Tensor, factor: float | torch.Tensor) -> torch.Tensor:
    """Move (B,) sigmas in 0..1 towards 1: k s / (1 + (k - 1) s) (--discrete_flow_shift, --training_shift)."""
    return factor * sigma / (1 + (factor - 1) * sigma)


def flux_factor(height: int, width: int) -> float:
    """Return the shift factor e^mu of a latent of `height` x `width` cells (--timestep_sampling flux_shift):
    mu = 0.5 + (L - 256) 0.65 / 3840 with L = (h / 2)(w / 2) patches.
    """
    patches = (height // 2) * (width // 2)
    return math.exp(0.5 + (patches - 256) * 0.65 / 3840)


def density(settings: NoiseSettings, batch: int, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """(B,) float32 sigmas of a flow model in (0, 1], before min and max timestep.

    Args:
        size: (height, width) of the latent in cells, for flux_shift.
    """
    kind = settings.timestep_sampling
    if kind in ("sigmoid", "shift", "flux_shift", "logit_normal"):
        normal = torch.randn(batch, generator=generator)
        if kind == "logit_normal":
            sigma = torch.sigmoid(settings.logit_mean + settings.logit_std * normal)
        else:
            sigma = torch.sigmoid(settings.sigmoid_scale * normal)
    else:
        sigma = 1 - torch.rand(batch, generator=generator)  # never 0: there is nothing to learn from
        if kind == "mode":
            sigma = mode(1 - sigma, settings.mode_scale).clamp(1e-4, 1)
        elif kind == "cosmap":
            sigma = cosmap(sigma)
    if kind == "flux_shift":
        return shifted(sigma, flux_factor(*size))
    return shifted(sigma, settings.flow_shift or (SHIFT if kind == "shift" else 1.0))


def draw(
    schedule: Schedule, settings: NoiseSettings, batch: int, size: tuple[int, int], generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Timesteps for `batch` samples of latents of `size` (height, width).

    Returns:
        (sigma, t): (B,) float32 sigmas as `schedule` means them, and t in 0..1000 (a whole number for eps and v, drawn
        uniformly from min_timestep up to, not including, max_timestep; 1000 sigma for flow, whose whole density is
        squeezed between the two).
    """
    low, high = settings.min_timestep, settings.max_timestep
    if schedule.sigmas is None:
        sigma = (low + density(settings, batch, size, generator) * (high - low)) / 1000
        return sigma, sigma * 1000
    index = torch.randint(low, min(high, len(schedule.sigmas)), (batch,), generator=generator)
    return schedule.sigmas[index], index.float()
