"""How far a run is, and the steps whose numbers are still on the device."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch

from ..history.events import Stepped


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one step computed, still on the device: reading it waits for the device."""

    losses: torch.Tensor  # (N,) of every sample, weighted
    t: torch.Tensor  # (N,) timesteps in 0..1000
    grad_norm: torch.Tensor  # before clipping
    lrs: tuple[float, ...] = ()  # of every parameter group
    d_lr: float | torch.Tensor | None = None  # d * lr, of an optimizer that finds the rate itself


@dataclass(frozen=True, slots=True)
class Pending:
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
            step=self.step,
            epoch=self.epoch,
            loss=sum(losses) / len(losses),
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


@dataclass
class Progress:
    """How far the run is; a checkpoint needs no more."""

    step: int = 0  # finished optimizer steps
    epoch: int = 0  # finished epochs
    pending: list[Pending] = field(default_factory=list)

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
