"""The objective of a run: draws noise and timesteps, names the target, weighs the error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..settings import LossSettings, NoiseSettings
from . import losses, noise, timesteps
from .schedule import Schedule, noised, target


@dataclass(frozen=True, slots=True)
class Noised:
    """A batch ready for the model. All on the latents' device, float32."""

    x: torch.Tensor  # (B, C, h, w) model input in the host's convention
    sigma: torch.Tensor  # (B,)
    t: torch.Tensor  # (B,) timestep in 0..1000
    target: torch.Tensor  # (B, C, h, w) what the raw prediction should be


class Objective:
    """Binds the settings to a model's schedule."""

    def __init__(self, loss: LossSettings, noise_settings: NoiseSettings, schedule: Schedule) -> None:
        self._loss, self._noise, self._schedule = loss, noise_settings, schedule
        self.warnings: list[str] = []
        if schedule.prediction == "flow":
            # sd-scripts ignores these silently for rectified flow; so do we, but aloud.
            unused = [
                name
                for group, names in (
                    (loss, ("min_snr_gamma", "debiased_estimation_loss")),
                    (noise_settings, ("noise_offset", "multires_noise_iterations")),
                )
                for name in names
                if getattr(group, name)
            ]
            if unused:
                self.warnings.append(f"{', '.join(unused)}: no meaning for a rectified-flow model; trained without.")
            self._noise = noise_settings.model_copy(update={"noise_offset": 0.0, "multires_noise_iterations": 0})

    def prepare(self, x0: torch.Tensor, *key: Any) -> Noised:
        """Mix latents `x0` (B, C, h, w) with noise; everything random follows from `key` (seed, step, ...)."""
        sigma, t = timesteps.draw(self._schedule, len(x0), noise.generator(*key, "timestep"))
        clean, mixed = noise.draw(x0.shape, self._noise, *key)
        sigma, t, clean, mixed = (v.to(x0.device, non_blocking=True) for v in (sigma, t, clean, mixed))
        kind = self._schedule.prediction
        return Noised(noised(kind, x0, mixed, sigma), sigma, t, target(kind, x0, clean, sigma))

    def losses(self, prediction: torch.Tensor, batch: Noised, mask: torch.Tensor | None = None) -> torch.Tensor:
        """The weighted loss of every sample, (B,) float32: element-wise, times the mask, mean over the picture,
        times weights. `mask`: (B, 1, h, w) in 0..1 (--masked_loss); the mean counts what it hides, too.
        """
        c = None
        if self._loss.loss_type in ("huber", "smooth_l1"):
            c = losses.huber_c(self._loss, self._schedule, batch.sigma, batch.t)
        loss = losses.elementwise(prediction, batch.target, self._loss.loss_type, c)
        if mask is not None:
            loss = loss * losses.mask_for(mask, loss)
        return loss.flatten(1).mean(1) * losses.weights(self._loss, self._schedule, batch.sigma)
