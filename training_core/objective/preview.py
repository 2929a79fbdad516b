"""What the chosen objective does, as a picture: how often each timestep is trained, and how much it counts."""

from __future__ import annotations

import torch
from PIL import Image

from ..charts import timesteps
from .objective import Objective

DRAWS, BINS = 200_000, 100


def preview(objective: Objective, size: tuple[int, int], title: str) -> Image.Image:
    """Draw the density of timesteps, the loss weight and their product over t in 0..1000.

    Args:
        objective: whose timesteps are drawn at random, `DRAWS` of them.
        size: (height, width) of the latents in cells, for flux_shift.
        title: above the chart.
    """
    _, t = objective.timesteps(DRAWS, size, 0, "preview")
    density = torch.histc(t, BINS, 0, 1000) / DRAWS * BINS
    sigma, at = objective.spread(BINS)
    weight = torch.zeros(BINS)
    weight[(at / 1000 * BINS).long().clamp(max=BINS - 1)] = objective.weights(sigma)
    share = density * weight
    share = share / share.mean().clamp(min=1e-12)
    return timesteps.draw(title, density.tolist(), weight.tolist(), share.tolist())
