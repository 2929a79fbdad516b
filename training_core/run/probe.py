"""A frozen probe: the loss on the same pictures, captions, noise and timesteps, measured again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext

import torch

from ..data.plan import PlannedBatch
from ..history.events import Encoded, Probed, Warned
from ..host.model import Trainable
from ..objective import Objective
from ..optim.averaging import WeightsContext, eval_mode
from ..settings import LossSettings, NoiseSettings, ValidationSettings
from .encoded import Encodings, to_device

TIMES = 20
"""How often a run is looked at when validate_every_n_steps is 0."""


class Probe:
    """Measures plain l2 of the raw prediction with plain noise, whatever loss and noise the run trains with, so that runs can be
    compared.

    Dropout is off, no gradients are made, no generator of the training is drawn from, and the network stays as it was.
    """

    def __init__(
        self, encodings: Encodings, batches: list[PlannedBatch], settings: ValidationSettings, label: str
    ) -> None:
        self._encodings, self._batches, self._settings, self._label = encodings, batches, settings, label
        self.first: torch.Tensor | None = None  # losses of the first look, (samples,)

    def prepare(self) -> Iterator[Encoded | Warned]:
        """Encode the probe's pictures and captions; what cannot be encoded is not looked at."""
        yield from self._encodings.fill(self._batches, for_good=True)
        self._batches = [batch for batch in self._encodings.usable(self._batches) if batch.samples]

    def close(self) -> None:
        """Need nothing of the cache any more: the run has ended."""
        self._encodings.close()

    def due(self, step: int, steps: int) -> bool:
        """Return whether to look after `step` of a run's `steps`: at step 0, every validate_every_n_steps and at the last."""
        every = self._settings.validate_every_n_steps or max(1, round(steps / TIMES))
        return bool(self._batches) and (step % every == 0 or step == steps)

    def look(
        self, step: int, network: torch.nn.Module, model: Trainable, eval_weights: WeightsContext = nullcontext
    ) -> Probed:
        """Return the network's loss after `step` steps, also as a percentage of that of the first look.

        Samples that give no number, now or at the first look, do not count; both are NaN where none does.
        """
        with eval_mode(network, eval_weights):
            losses = torch.cat(list(self._look(model)))
        if self.first is None:
            self.first = losses
        known = losses.isfinite() & self.first.isfinite()
        if not known.any():
            return Probed(step, math.nan, math.nan, self._label)
        percent = 100 * losses[known].sum().item() / max(self.first[known].sum().item(), 1e-12)
        return Probed(step, losses[known].mean().item(), percent, self._label)

    def _look(self, model: Trainable) -> Iterator[torch.Tensor]:
        objective = Objective(LossSettings(), NoiseSettings(), model.schedule)
        sigmas, ts = objective.spread(sum(len(batch.samples) for batch in self._batches))
        done = 0
        for number, batch in enumerate(self._batches):
            # No key: the latents' means. A draw from the posterior would follow the training's seed.
            fetched = self._encodings.fetch(batch) or self._encodings.fetch_again(batch, model)
            ready = to_device(fetched, model)
            mine = slice(done, done + len(batch.samples))
            noised = objective.mix(
                ready.latents, sigmas[mine], ts[mine], self._settings.validation_seed, "probe", number
            )
            done += len(batch.samples)
            yield objective.losses(model.predict(noised, ready), noised, ready.mask)
