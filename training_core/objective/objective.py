"""The objective of a run: draws noise and timesteps, names the target, weighs the error.

x0 are latents (B, C, h, w), n is noise of their shape, sigma and t are (B,); T is the number of discrete timesteps.

    draw        n = normal                                        + offset, pyramid (noise.py; none for flow)
                eps, v:  t uniform in min_timestep .. max_timestep, sigma = sigmas[t]
                flow:    sigma by timestep_sampling and flow_shift (timesteps.py), t = 1000 sigma
    mix         n' = n + ip_noise_gamma * normal                  only the model's input has it
                n and n' times the model's noise_scale            1 but for HiDream-O1
                eps, v:  x = x0 + sigma n'                        the host scales by 1 / sqrt(1 + sigma^2)
                flow:    x = (1 - sigma) x0 + sigma n'
    target      eps: n      v: (n - sigma x0) / sqrt(1 + sigma^2)      flow: n - x0
    losses      e = prediction - target
                l2 e^2, l1 |e|, huber and smooth_l1 with c(sigma, t) (losses.py)
                * mask, mean over the picture, * weight(sigma):
                eps, v:  min_snr_gamma, debiased_estimation_loss, ... of snr = 1 / sigma^2
                flow:    weighting_scheme of sigma
    step        sum of losses * sample weights / samples of the step (step.py)

What is random follows from (seed, what it is for, step, micro-batch) alone: see randomness.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..randomness import generator
from ..settings import LossSettings, NoiseSettings
from . import losses, noise, timesteps
from .schedule import Schedule, broadcast, noised, target


@dataclass(frozen=True, slots=True)
class Noised:
    """A batch ready for the model. All on the latents' device, float32."""

    x: torch.Tensor  # (B, C, h, w) model input in the host's convention
    sigma: torch.Tensor  # (B,)
    t: torch.Tensor  # (B,) timestep in 0..1000
    target: torch.Tensor  # (B, C, h, w) what the raw prediction should be


@dataclass(frozen=True, slots=True)
class BatchDraws:
    """Everything random about a batch, float32 on the CPU."""

    sigma: torch.Tensor  # (B,)
    t: torch.Tensor  # (B,) timestep in 0..1000
    noise: noise.NoiseDraws

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> BatchDraws:
        """Return the same with every tensor replaced by `change` of it."""
        return BatchDraws(change(self.sigma), change(self.t), self.noise.each(change))


class Objective:
    """Binds the settings that a model is trained with to its schedule."""

    def __init__(self, loss: LossSettings, noise_settings: NoiseSettings, schedule: Schedule) -> None:
        """Take settings as `in_effect` gives them; timestep_sampling auto counts as uniform."""
        self._loss, self._noise, self._schedule = loss, noise_settings, schedule

    @property
    def prediction(self) -> str:
        """What the model predicts: eps, v or flow."""
        return self._schedule.prediction

    def describe(self) -> str:
        """Timestep sampling and loss in a few words."""
        noise_settings, loss = self._noise, self._loss
        words = [loss.loss_type]
        if self._schedule.prediction == "flow":
            words = [noise_settings.timestep_sampling, *words, loss.weighting_scheme, loss.model_prediction_type]
            if noise_settings.flow_shift not in (0, 1):
                words[0] += f" {noise_settings.flow_shift:g}"
        else:
            words += [
                f"min SNR {loss.min_snr_gamma:g}" if loss.min_snr_gamma else "",
                "debiased" if loss.debiased_estimation_loss else "",
                "like eps" if loss.scale_v_pred_loss_like_noise_pred else "",
                f"v like {loss.v_pred_like_loss:g}" if loss.v_pred_like_loss else "",
                "zero terminal SNR" if noise_settings.zero_terminal_snr else "",
            ]
        return ", ".join(word for word in words if word and word not in ("none", "raw"))

    def draw(self, shape: Sequence[int], *key: Any) -> BatchDraws:
        """Everything random about a batch of latents of `shape` (B, C, h, w), which follows from `key` (seed, step, ...)."""
        size = (shape[-2] // self._schedule.cell, shape[-1] // self._schedule.cell)
        sigma, t = timesteps.draw(self._schedule, self._noise, shape[0], size, generator(*key, "timestep"))
        return BatchDraws(sigma, t, noise.draw(shape, self._noise, *key))

    def prepare(self, x0: torch.Tensor, *key: Any) -> Noised:
        """Mix latents `x0` (B, C, h, w) with noise; everything random follows from `key` (seed, step, ...)."""
        return self.apply(x0, self.draw(x0.shape, *key))

    def mix(self, x0: torch.Tensor, sigma: torch.Tensor, t: torch.Tensor, *key: Any) -> Noised:
        """Mix latents with noise drawn by `key` at given (B,) sigma and t."""
        return self.apply(x0, BatchDraws(sigma, t, noise.draw(x0.shape, self._noise, *key)))

    def apply(self, x0: torch.Tensor, drawn: BatchDraws) -> Noised:
        """Mix latents `x0` with what was drawn for their shape."""
        clean, mixed = noise.mix(x0, self._noise, drawn.noise)
        if (scale := self._schedule.noise_scale) != 1:
            clean, mixed = scale * clean, scale * mixed
        sigma, t = drawn.sigma.to(x0.device, non_blocking=True), drawn.t.to(x0.device, non_blocking=True)
        kind = self._schedule.prediction
        return Noised(noised(kind, x0, mixed, sigma), sigma, t, target(kind, x0, clean, sigma))

    def losses(self, prediction: torch.Tensor, batch: Noised, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the weighted loss of every sample, (B,) float32: element-wise, times the mask, mean over the picture,
        times weights. `mask`: (B, 1, h, w) in 0..1 (--masked_loss); the mean counts what it hides, too.
        """
        c, wanted = None, batch.target
        if self._loss.loss_type in losses.WITH_C:
            c = losses.huber_c(self._loss, self._schedule, batch.sigma, batch.t)
        if self._schedule.prediction == "flow" and self._loss.model_prediction_type == "sigma_scaled":
            # x - sigma * velocity is the picture without its noise; the difference of two such is sigma * (v - v').
            scale = broadcast(batch.sigma, wanted)
            prediction, wanted = scale * prediction, scale * wanted
        loss = losses.elementwise(prediction, wanted, self._loss.loss_type, c)
        if mask is not None:
            loss = loss * losses.mask_for(mask, loss)
        return loss.flatten(1).mean(1) * self.weights(batch.sigma)

    def weights(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return how much each of (B,) sigmas counts, (B,)."""
        return losses.weights(self._loss, self._schedule, sigma)

    def timesteps(self, count: int, size: tuple[int, int], *key: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """`count` timesteps as training draws them for latents of `size` (height, width): (sigma, t), each (count,)."""
        return timesteps.draw(self._schedule, self._noise, count, size, generator(*key, "timestep"))

    def spread(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """`count` timesteps at equal distances over those that are trained: (sigma, t), each (count,)."""
        low, high = self._noise.min_timestep, self._noise.max_timestep
        t = low + (torch.arange(count) + 0.5) / count * (high - low)
        if self._schedule.sigmas is None:
            return t / 1000, t
        index = t.long().clamp(max=len(self._schedule.sigmas) - 1)
        return self._schedule.sigmas[index], index.float()
