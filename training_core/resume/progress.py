"""How far a run is, and the steps whose numbers are still on the device."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from ..history.events import Stepped


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one step computed, still on the device: reading a number waits for the device."""

    losses: torch.Tensor  # (N,) of every sample, weighted; N is 0 where all pictures of the step are left out
    t: torch.Tensor  # (N,) timesteps in 0..1000
    grad_norm: torch.Tensor  # () before clipping
    lrs: tuple[float, ...] = ()  # of every parameter group
    d_lr: float | torch.Tensor | None = None  # d * lr, of an optimizer that finds the rate itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A step that was given to the device and not read back yet."""

    step: int  # from 1
    epoch: int  # from 1
    lr: float
    seconds: float  # until the device had all its work; it may still be computing
    waited: float  # of these, for the data
    outcome: Outcome
    pictures: tuple[int, ...]  # numbers of the step's pictures in the dataset
    memory: float = 0.0  # GB in use on the device

    def read(self) -> Stepped:
        """Return the step's numbers; waits for the device."""
        losses = self.outcome.losses.tolist()
        lrs, d_lr = self.outcome.lrs, self.outcome.d_lr
        return Stepped(
            step=self.step,
            epoch=self.epoch,
            loss=sum(losses) / len(losses) if losses else math.nan,
            lr=lrs[0] if lrs else self.lr,
            grad_norm=self.outcome.grad_norm.item(),
            seconds=self.seconds,
            data_wait=self.waited,
            pictures=self.pictures,
            timesteps=tuple(round(t, 2) for t in self.outcome.t.tolist()),
            losses=tuple(losses),
            lrs=lrs if len(set(lrs)) > 1 else (),
            d_lr=None if d_lr is None else float(d_lr),
            memory=round(self.memory, 3),
        )


@dataclass(kw_only=True)
class RunProgress:
    """How far the run is; going on needs to know no more."""

    step: int = 0  # finished optimizer steps
    epoch: int = 0  # finished epochs
    due: bool = False  # whether what follows the last step (a look, pictures, a file) is not done yet
    pending: list[Pending] = field(default_factory=list)
    shown: bool = False  # whether a step of this session was read

    def read(self) -> Iterator[Stepped]:
        """Yield the numbers of all pending steps; where something stops it, the last one and the others are pending still.

        A device works behind the CPU, so the time of a step is only known for all pending ones together: the seconds in which
        the loop gave it work, and those in which reading waited here. Each step gets the same part of them, and its own wait
        for data. What happens between steps (drawing, saving, encoding) is not in it if the steps are read before.
        """
        start = time.perf_counter()
        steps = [pending.read() for pending in self.pending]
        computed = time.perf_counter() - start + sum(pending.seconds - pending.waited for pending in self.pending)
        share = computed / max(1, len(steps))
        for step in steps:
            yield replace(step, seconds=share + step.data_wait)
            self.shown = True
            self.pending.pop(0)  # not before: where its line could not be written, it is tried again at the end
