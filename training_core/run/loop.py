"""The training loop: a generator of events. It knows no screen and no server."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Protocol

from .. import advice
from ..data.plan import Length, PlannedBatch, steps_left
from ..errors import AthanorError
from ..history.events import Event
from ..resume.progress import Outcome, Pending, RunProgress
from .step import Conditioned

Step = tuple[int, list[PlannedBatch]]
"""Number of the step (from 0) and its batches, of all processes."""


class Hooks(Protocol):
    """What happens around the steps; `hooks.RunHooks` does it for a real run."""

    def before_epoch(self, batches: list[PlannedBatch]) -> Generator[Event, None, bool | None]:
        """Encode what the batches need that the run still makes in an epoch; return whether it was asked to stop meanwhile."""
        ...

    def go_on(self) -> bool:
        """Return whether to make another step; raises if the user interrupts."""
        ...

    def after_step(self, progress: RunProgress) -> Iterator[Event]:
        """Read losses, look, draw and save where it is due."""
        ...

    def after_epoch(self, progress: RunProgress) -> Iterator[Event]:
        """Draw and save where it is due after a whole epoch; max_train_steps may cut the last one."""
        ...

    def memory(self) -> float:
        """Return the device memory in use in GB."""
        ...


def loop(
    *,
    length: Length,
    batches_per_step: int,
    epoch_plan: Callable[[int], list[PlannedBatch]],
    usable: Callable[[list[PlannedBatch]], list[PlannedBatch]],
    load: Callable[[list[Step]], Generator[tuple[Sequence[Conditioned], float]]],
    stepper: Callable[[int, float, Sequence[Conditioned], Sequence[int]], Outcome],
    learning_rate: Callable[[int], float],
    hooks: Hooks,
    progress: RunProgress,
    telling: Callable[[str, list[PlannedBatch]], AbstractContextManager[object]] = lambda *_: nullcontext(),
) -> Iterator[Event]:
    """Train from where `progress` stands until `length.steps` optimizer steps are made.

    Args:
        batches_per_step: the last step of an epoch takes what is left.
        epoch_plan: epoch from 0 -> its batches, of all processes.
        usable: the batches of an epoch, once they are encoded -> the same without the samples that cannot be trained on.
        load: steps -> for each, this process' batches on the device and the seconds that were waited for them.
        stepper: makes one step (`step.Stepper`).
        learning_rate: step from 0 -> learning rate.
        progress: counts what is finished, also for whoever catches an exception.
        telling: what is done ("Step 3 fails") and with which batches -> the context that says so where it fails.

    Raises:
        AthanorError: the run stands where none of its length can, or ends without having made all steps. Nothing that is not
            asked to stop may end as if it were done.
    """
    if progress.due:
        yield from hooks.after_step(progress)
        progress.due = False
    for epoch in range(progress.epoch, length.epochs):
        first, batches = steps_left(epoch_plan(epoch), length, epoch, progress.step, batches_per_step)
        _check(progress, first)
        if (yield from hooks.before_epoch(batches)):
            return
        batches = usable(batches)
        parts = (batches[i : i + batches_per_step] for i in range(0, len(batches), batches_per_step))
        steps = [(number, [batch for batch in part if batch.samples]) for number, part in enumerate(parts, first)]
        start = time.perf_counter()
        with closing(load(steps)) as loaded:
            for (_, planned), (conditioned, waited) in zip(steps, loaded, strict=True):
                if not hooks.go_on():
                    return
                lr = learning_rate(progress.step)
                with telling(f"Step {progress.step + 1} fails", planned):
                    outcome = stepper(progress.step, lr, conditioned, [len(batch.samples) for batch in planned])
                progress.step, progress.due = progress.step + 1, True
                pending = Pending(
                    step=progress.step,
                    epoch=epoch + 1,
                    lr=lr,
                    seconds=time.perf_counter() - start,
                    waited=waited,
                    outcome=outcome,
                    pictures=tuple(sample.variant.picture for batch in planned for sample in batch.samples),
                    memory=hooks.memory(),
                )
                progress.pending.append(pending)
                yield from hooks.after_step(progress)
                progress.due = False
                start = time.perf_counter()
        if progress.step == (epoch + 1) * length.steps_per_epoch:
            progress.epoch = epoch + 1
            try:
                yield from hooks.after_epoch(progress)
            except BaseException:
                progress.epoch = epoch  # what is due at its end is not done: the run goes on with that
                raise
    _check(progress, length.steps)


def _check(progress: RunProgress, step: int) -> None:
    if progress.step != step:
        raise AthanorError(
            f"The run stands at step {progress.step} where it should be at step {step}: its saved state does not fit its length. "
            f"{advice.switch_on('retrain').capitalize()} to start over."
        )
