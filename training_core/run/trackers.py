"""Log a run's numbers to TensorBoard or Weights & Biases, through accelerate (setting log_with)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import packages
from ..errors import AthanorError
from ..history.events import Event, Probed, Stepped, ended_together
from ..settings import Job

PIP = {"tensorboard": "accelerate tensorboard", "wandb": "accelerate wandb"}


class Tracker:
    """Logs events under sd-scripts' names (loss/current, loss/average, lr/unet ...)."""

    def __init__(self, tracker: Any) -> None:
        self._tracker = tracker
        self._total, self._count = 0.0, 0

    def logged(self, events: Iterable[Event]) -> Iterator[Event]:
        """Log the numbers of events and pass the events on."""
        with ended_together(events):
            for event in events:
                if self._tracker is not None:
                    self._log(event)
                yield event

    def _log(self, event: Event) -> None:
        if isinstance(event, Stepped):
            if math.isfinite(event.loss):
                self._total, self._count = self._total + event.loss, self._count + 1
            values = {
                "loss/current": event.loss,
                "loss/average": self._total / self._count if self._count else math.nan,
                "norm/grad_norm": event.grad_norm,
                "seconds": event.seconds,
            }
            values |= {f"lr/group{i}": lr for i, lr in enumerate(event.lrs)} or {"lr/unet": event.lr}
            if event.d_lr is not None:
                values["lr/d*lr/unet"] = event.d_lr
            self._numbers(values, event.step)
        elif isinstance(event, Probed):
            self._numbers({"loss/probe": event.loss, "loss/probe_percent": event.percent}, event.step)

    def _numbers(self, values: dict[str, float], step: int) -> None:
        """Log what is a number: a step that was skipped has no gradient, or no loss, which is a gap in the chart."""
        self._tracker.log({name: value for name, value in values.items() if math.isfinite(value)}, step=step)


@contextmanager
def tracking(job: Job, folder: Path) -> Iterator[Tracker]:
    """Start the tracker that `log_with` names; it is finished afterwards.

    Args:
        folder: of the run; TensorBoard's files go to its `logs`.

    Raises:
        AthanorError: its package is missing.
    """
    kind = job.training.log_with
    if kind == "none":
        yield Tracker(None)
        return
    try:
        from accelerate.tracking import TensorBoardTracker, WandBTracker

        if kind == "tensorboard":
            tracker = TensorBoardTracker("logs", folder)
        else:
            tracker = WandBTracker(
                "athanor", name=job.training.output_name, id=job.run_id, resume="allow", dir=str(folder)
            )
        tracker.start()
    except ImportError as error:
        how = packages.pip(*PIP[kind].split())
        raise AthanorError(
            f"log_with {kind} needs packages that are missing ({error}): '{how}', or choose none."
        ) from None
    try:
        yield Tracker(tracker)
    finally:
        tracker.finish()
