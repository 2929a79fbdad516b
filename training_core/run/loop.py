"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import torch

from ..data.plan import Batch, Length
from .events import Event, Saved, Stepped
from .step import Conditioned, Stepper

READ_EVERY = 10
"""On a GPU, losses are read back only every so many steps: each read waits for the device."""


@dataclass
class Progress:
    """How far the run is; a checkpoint needs no more."""

    step: int = 0  # finished optimizer steps
    epoch: int = 0  # finished epochs
    pending: list[tuple[int, int, float, float, float, torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def read(self) -> Iterator[Stepped]:
        """Read back what the device has computed since the last time."""
        for step, epoch, lr, seconds, waited, losses, norm in self.pending:
            yield Stepped(step, epoch, losses.mean().item(), lr, norm.item(), seconds, waited)
        self.pending.clear()


def loop(
    length: Length,
    accumulation: int,
    epoch_batches: Callable[[int], list[Batch]],
    prepare_epoch: Callable[[list[Batch]], Iterator[Event]],
    feed: Callable[[list[tuple[int, list[Batch]]]], Iterator[tuple[list[Conditioned], float]]],
    stepper: Stepper,
    lr_at: Callable[[int], float],
    save_due: Callable[[int], bool],
    save: Callable[[Progress, str], Saved],
    check: Callable[[], None],
    progress: Progress,
) -> Iterator[Event]:
    """Train `length.steps` optimizer steps.

    `prepare_epoch` encodes what the epoch needs, `feed` puts each step's batches on the device and tells how long that
    was waited for, `check` raises if the user wants to stop. `progress` is kept up to date, so that whoever catches an
    exception knows what is finished.
    """
    for epoch in range(length.epochs):
        batches = epoch_batches(epoch)
        yield from prepare_epoch(batches)
        steps = [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
        steps = list(enumerate(steps, progress.step))[: length.steps - progress.step]
        start = time.perf_counter()
        with closing(feed(steps)) as fed:
            for conditioned, waited in fed:
                check()
                lr = lr_at(progress.step)
                losses, norm = stepper(progress.step, lr, conditioned)
                progress.step += 1
                now = time.perf_counter()
                progress.pending.append((progress.step, epoch + 1, lr, now - start, waited, losses, norm))
                start, finished = now, progress.step == length.steps
                if losses.device.type == "cpu" or len(progress.pending) >= READ_EVERY or finished:
                    yield from progress.read()
        yield from progress.read()
        progress.epoch = epoch + 1
        if progress.step < length.steps and save_due(progress.epoch):
            yield save(progress, "epoch")
    yield save(progress, "last")
