"""Which timesteps a step trains."""

from __future__ import annotations

import torch

from .schedule import Schedule


def draw(schedule: Schedule, batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniform timesteps for `batch` samples.

    Returns:
        (sigma, t): (B,) float32 sigmas as `schedule` means them, and t in 0..1000 (a whole number for eps and
        v; 1000 sigma for flow).
    """
    if schedule.sigmas is None:
        # Uniform in (0, 1]: a sigma of exactly 0 has nothing to learn from.
        sigma = 1 - torch.rand(batch, generator=generator)
        return sigma, sigma * 1000
    index = torch.randint(0, len(schedule.sigmas), (batch,), generator=generator)
    return schedule.sigmas[index], index.float()
