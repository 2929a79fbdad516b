"""The processes that train one run: which batches are whose, and what they tell each other.

The loop and the step are the same with one process and with many; what differs is behind `Ranks`. Weights never travel:
every process makes the same update from the same sum of gradients.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any, Protocol, TypeVar

import torch

from ..data.plan import share
from ..errors import AthanorError

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""The others wait while the first process draws and saves. A process that dies is noticed at once: its connections close."""

GRACE = 10.0
"""Seconds a process that was told to end still waits for the others."""

BUCKET = 32_000_000
"""Gradients that travel together, in numbers of 4 bytes."""


class Lost(AthanorError):
    """Another process of the run has ended."""


class Ranks(Protocol):
    """One process among those of a run."""

    count: int
    leads: bool  # it alone looks, draws, writes and logs

    def share(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Those of `items` that this process works on, each with its place among all."""

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Give every parameter the sum of its gradients over all processes."""

    def gather(self, values: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
        """Join numbers of all samples of a step, in order: (sum(sizes),).

        Args:
            values: of each micro-batch of this process, (B,).
            sizes: of all micro-batches of the step.
        """

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, as soon as one process has set it."""

    def wait(self) -> None:
        """Until all processes are here."""

    def linger(self, seconds: float) -> None:
        """Until the first process has ended, but no longer than `seconds`."""


class Alone:
    """One process."""

    count, leads = 1, True

    def share(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """All of them."""
        return list(enumerate(items))

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """They are the sum."""

    def gather(self, values: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
        """One after the other."""
        return torch.cat(list(values))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """As they are."""
        return flags

    def wait(self) -> None:
        """Nobody to wait for."""

    def linger(self, seconds: float) -> None:
        """It is the first."""


class Together:
    """One of several processes, joined by torch.distributed.

    Every exchange waits on the CPU, with an eye on the interrupt: a GPU that waits for a dead process cannot be stopped.
    """

    def __init__(self, rank: int, count: int, device: torch.device, interrupted: Callable[[], bool]) -> None:
        self.count, self.leads = count, rank == 0
        self._rank, self._device, self._interrupted = rank, device, interrupted

    def share(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Every count-th, from the process' own number on."""
        return share(list(enumerate(items)), self._rank, self.count)

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Sum in float32. A parameter that no process has used (module dropout) stays without a gradient."""
        used = self._maximum([p.grad is not None for p in parameters])
        trained = [p for p, some in zip(parameters, used, strict=True) if some]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        bucket: list[torch.Tensor] = []
        for parameter in trained:
            bucket.append(parameter.grad)
            if sum(g.numel() for g in bucket) >= BUCKET:
                self._sum(bucket)
                bucket = []
        if bucket:
            self._sum(bucket)

    def _sum(self, tensors: list[torch.Tensor]) -> None:
        together = torch.cat([t.reshape(-1).float() for t in tensors])
        self._reduce(together, "SUM")
        for tensor, part in zip(tensors, together.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, values: Sequence[torch.Tensor], sizes: Sequence[int]) -> torch.Tensor:
        """Each process fills in its own; the sum is the whole."""
        ends = list(accumulate(sizes))
        whole = torch.zeros(ends[-1], device=self._device)
        for (number, size), value in zip(self.share(sizes), values, strict=True):
            whole[ends[number] - size : ends[number]] = value
        self._reduce(whole, "SUM")
        return whole

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """The same answer in all processes."""
        return tuple(self._maximum(flags))

    def wait(self) -> None:
        """Until all are here.

        Raises:
            Lost: one will not come any more.
        """
        self._maximum([False])

    def linger(self, seconds: float) -> None:
        """The first process sends nothing, but its connections close when it ends. No exchange among all: it may be in one."""
        from torch import distributed

        if not self.leads:
            with contextlib.suppress(RuntimeError):
                self._finish(distributed.irecv(torch.zeros(1), src=0, tag=1), seconds)

    def _maximum(self, flags: Sequence[bool]) -> list[bool]:
        told = torch.tensor([int(flag) for flag in flags], dtype=torch.int32)
        self._reduce(told, "MAX")
        return [bool(flag) for flag in told.tolist()]

    def _reduce(self, tensor: torch.Tensor, how: str) -> None:
        from torch import distributed

        try:
            work = distributed.all_reduce(tensor, getattr(distributed.ReduceOp, how), async_op=True)
            self._finish(work)
        except RuntimeError as error:  # what torch raises when a connection closes, or PATIENCE is over
            raise Lost(
                f"Another of the run's {self.count} processes has ended (its own messages say why): start it again, it goes on "
                "from the last step."
            ) from error

    def _finish(self, work: Any, seconds: float | None = None) -> None:
        """Wait for an exchange; not much longer once this process has been told to end."""
        end = None if seconds is None else time.monotonic() + seconds
        while not work.is_completed():
            if end is None and self._interrupted():
                end = time.monotonic() + GRACE
            if end is not None and time.monotonic() > end:
                raise RuntimeError("the other processes do not answer")
            time.sleep(0.0003)
        work.wait()


_here: Ranks = Alone()


def here() -> Ranks:
    """What this process is."""
    return _here


def join(device: torch.device, interrupted: Callable[[], bool]) -> Ranks:
    """Meet the other processes that a launcher (accelerate, torchrun) has started, if there are any.

    Args:
        device: that this process trains on.
        interrupted: whether the user wants it to end.
    """
    global _here
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from torch import distributed

        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" and distributed.is_nccl_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        _here = Together(distributed.get_rank(), distributed.get_world_size(), device, interrupted)
    return _here
