"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

from ..data.plan import Batch, Length
from .events import Event, Stepped
from .step import Conditioned, Outcome, Stepper


@dataclass(frozen=True, slots=True)
class _Pending:
    """A step whose numbers are still on the device."""

    step: int
    epoch: int
    lr: float
    seconds: float  # until the device was told everything; it may still be computing
    waited: float  # of these, for the data
    outcome: Outcome
    pictures: tuple[int, ...]
    memory: float = 0.0

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
            round(self.memory, 3),
        )


@dataclass
class Progress:
    """How far the run is; a checkpoint needs no more."""

    step: int = 0  # finished optimizer steps
    epoch: int = 0  # finished epochs
    pending: list[_Pending] = field(default_factory=list)

    def read(self) -> Iterator[Stepped]:
        """Read back what the device has computed since the last time.

        A device works behind, so what a step took is known of all these together: the seconds in which the loop told it what
        to do, and those in which it was waited for here. Beside what it waited for its own data, every step gets the same
        part of them. What was done between steps (drawing, saving, encoding) is not in it, if they were read before.
        """
        start = time.perf_counter()
        told = [pending.read() for pending in self.pending]
        computed = time.perf_counter() - start + sum(pending.seconds - pending.waited for pending in self.pending)
        share = computed / max(1, len(told))
        self.pending.clear()
        for step in told:
            yield replace(step, seconds=share + step.data_wait)


def loop(
    length: Length,
    per_step: int,
    epoch_batches: Callable[[int], list[Batch]],
    prepare_epoch: Callable[[list[Batch]], Iterator[Event]],
    feed: Callable[[list[tuple[int, list[Batch]]]], Iterator[tuple[list[Conditioned], float]]],
    stepper: Stepper,
    lr_at: Callable[[int], float],
    after_step: Callable[[Progress], Iterator[Event]],
    after_epoch: Callable[[Progress], Iterator[Event]],
    check: Callable[[], bool],
    memory: Callable[[], float],
    progress: Progress,
) -> Iterator[Event]:
    """Train from where `progress` stands until `length.steps` optimizer steps are done.

    A step takes `per_step` batches, an epoch's last one what is left. `prepare_epoch` encodes what the epoch needs, `feed` puts
    what this process trains on of each step's batches on the device and tells how long that was waited for, `after_step` and
    `after_epoch` look, draw and save, `check` raises if the user interrupts, and is False if the run is to end here, `memory`
    gives GB. `progress` is kept up to date, so that whoever catches an exception knows what is finished.
    """
    for epoch in range(progress.epoch, length.epochs):
        batches = epoch_batches(epoch)
        yield from prepare_epoch(batches)
        together = [batches[i : i + per_step] for i in range(0, len(batches), per_step)]
        numbered = enumerate(together, epoch * length.steps_per_epoch)
        steps = [(number, some) for number, some in numbered if progress.step <= number < length.steps]
        start = time.perf_counter()
        with closing(feed(steps)) as fed:
            for (_, used), (conditioned, waited) in zip(steps, fed, strict=True):
                if not check():
                    return
                lr = lr_at(progress.step)
                outcome = stepper(progress.step, lr, conditioned, [len(batch.samples) for batch in used])
                progress.step += 1
                now = time.perf_counter()
                pictures = tuple(sample.view.picture for batch in used for sample in batch.samples)
                progress.pending.append(
                    _Pending(progress.step, epoch + 1, lr, now - start, waited, outcome, pictures, memory())
                )
                yield from after_step(progress)
                start = time.perf_counter()
        progress.epoch = epoch + 1
        yield from after_epoch(progress)
