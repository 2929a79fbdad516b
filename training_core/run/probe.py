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
from ..settings import LossSettings, NoiseSettings
from .encoded import Encodings, to_device


class Probe:
    """Measures plain l2 of the raw prediction with plain noise, whatever loss and noise the run trains with, so that runs can be
    compared.

    Dropout is off, no gradients are made, no generator of the training is drawn from, and the network stays as it was.
    """

    def __init__(self, encodings: Encodings, batches: list[PlannedBatch], every: int, seed: int, label: str) -> None:
        """Look at nothing yet.

        Args:
            every: steps between two looks.
            seed: of the noise (validation_seed).
            label: which samples these are.
        """
        self._encodings, self._batches, self._every, self._seed, self._label = encodings, batches, every, seed, label
        self.first: torch.Tensor | None = None  # losses of the first look, (samples,)

    def prepare(self) -> Iterator[Encoded | Warned]:
        """Encode the probe's pictures and captions; where no picture can be encoded, there is no probe."""
        yield from self._encodings.fill(self._batches, for_good=True)
        if not any(batch.samples for batch in self._encodings.left_out.usable(self._batches)):
            self._batches = []

    def close(self) -> None:
        """Need nothing of the cache any more: the run has ended."""
        self._encodings.close()

    def due(self, step: int, steps: int) -> bool:
        """Return whether to look after `step` of a run's `steps`: at step 0, every so many steps and at the last."""
        return bool(self._batches) and (step % self._every == 0 or step == steps)

    def look(
        self, step: int, network: torch.nn.Module, model: Trainable, eval_weights: WeightsContext = nullcontext
    ) -> Probed:
        """Return the network's loss after `step` steps, also as a percentage of that of the first look.

        Samples that give no number, now or at the first look, do not count; both are NaN where none does.
        """
        with eval_mode(network, eval_weights):
            losses = torch.cat(list(self._look(model, step)))
        if self.first is None:
            self.first = losses
        first = self.first.to(losses.device)  # a state's is on the CPU
        known = losses.isfinite() & first.isfinite()
        if not known.any():
            return Probed(step, math.nan, math.nan, self._label)
        percent = 100 * losses[known].sum().item() / max(first[known].sum().item(), 1e-12)
        return Probed(step, losses[known].mean().item(), percent, self._label)

    def _look(self, model: Trainable, step: int) -> Iterator[torch.Tensor]:
        """Yield the losses of each batch, (samples,); NaN for those that the VAE cannot encode."""
        objective = Objective(LossSettings(), NoiseSettings(), model.schedule)
        sigmas, ts = objective.spread(sum(len(batch.samples) for batch in self._batches))
        done = 0
        for number, (batch, usable) in enumerate(
            zip(self._batches, self._encodings.left_out.usable(self._batches), strict=True)
        ):
            places = [i for i, sample in enumerate(batch.samples) if sample in usable.samples]
            losses = torch.full((len(batch.samples),), math.nan, device=model.device)
            if places:
                mine = torch.tensor([done + i for i in places])
                when = f"after step {step}" if step else "before training"
                with self._encodings.telling(f"The loss {when} cannot be measured", [usable]):
                    losses[places] = self._losses(objective, usable, model, sigmas[mine], ts[mine], number)
            done += len(batch.samples)
            yield losses

    def _losses(
        self,
        objective: Objective,
        batch: PlannedBatch,
        model: Trainable,
        sigmas: torch.Tensor,
        ts: torch.Tensor,
        number: int,
    ) -> torch.Tensor:
        # No key: the latents' means. A draw from the posterior would follow the training's seed.
        fetched = self._encodings.fetch(batch) or self._encodings.fetch_again(batch, model)
        ready = to_device(fetched, model)
        noised = objective.mix(ready.latents, sigmas, ts, self._seed, "probe", number)
        return objective.losses(model.predict(noised, ready), noised, ready.mask)
