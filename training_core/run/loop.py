"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing

from ..data.plan import Batch, Length
from ..history.events import Event
from ..resume.progress import Pending, Progress
from .step import Conditioned, Stepper


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
                    Pending(progress.step, epoch + 1, lr, now - start, waited, outcome, pictures, memory())
                )
                yield from after_step(progress)
                start = time.perf_counter()
        progress.epoch = epoch + 1
        yield from after_epoch(progress)
