"""Element-wise losses and timestep weights, by sd-scripts' definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from ..settings import LossSettings
from .schedule import Prediction, Schedule, broadcast, snr


def _pseudo_huber(e: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """2 (sqrt(e^2 + c^2) - c) of errors (B, ...), with c of the same number of dimensions."""
    return 2 * ((e.square() + c.square()).sqrt() - c)


FORMULAS: dict[str, Callable[[torch.Tensor, Any], torch.Tensor]] = {
    "l2": lambda e, _c: e.square(),
    "l1": lambda e, _c: e.abs(),
    "huber": lambda e, c: c * _pseudo_huber(e, c),
    "smooth_l1": _pseudo_huber,
}
"""loss_type -> loss of errors (B, ...) float32; c, (B, 1, ...), is None for those without."""

WITH_C = ("huber", "smooth_l1")
"""Values of loss_type whose formula has the parameter c (--huber_c)."""


def elementwise(prediction: torch.Tensor, target: torch.Tensor, kind: str, c: torch.Tensor | None) -> torch.Tensor:
    """Loss of every element, float32 (--loss_type). With e = prediction - target: l2 e^2, l1 |e|, huber
    2c (sqrt(e^2 + c^2) - c), smooth_l1 2 (sqrt(e^2 + c^2) - c). `c`: (B,), only for the last two.
    """
    e = prediction.float() - target.float()
    return FORMULAS[kind](e, None if c is None else broadcast(c, e))


def huber_c(settings: LossSettings, schedule: Schedule, sigma: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Return the huber parameter of each sample (--huber_schedule), (B,) from (B,) sigma and t in 0..1000.

    constant: c * scale. exponential: scale * c^(t / 1000). snr: (1 - c) / (1 + sigma)^2 + c, where sigma is the
    noise-to-signal ratio; a flow model's is noise_scale * sigma / (1 - sigma).
    """
    c, scale = settings.huber_c, settings.huber_scale
    if settings.huber_schedule == "constant":
        return torch.full_like(sigma, c * scale)
    if settings.huber_schedule == "exponential":
        return scale * c ** (t / 1000)
    if schedule.prediction == "flow":
        # 1 / (1 + k sigma / (1 - sigma)) = (1 - sigma) / (1 + (k - 1) sigma), with k the noise_scale
        return (1 - c) * ((1 - sigma) / (1 + (schedule.noise_scale - 1) * sigma)).square() + c
    return (1 - c) / (1 + sigma).square() + c


def mask_for(mask: torch.Tensor, loss: torch.Tensor) -> torch.Tensor:
    """Return a mask (B, 1, H, W) averaged over areas to the loss's height and width: (B, 1, ..., h, w) for a loss
    (B, C, ..., h, w).
    """
    mask = torch.nn.functional.interpolate(mask.float(), size=loss.shape[-2:], mode="area")
    return mask.view(len(mask), *[1] * (loss.ndim - 3), *mask.shape[-2:])


def min_snr(ratio: torch.Tensor, gamma: float, prediction: Prediction) -> torch.Tensor:
    """min(snr, gamma) / snr for eps, / (snr + 1) for v (Hang et al. 2023, --min_snr_gamma). (B,) -> (B,)."""
    return ratio.clamp(max=gamma) / (ratio + 1 if prediction == "v" else ratio)


def debiased(ratio: torch.Tensor, prediction: Prediction) -> torch.Tensor:
    """1 / sqrt(min(snr, 1000)) for eps, 1 / (min(snr, 1000) + 1) for v (--debiased_estimation_loss). (B,) -> (B,)."""
    ratio = ratio.clamp(max=1000)
    return 1 / (ratio + 1) if prediction == "v" else ratio.rsqrt()


def like_eps(ratio: torch.Tensor) -> torch.Tensor:
    """s / (s + 1) with s = min(snr, 1000): a v loss weighed as an eps loss (--scale_v_pred_loss_like_noise_pred)."""
    ratio = ratio.clamp(max=1000)
    return ratio / (ratio + 1)


def v_like(ratio: torch.Tensor, part: float) -> torch.Tensor:
    """1 + part (s + 1) / s with s = min(snr, 1000): an eps loss with a part of a v loss (--v_pred_like_loss)."""
    return 1 + part / like_eps(ratio)


def flow_weight(sigma: torch.Tensor, scheme: str) -> torch.Tensor:
    """Weights of (B,) flow sigmas (--weighting_scheme): sigma_sqrt 1 / sigma^2, cosmap 2 / (pi (1 - 2 s + 2 s^2)).

    sd-scripts' sigma_sqrt is infinite at sigma 0; here sigma counts as 0.001 at least.
    """
    if scheme == "sigma_sqrt":
        return sigma.clamp(min=1e-3).pow(-2)
    if scheme == "cosmap":
        return 2 / (math.pi * (1 - 2 * sigma + 2 * sigma.square()))
    return torch.ones_like(sigma)


def weights(settings: LossSettings, schedule: Schedule, sigma: torch.Tensor) -> torch.Tensor:
    """Return the product of all timestep weights that are switched on, (B,), from (B,) sigma."""
    kind = schedule.prediction
    if kind == "flow":
        return flow_weight(sigma, settings.weighting_scheme)
    result, ratio = torch.ones_like(sigma), snr(sigma)
    if settings.min_snr_gamma:
        result = result * min_snr(ratio, settings.min_snr_gamma, kind)
    if settings.scale_v_pred_loss_like_noise_pred and kind == "v":
        result = result * like_eps(ratio)
    if settings.v_pred_like_loss and kind == "eps":
        result = result * v_like(ratio, settings.v_pred_like_loss)
    if settings.debiased_estimation_loss:
        result = result * debiased(ratio, kind)
    return result
