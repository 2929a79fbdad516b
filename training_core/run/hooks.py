"""What is done between steps and after epochs: read, look, draw, save."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from ..history.events import Event, Probed
from ..host.model import Trainable
from ..resume.checkpoint_writer import CheckpointWriter, NullCheckpointWriter
from ..resume.progress import Progress
from .control import Control
from .eval_mode import Looking
from .health import Health
from .samples import Samples

READ_EVERY = 10
"""On a GPU, losses are read back only every so many steps: each read waits for the device."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Everything that goes along with a run."""

    steps: int  # of the whole run
    model: Trainable
    trained: torch.nn.Module
    looking: Looking
    health: Health
    probe: Callable[[int], Iterator[Probed]]
    looks: Callable[[int], bool]  # whether the probe looks after that step
    samples: Samples
    due: Callable[[str, int], bool]  # whether "epoch" or "step" of that number is to be saved
    keeper: CheckpointWriter | NullCheckpointWriter
    control: Control

    def begin(self, progress: Progress) -> Iterator[Event]:
        """Before the first step."""
        yield from self.probe(0)
        if self.samples.due("step", 0):
            yield from self._draw(progress, "step")

    def after_step(self, progress: Progress) -> Iterator[Event]:
        """After every step."""
        finished = progress.step == self.steps
        full = self.model.device.type == "cpu" or len(progress.pending) >= READ_EVERY
        if full or finished or self.looks(progress.step):  # a look waits for the steps: their time is not its own
            yield from self._read(progress)
        yield from self.probe(progress.step)
        if self.samples.due("step", progress.step) or self.control.take("sample"):
            yield from self._read(progress)
            yield from self._draw(progress, "step")
        asked = self.control.take("save")
        if asked or self.due("step", progress.step):
            yield from self._save(progress, "asked" if asked else "step")
        elif self.keeper.due:
            yield from self._read(progress)
            if not self.health.bad:
                self.keeper.keep_state(progress)

    def after_epoch(self, progress: Progress) -> Iterator[Event]:
        """After every epoch."""
        yield from self._read(progress)
        if self.samples.due("epoch", progress.epoch):
            yield from self._draw(progress, "epoch")
        if progress.step < self.steps and self.due("epoch", progress.epoch):
            yield from self._save(progress, "epoch")

    def end(self, progress: Progress) -> Iterator[Event]:
        """After the last step, or where the user has stopped the run."""
        yield from self._read(progress)
        yield from self._save(progress, "last" if progress.step == self.steps else "asked")

    def _read(self, progress: Progress) -> Iterator[Event]:
        for step in progress.read():
            yield step
            yield from self.health.watch(step)

    def _draw(self, progress: Progress, kind: str) -> Iterator[Event]:
        yield from self.samples.draw(progress, kind, self.model, self.trained, self.looking)

    def _save(self, progress: Progress, kind: str) -> Iterator[Event]:
        yield from self._read(progress)
        yield from self.keeper.save(progress, kind)
