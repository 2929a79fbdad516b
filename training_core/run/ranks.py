"""The processes that train one run: which batches are whose, and what they tell each other.

The loop and the step are the same with one process and with many; what differs is behind `Ranks`. Weights never travel:
every process makes the same update from the same sum of gradients.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Any, NamedTuple, Protocol, TypeVar

import torch

from ..data.plan import shard
from ..errors import AthanorError

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""The others wait while the first process draws and saves. A process that dies is noticed at once: its connections close."""

GRACE = 10.0
"""Seconds a process that was told to end still waits for the others."""

BUCKET = 32_000_000
"""Gradients that travel together, in numbers of 4 bytes."""

UNDER_WAY = 4
"""Buckets that travel at the same time: each is a copy of its gradients, 128 MB or more."""


class Lost(AthanorError):
    """Another process of the run has ended."""


class Ranks(Protocol):
    """One process among those of a run."""

    count: int
    is_main: bool  # it alone looks, draws, writes and logs

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Those of `items` that this process works on, each with its place among all."""

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Give every parameter the sum of its gradients over all processes, and tell each other numbers of all samples.

        Args:
            numbers: what to tell, of each kind a tensor (B,) for each micro-batch of this process.
            sizes: samples in each micro-batch of the step, of all processes.

        Returns:
            every kind of number for all samples of the step, in order: (sum(sizes),) each.
        """

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag, as soon as one process has set it."""

    def wait(self) -> None:
        """Until all processes are here."""

    def wait_for_main(self, seconds: float) -> None:
        """Until the first process has ended, but no longer than `seconds`."""


class SingleProcess:
    """One process."""

    count, is_main = 1, True

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """All of them."""
        return list(enumerate(items))

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Its own are all there are."""
        return [torch.cat(list(own)) for own in numbers]

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """As they are."""
        return flags

    def wait(self) -> None:
        """Nobody to wait for."""

    def wait_for_main(self, seconds: float) -> None:
        """It is the first."""


class _Bucket(NamedTuple):
    """Gradients that travel together."""

    gradients: list[torch.Tensor]
    together: torch.Tensor  # a copy of them, (numbers,) float32; their sum once it has arrived
    work: Any


def _buckets(gradients: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Gradients in order, so many together that there are at least BUCKET numbers."""
    bucket, numbers = list[torch.Tensor](), 0
    for gradient in gradients:
        bucket.append(gradient)
        numbers += gradient.numel()
        if numbers >= BUCKET:
            yield bucket
            bucket, numbers = [], 0
    if bucket:
        yield bucket


class Distributed:
    """One of several processes, joined by torch.distributed.

    Every exchange waits on the CPU, with an eye on the interrupt: a GPU that waits for a dead process cannot be stopped.
    """

    def __init__(self, rank: int, count: int, device: torch.device, interrupted: Callable[[], bool]) -> None:
        self.count, self.is_main = count, rank == 0
        self._rank, self._device, self._interrupted = rank, device, interrupted

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Every count-th, from the process' own number on."""
        return shard(list(enumerate(items)), self._rank, self.count)

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Sums in float32. A parameter that no process has used (module dropout) stays without a gradient.

        Everything is under way before the first of it is waited for. Of the numbers each process fills in its own; the sum is
        the whole.
        """
        used = self._maximum([p.grad is not None for p in parameters])
        trained = [p for p, some in zip(parameters, used, strict=True) if some]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        whole = self._own(numbers, sizes)
        told, travelling = self._start(whole, "SUM"), deque[_Bucket]()
        for gradients in _buckets([p.grad for p in trained]):
            if len(travelling) == UNDER_WAY:
                self._arrived(travelling.popleft())
            together = torch.cat([g.reshape(-1).float() for g in gradients])
            travelling.append(_Bucket(gradients, together, self._start(together, "SUM")))
        for bucket in travelling:
            self._arrived(bucket)
        self._wait(told)
        return list(whole)

    def _own(self, numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]) -> torch.Tensor:
        """(kinds, sum(sizes)): this process' numbers at their places, 0 elsewhere."""
        ends = list(accumulate(sizes))
        whole = torch.zeros(len(numbers), ends[-1], device=self._device)
        for row, own in zip(whole, numbers, strict=True):
            for (place, size), value in zip(self.shard(sizes), own, strict=True):
                row[ends[place] - size : ends[place]] = value
        return whole

    def _arrived(self, bucket: _Bucket) -> None:
        """Wait for a bucket, and give its gradients their sums."""
        self._wait(bucket.work)
        parts = bucket.together.split([g.numel() for g in bucket.gradients])
        for gradient, part in zip(bucket.gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """The same answer in all processes."""
        return tuple(self._maximum(flags))

    def wait(self) -> None:
        """Until all are here.

        Raises:
            Lost: one will not come any more.
        """
        self._maximum([False])

    def wait_for_main(self, seconds: float) -> None:
        """The first process sends nothing, but its connections close when it ends. No exchange among all: it may be in one."""
        from torch import distributed

        if not self.is_main:
            with contextlib.suppress(RuntimeError):
                self._finish(distributed.irecv(torch.zeros(1), src=0, tag=1), seconds)

    def _maximum(self, flags: Sequence[bool]) -> list[bool]:
        told = torch.tensor([int(flag) for flag in flags], dtype=torch.int32)
        self._wait(self._start(told, "MAX"))
        return [bool(flag) for flag in told.tolist()]

    def _start(self, tensor: torch.Tensor, how: str) -> Any:
        """Begin to replace a tensor by its sum or maximum over all processes."""
        from torch import distributed

        with self._lost():
            return distributed.all_reduce(tensor, getattr(distributed.ReduceOp, how), async_op=True)

    def _wait(self, work: Any) -> None:
        """Until an exchange is done."""
        with self._lost():
            self._finish(work)

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
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


_current: Ranks = SingleProcess()


def current() -> Ranks:
    """What this process is."""
    return _current


def join(device: torch.device, interrupted: Callable[[], bool]) -> Ranks:
    """Meet the other processes that a launcher (accelerate, torchrun) has started, if there are any.

    Args:
        device: that this process trains on.
        interrupted: whether the user wants it to end.
    """
    global _current
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from torch import distributed

        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" and distributed.is_nccl_available() else "gloo"
        distributed.init_process_group(backend, timeout=PATIENCE)
        _current = Distributed(distributed.get_rank(), distributed.get_world_size(), device, interrupted)
    return _current
