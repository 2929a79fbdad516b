"""Data parallelism: which batches each process trains on, and the exchange of gradients and flags between processes.

The loop and the step are the same with one process and with many; what differs is behind `Ranks`. Weights are never sent:
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

from ..data.shares import shard
from ..errors import AthanorError

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""How long the others wait while rank 0 draws and saves. A process that dies is noticed at once: its connections close."""

GRACE = 10.0
"""Seconds for which an interrupted process still waits for the others."""

BUCKET = 32_000_000
"""Size of an all-reduce bucket: gradients that are sent together, counted in numbers of 4 bytes."""

UNDER_WAY = 4
"""Buckets that are sent at the same time: each holds a copy of its gradients, 128 MB or more."""


ENDED, ASKED = "athanor: rank 0 has ended", "athanor: asked to stop"
"""Keys in the processes' store."""


class Lost(AthanorError):
    """Another process of the run has ended, so that no exchange is possible any more."""


class Ranks(Protocol):
    """This process as one of those that train a run."""

    count: int
    is_main: bool  # rank 0: it alone runs the probe, draws, writes and logs

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Return the items that this process works on, each with its index among all."""
        ...

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Replace every gradient by its sum over all processes, and gather numbers (losses, timesteps) of all samples.

        Args:
            numbers: of each kind a tensor (B,) for each micro-batch of this process.
            sizes: samples in each micro-batch of the step, of all processes.

        Returns:
            each kind of number for all samples of the step, in order: (sum(sizes),) each.
        """
        ...

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether any process has set it."""
        ...

    def asked(self, flag: bool) -> bool:
        """Return whether any process has said so by now, with no wait for the others, which are elsewhere in their work."""
        ...

    def wait(self) -> None:
        """Block until all processes have called this (a barrier)."""

    def wait_for_main(self, seconds: float) -> None:
        """Say on rank 0 that it has ended; on others block until then, at most `seconds`: the launcher kills all once one is gone."""


class SingleProcess:
    """A run of one process: nothing is exchanged."""

    count, is_main = 1, True

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Return all items, each with its index."""
        return list(enumerate(items))

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Return this process' numbers joined: they are all there are."""
        return [torch.cat(list(own)) for own in numbers]

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return this process' own flags."""
        return flags

    def asked(self, flag: bool) -> bool:
        """Return this process' own flag."""
        return flag

    def wait(self) -> None:
        """Return at once: there is no other process."""

    def wait_for_main(self, seconds: float) -> None:
        """Return at once: this process is rank 0."""


class _Bucket(NamedTuple):
    """Gradients that are sent together."""

    gradients: list[torch.Tensor]
    joined: torch.Tensor  # a copy of them, (numbers,) float32; their sum once the exchange is done
    work: Any


def _buckets(gradients: Iterable[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Group gradients in order into buckets of at least BUCKET numbers."""
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
    """One of several processes that torch.distributed connects.

    Every exchange is waited for on the CPU, which also watches for an interrupt: a GPU that waits for a dead process cannot be
    stopped.
    """

    def __init__(self, rank: int, count: int, device: torch.device, interrupted: Callable[[], bool]) -> None:
        self.count, self.is_main = count, rank == 0
        self._rank, self._device, self._interrupted = rank, device, interrupted

    def shard(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """Return every count-th item, starting at this process' rank."""
        return shard(list(enumerate(items)), self._rank, self.count)

    def exchange(
        self, parameters: Sequence[torch.nn.Parameter], numbers: Sequence[Sequence[torch.Tensor]], sizes: Sequence[int]
    ) -> list[torch.Tensor]:
        """Sum in float32. A parameter that no process has used (module dropout) stays without a gradient.

        Everything is sent before the first result is waited for. Each process fills in its own numbers and zeros elsewhere,
        so that their sum is the whole.
        """
        used = self._maximum([p.grad is not None for p in parameters])
        trained = [p for p, some in zip(parameters, used, strict=True) if some]
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        whole = self._own(numbers, sizes)
        gathering, travelling = self._start(whole, "SUM"), deque[_Bucket]()
        for gradients in _buckets(p.grad for p in trained if p.grad is not None):
            if len(travelling) == UNDER_WAY:
                self._arrived(travelling.popleft())
            joined = torch.cat([g.reshape(-1).float() for g in gradients])
            travelling.append(_Bucket(gradients, joined, self._start(joined, "SUM")))
        for bucket in travelling:
            self._arrived(bucket)
        self._wait(gathering)
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
        """Wait for a bucket's sums and copy them into its gradients."""
        self._wait(bucket.work)
        parts = bucket.joined.split([g.numel() for g in bucket.gradients])
        for gradient, part in zip(bucket.gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Return the same answer in all processes: the maximum of each flag."""
        return tuple(self._maximum(flags))

    def asked(self, flag: bool) -> bool:
        """Return whether a process has left the word in the store that all of them share; with `flag` this one leaves it."""
        from torch import distributed

        store = distributed.distributed_c10d._get_default_store()
        with self._lost():
            if flag:
                store.set(ASKED, "")
            return store.check([ASKED])

    def wait(self) -> None:
        """Block until all processes are here.

        Raises:
            Lost: one of them has ended.
        """
        self._maximum([False])

    def wait_for_main(self, seconds: float) -> None:
        """Wait until rank 0 says in the store that all processes share that it has ended, or until nobody answers there.

        No exchange is used, since rank 0 may be inside one; and one that waits for a message is never told that nobody sends it.
        """
        from torch import distributed

        store = distributed.distributed_c10d._get_default_store()
        end = time.monotonic() + seconds
        with contextlib.suppress(RuntimeError):
            if self.is_main:
                store.set(ENDED, "")
            while not store.check([ENDED]) and time.monotonic() < end:
                time.sleep(0.1)

    def _maximum(self, flags: Sequence[bool]) -> list[bool]:
        highest = torch.tensor([int(flag) for flag in flags], dtype=torch.int32)
        self._wait(self._start(highest, "MAX"))
        return [bool(flag) for flag in highest.tolist()]

    def _start(self, tensor: torch.Tensor, how: str) -> Any:
        """Start to replace a tensor by its sum or maximum over all processes; returns the handle to wait for."""
        from torch import distributed

        with self._lost():
            return distributed.all_reduce(tensor, getattr(distributed.ReduceOp, how), async_op=True)

    def _wait(self, work: Any) -> None:
        """Block until an exchange is done."""
        with self._lost():
            self._finish(work)

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what torch raises when a connection closes, or PATIENCE is over
            raise Lost(
                f"Another of the run's {self.count} processes has ended (its own messages say why): start the run again, it resumes "
                "from the last step."
            ) from error

    def _finish(self, work: Any) -> None:
        """Wait for an exchange, but at most GRACE seconds once this process is interrupted."""
        end = None
        while not work.is_completed():
            if end is None and self._interrupted():
                end = time.monotonic() + GRACE
            if end is not None and time.monotonic() > end:
                raise RuntimeError("the other processes do not answer")
            time.sleep(0.0003)
        work.wait()


_current: Ranks = SingleProcess()


def current() -> Ranks:
    """Return this process' place among those of the run."""
    return _current


def join(device: torch.device, interrupted: Callable[[], bool]) -> Ranks:
    """Connect to the other processes that a launcher (accelerate, torchrun) has started, if there are any.

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
