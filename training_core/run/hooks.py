"""What happens around the steps of a run: encode, read losses, look, draw, save, stop."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch

from ..data.plan import PlannedBatch
from ..history.events import Event, Phase, Probed
from ..host import devices, guard
from ..host.model import Trainable
from ..optim.averaging import WeightsContext
from ..resume.checkpoint_writer import CheckpointWriter, NullCheckpointWriter
from ..resume.progress import RunProgress
from .control import Control
from .encoding import Encoding
from .health import Health
from .patience import Patience
from .probe import Probe
from .ranks import Ranks
from .samples import Samples

READ_EVERY = 10
"""On a GPU, losses are read back only every so many steps, after the first one: each read waits for the device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHooks:
    """The hooks of a real run; see `loop.Hooks`."""

    steps: int  # of the whole run
    epochs: int  # of the whole run; max_train_steps may cut the last one
    model: Trainable
    module: torch.nn.Module  # what is trained
    eval_weights: WeightsContext
    health: Health
    encoding: Encoding  # what the batches of an epoch need
    warnings: Callable[[], Iterator[Event]]  # that have come up since the last step
    probe: Probe
    samples: Samples
    save_due: Callable[[str, int], bool]  # whether "epoch" or "step" n is to be saved
    writer: CheckpointWriter | NullCheckpointWriter
    control: Control
    ranks: Ranks
    patience: Patience = field(default_factory=Patience)

    def start(self, progress: RunProgress) -> Iterator[Event]:
        """Look and draw before the first step.

        Raises:
            Diverged: the model gives nothing but NaN.
        """
        for event in self._probe(0):
            yield event
            if isinstance(event, Probed):
                self.health.first_look(event.loss)
        if self.samples.due("step", 0):
            yield from self._draw(progress, "step")

    def before_epoch(self, batches: list[PlannedBatch]) -> Generator[Event, None, bool]:
        """Encode what the epoch needs; where something was, the encoders may have pushed the model out: load it again.

        Returns:
            whether the run was asked to stop meanwhile.
        """
        encoded = False
        for event in self.encoding.epoch(batches):
            encoded = True
            yield event
        if encoded:
            self.model.load()
        return self.encoding.stopped

    def go_on(self) -> bool:
        """Return whether no process of the run was asked to stop, and the run has not ended by itself.

        Raises:
            BaseException: the host's own, if one of the processes was interrupted.
        """
        stop = self.control.take("stop")
        interrupted, stop, self.patience.over = self.ranks.any(guard.interrupted(), stop, self.patience.over)
        if interrupted:
            guard.interrupt()
            guard.stop_if_interrupted()
        return not stop and not self.patience.over

    def after_step(self, progress: RunProgress) -> Iterator[Event]:
        """Read losses every READ_EVERY steps, then look, draw and save where it is due or was asked for."""
        finished = progress.step == self.steps
        full = self.model.device.type == "cpu" or len(progress.pending) >= READ_EVERY or not progress.shown
        # Read before the probe, which waits for the device as well: the time of these steps would be lost in it.
        if full or finished or self.probe.due(progress.step, self.steps):
            yield from self._read(progress)
        yield from self._probe(progress.step)
        if self.samples.due("step", progress.step) or self.control.take("sample"):
            yield from self._read(progress)
            yield from self._draw(progress, "step")
        progress.due = False  # but for the file, whose state is not to say that there is more to do
        asked = self.control.take("save")
        if asked or self.save_due("step", progress.step):
            yield from self._save(progress, "asked" if asked else "step")
        elif self.writer.due:
            yield from self._read(progress)
            if not self.health.bad:
                self.writer.write_state(progress)

    def after_epoch(self, progress: RunProgress) -> Iterator[Event]:
        """Draw and save where it is due after a whole epoch; the last one is saved by `end`."""
        yield from self._read(progress)
        if self.samples.due("epoch", progress.epoch):
            yield from self._draw(progress, "epoch")
        if progress.step < self.steps and self.save_due("epoch", progress.epoch):
            yield from self._save(progress, "epoch")

    def end(self, progress: RunProgress) -> Iterator[Event]:
        """Save after the last step, or where the user has stopped the run; before the first step there is nothing to save.

        What is due after the last epoch is drawn where that is cut short as well, but under its step's name: a longer run
        will have the whole epoch.

        Raises:
            Diverged: no step has given a number, so that there is nothing to save.
        """
        yield from self._read(progress)
        yield from self.health.end()
        whole, best = progress.step == self.steps, self.patience.best
        if whole and progress.epoch < self.epochs and self.samples.due("epoch", self.epochs):
            yield from self._draw(progress, "step")
        finished = whole or self.patience.over
        if finished and best and best.step != progress.step:
            yield from self.writer.save_best(progress, self.patience.best_weights)
        elif progress.step:
            yield from self._save(progress, "last" if finished else "asked")

    def memory(self) -> float:
        """Return the GB that torch has held on the GPU at most; without a GPU, the process' own."""
        return devices.peak_gigabytes(self.model.device)

    def _probe(self, step: int) -> Iterator[Event]:
        yield from self.warnings()
        if self.probe.due(step, self.steps):
            if not step:
                yield Phase("compiling the model" if self.model.compiled else "measuring the loss before training")
            look = self.probe.look(step, self.module, self.model, self.eval_weights)
            self.patience.see(look, self.eval_weights)
            self.control.measured(step)
            yield look

    def _read(self, progress: RunProgress) -> Iterator[Event]:
        for step in progress.read():
            yield step
            yield from self.health.watch(step)

    def _draw(self, progress: RunProgress, kind: str) -> Iterator[Event]:
        stop = partial(self.control.asked, "stop")
        yield from self.samples.draw(progress, kind, self.model, self.module, self.eval_weights, stop)

    def _save(self, progress: RunProgress, kind: str) -> Iterator[Event]:
        yield from self._read(progress)
        yield from self.writer.save(progress, kind)
