"""A frozen probe: the same pictures, captions, noise and timesteps, looked at again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch

from ..data.plan import Batch
from ..history.events import Encoded, Probed, Warned
from ..host.model import Trainable
from ..objective import Objective
from ..settings import LossSettings, NoiseSettings, ValidationSettings
from .encoded import Encodings, to_device
from .eval_mode import Looking, evaluated

TIMES = 20
"""How often a run is looked at when validate_every_n_steps is 0."""


class Probe:
    """Plain l2 of the raw prediction with plain noise, whatever the run trains with: runs can be compared.

    Looks with dropout off and without gradients, draws nothing from any generator of the training, and leaves the
    network as it was.
    """

    def __init__(self, encodings: Encodings, batches: list[Batch], settings: ValidationSettings, label: str) -> None:
        self._encodings, self._batches, self._settings, self._label = encodings, batches, settings, label
        self.first: torch.Tensor | None = None  # what later looks are compared with

    def prepare(self) -> Iterator[Encoded | Warned]:
        """Encode what the probe looks at."""
        yield from self._encodings.fill(self._batches, for_good=True)

    def due(self, step: int, steps: int) -> bool:
        """Whether it looks after `step` of a run's `steps`: at step 0, every n steps and at the last."""
        every = self._settings.validate_every_n_steps or max(1, round(steps / TIMES))
        return bool(self._batches) and (step % every == 0 or step == steps)

    def watch(
        self,
        network: torch.nn.Module,
        model: Trainable,
        steps: int,
        looking: Looking = nullcontext,
    ) -> Callable[[int], Iterator[Probed]]:
        """What the loop calls after every step: looks when it is due.

        `looking`: the context in which the network has the weights to look at.
        """

        def look(step: int) -> Iterator[Probed]:
            if self.due(step, steps):
                yield self.look(step, network, model, looking)

        return look

    def look(self, step: int, network: torch.nn.Module, model: Trainable, looking: Looking = nullcontext) -> Probed:
        """Look at the network after `step` steps; the first look is what later ones are compared with."""
        with evaluated(network, looking):
            losses = torch.cat(list(self._look(model)))
        if self.first is None:
            self.first = losses
        percent = 100 * losses.sum().item() / max(self.first.sum().item(), 1e-12)
        return Probed(step, losses.mean().item(), percent, self._label)

    def _look(self, model: Trainable) -> Iterator[torch.Tensor]:
        objective = Objective(LossSettings(), NoiseSettings(), model.schedule)
        sigmas, ts = objective.spread(sum(len(batch.samples) for batch in self._batches))
        done = 0
        for number, batch in enumerate(self._batches):
            # The means: a draw would follow the training's seed.
            fetched = self._encodings.fetch(batch) or self._encodings.fetch_again(batch, model)
            ready = to_device(fetched, model)
            mine = slice(done, done + len(batch.samples))
            noised = objective.mix(
                ready.latents, sigmas[mine], ts[mine], self._settings.validation_seed, "probe", number
            )
            done += len(batch.samples)
            yield objective.losses(model.predict(noised, ready), noised, ready.mask)
