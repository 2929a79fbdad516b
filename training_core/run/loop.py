"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
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
    pending: list[tuple[int, int, float, float, torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def read(self) -> Iterator[Stepped]:
        """Read back what the device has computed since the last time."""
        for step, epoch, lr, seconds, losses, norm in self.pending:
            yield Stepped(step, epoch, losses.mean().item(), lr, norm.item(), seconds)
        self.pending.clear()


def loop(
    length: Length,
    accumulation: int,
    epoch_batches: Callable[[int], list[Batch]],
    prepare_epoch: Callable[[list[Batch]], Iterator[Event]],
    collate: Callable[[Batch], Conditioned],
    stepper: Stepper,
    lr_at: Callable[[int], float],
    save_due: Callable[[int], bool],
    save: Callable[[Progress, str], Saved],
    check: Callable[[], None],
    progress: Progress,
) -> Iterator[Event]:
    """Train `length.steps` optimizer steps.

    `prepare_epoch` encodes what the epoch needs, `collate` puts a batch on the device, `check` raises if the user
    wants to stop. `progress` is kept up to date, so that whoever catches an exception knows what is finished.
    """
    for epoch in range(length.epochs):
        batches = epoch_batches(epoch)
        yield from prepare_epoch(batches)
        for begin in range(0, len(batches), accumulation):
            check()
            start = time.perf_counter()
            lr = lr_at(progress.step)
            losses, norm = stepper(
                progress.step, lr, [collate(batch) for batch in batches[begin : begin + accumulation]]
            )
            progress.step += 1
            progress.pending.append((progress.step, epoch + 1, lr, time.perf_counter() - start, losses, norm))
            finished = progress.step == length.steps
            if losses.device.type == "cpu" or len(progress.pending) >= READ_EVERY or finished:
                yield from progress.read()
            if finished:
                break
        yield from progress.read()
        progress.epoch = epoch + 1
        if progress.step < length.steps and save_due(progress.epoch):
            yield save(progress, "epoch")
    yield save(progress, "last")
