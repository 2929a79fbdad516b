"""The noise schedule of a model and the three things a model may predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

Prediction = Literal["eps", "v", "flow"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """A model's parameterization.

    `sigmas`: (T,) float32 on the CPU, noise-to-signal ratio sqrt((1 - abar) / abar) of every discrete timestep
    (eps and v); None for flow models, whose sigma runs continuously over 0..1.
    """

    prediction: Prediction
    sigmas: torch.Tensor | None = None
    noise_scale: float = 1.0
    """What a flow model's noise is multiplied by before it is mixed in; its target has it, too."""
    cell: int = 1
    """Side of what flux_shift counts as a cell of a latent: 8 for models in pixel space, whose latents are the pictures."""


def zero_terminal(sigmas: torch.Tensor) -> torch.Tensor:
    """Rescale (T,) sigmas of eps or v so that the last is infinite: no signal is left there (--zero_terminal_snr).

    With s = sqrt(abar): s := (s - s_T) s_0 / (s_0 - s_T) (Lin et al. 2023).
    """
    s = (1 + sigmas.square()).rsqrt()
    s = (s - s[-1]) * s[0] / (s[0] - s[-1])
    return (1 - s.square()).sqrt() / s


def broadcast(per_sample: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(B,) -> (B, 1, ...) with as many dimensions as `like`."""
    return per_sample.view(-1, *[1] * (like.ndim - 1))


def snr(sigma: torch.Tensor) -> torch.Tensor:
    """Signal-to-noise ratio abar / (1 - abar) of (B,) sigmas."""
    return sigma.pow(-2)


def noised(prediction: Prediction, x0: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return the noisy latents in the host's convention: x0 + sigma * noise for eps and v (the host divides by
    sqrt(1 + sigma^2) itself, which gives sqrt(abar) x0 + sqrt(1 - abar) noise), (1 - sigma) x0 + sigma * noise
    for flow. `x0`, `noise`: (B, C, h, w); `sigma`: (B,).
    """
    s = broadcast(sigma, x0)
    return (1 - s) * x0 + s * noise if prediction == "flow" else x0 + s * noise


def target(prediction: Prediction, x0: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Return what the raw model output should be: noise (eps), sqrt(abar) noise - sqrt(1 - abar) x0 (v, Salimans and
    Ho 2022), noise - x0 (flow). Shapes as in `noised`.
    """
    if prediction == "eps":
        return noise
    if prediction == "flow":
        return noise - x0
    s = broadcast(sigma, x0)
    return (noise - s * x0) / (1 + s.square()).sqrt()
