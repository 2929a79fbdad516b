"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from ..data.plan import Batch, Length
from .events import Event, Saved, Stepped
from .step import Conditioned, Outcome, Stepper

READ_EVERY = 10
"""On a GPU, losses are read back only every so many steps: each read waits for the device."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """A step whose numbers are still on the device."""

    step: int
    epoch: int
    lr: float
    seconds: float
    waited: float
    outcome: Outcome
    pictures: tuple[int, ...]

    def read(self) -> Stepped:
        """Wait for the device."""
        losses = self.outcome.losses.tolist()
        lrs, d_lr = self.outcome.lrs, self.outcome.d_lr
        return Stepped(
            self.step,
            self.epoch,
            sum(losses) / len(losses),
            lrs[0] if lrs else self.lr,
            self.outcome.grad_norm.item(),
            self.seconds,
            self.waited,
            self.pictures,
            tuple(round(t, 2) for t in self.outcome.t.tolist()),
            tuple(losses),
            lrs if len(set(lrs)) > 1 else (),
            None if d_lr is None else float(d_lr),
        )


@dataclass
class Progress:
    """How far the run is; a checkpoint needs no more."""

    step: int = 0  # finished optimizer steps
    epoch: int = 0  # finished epochs
    pending: list[_Pending] = field(default_factory=list)

    def read(self) -> Iterator[Stepped]:
        """Read back what the device has computed since the last time."""
        for pending in self.pending:
            yield pending.read()
        self.pending.clear()


def loop(
    length: Length,
    accumulation: int,
    epoch_batches: Callable[[int], list[Batch]],
    prepare_epoch: Callable[[list[Batch]], Iterator[Event]],
    feed: Callable[[list[tuple[int, list[Batch]]]], Iterator[tuple[list[Conditioned], float]]],
    stepper: Stepper,
    lr_at: Callable[[int], float],
    watch: Callable[[int], Iterator[Event]],
    save_due: Callable[[str, int], bool],
    save: Callable[[Progress, str], Saved],
    check: Callable[[], None],
    progress: Progress,
) -> Iterator[Event]:
    """Train `length.steps` optimizer steps.

    `prepare_epoch` encodes what the epoch needs, `feed` puts each step's batches on the device and tells how long that
    was waited for, `watch` looks at the network after so many steps (first 0), `save_due` says whether an "epoch" or a "step" of
    that number is to be saved, `check` raises if the user wants to
    stop. `progress` is kept up to date, so that whoever catches an exception knows what is finished.
    """
    yield from watch(0)
    for epoch in range(length.epochs):
        batches = epoch_batches(epoch)
        yield from prepare_epoch(batches)
        steps = [batches[i : i + accumulation] for i in range(0, len(batches), accumulation)]
        steps = list(enumerate(steps, progress.step))[: length.steps - progress.step]
        start = time.perf_counter()
        with closing(feed(steps)) as fed:
            for (_, used), (conditioned, waited) in zip(steps, fed, strict=True):
                check()
                lr = lr_at(progress.step)
                outcome = stepper(progress.step, lr, conditioned)
                progress.step += 1
                now = time.perf_counter()
                pictures = tuple(sample.view.picture for batch in used for sample in batch.samples)
                progress.pending.append(_Pending(progress.step, epoch + 1, lr, now - start, waited, outcome, pictures))
                finished = progress.step == length.steps
                if outcome.losses.device.type == "cpu" or len(progress.pending) >= READ_EVERY or finished:
                    yield from progress.read()
                yield from watch(progress.step)
                if save_due("step", progress.step):
                    yield save(progress, "step")
                start = time.perf_counter()
        yield from progress.read()
        progress.epoch = epoch + 1
        if progress.step < length.steps and save_due("epoch", progress.epoch):
            yield save(progress, "epoch")
    yield save(progress, "last")
