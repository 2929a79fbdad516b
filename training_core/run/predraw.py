"""Random numbers of the next steps, drawn by another thread while the device works on this step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ..objective import BatchDraws, Noised, Objective


class PredrawnObjective:
    """An objective whose noise and timesteps may have been drawn already.

    What a batch gets follows from its key alone, whoever draws it and when. What was not drawn before (a rehearsal, a step
    that is repeated with fewer samples at a time) is drawn when it is asked for.
    """

    def __init__(self, objective: Objective, pin: bool = False) -> None:
        """`pin`: draw into page-locked memory, from which copies to a GPU run beside its work."""
        self._objective, self._pin = objective, pin
        self._drawn: dict[tuple[Any, ...], BatchDraws] = {}

    def draw(self, shape: Sequence[int], *key: Any) -> None:
        """Draw for latents of `shape` (B, C, h, w); `prepare` takes it once by the same `key`. Any thread may call this."""
        drawn = self._objective.draw(shape, *key)
        self._drawn[key] = drawn.each(torch.Tensor.pin_memory) if self._pin else drawn

    def prepare(self, x0: torch.Tensor, *key: Any) -> Noised:
        """Mix latents `x0` (B, C, h, w) with the noise and timesteps of `key` (seed, step, micro-batch): the numbers of
        `Objective.prepare`, drawn before or now.
        """
        drawn = self._drawn.pop(key, None)
        if drawn is None or drawn.noise.noise.shape != x0.shape:
            return self._objective.prepare(x0, *key)
        return self._objective.apply(x0, drawn)

    def losses(self, prediction: torch.Tensor, batch: Noised, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Return the weighted loss of every sample, (B,) float32.

        Args:
            prediction: raw model output (B, C, h, w).
            mask: (B, 1, h, w) in 0..1: where the loss counts.
        """
        return self._objective.losses(prediction, batch, mask)
