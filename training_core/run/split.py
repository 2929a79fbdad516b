"""Out of memory in the middle of a step: the step again, with fewer pictures at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch

from ..errors import AthanorError
from ..objective import Noised
from .events import Warned

T = TypeVar("T")


def parts(batch: Any, noised: Noised, most: int | None) -> Iterator[tuple[Any, Noised]]:
    """A micro-batch in pieces of at most `most` samples, each with its own noise and timestep.

    They were drawn for the whole: what a sample gets does not depend on the pieces.
    """
    count = len(batch.latents)
    if most is None or count <= most:
        yield batch, noised
        return
    for start in range(0, count, most):
        piece = slice(start, start + most)
        yield batch.part(piece), Noised(noised.x[piece], noised.sigma[piece], noised.t[piece], noised.target[piece])


class Split:
    """Remembers how many samples fit."""

    def __init__(self, free: Callable[[], object] = gc.collect, advice: str = "") -> None:
        """`free`: gives memory back; `advice`: settings that would need less, in words."""
        self._free, self._advice = free, advice
        self._most: int | None = None
        self._told: int | None = None

    def __call__(self, batches: Sequence[Any], attempt: Callable[[int | None], T]) -> T:
        """What `attempt(most samples at a time)` returns, tried anew with half of them until it has room.

        Raises:
            AthanorError: one sample is too much.
        """
        while True:
            try:
                return attempt(self._most)
            except torch.OutOfMemoryError:
                pass
            # Not before here: the error holds the frames of the attempt, and they its tensors.
            gc.collect()
            self._free()
            largest = min(max((len(batch.latents) for batch in batches), default=1), self._most or 2**31)
            if largest == 1 or any(batch.part is None for batch in batches):
                raise AthanorError(f"Out of memory with one picture at a time. {self._advice}".rstrip())
            self._most = (largest + 1) // 2

    def plan(self, most: int | None) -> None:
        """At most so many samples at a time from the start, as the user knows."""
        self._most = self._told = most

    def warnings(self) -> Iterator[Warned]:
        """That batches are split, once."""
        if self._most is None or (self._told is not None and self._most >= self._told):
            return
        self._told = 1
        yield Warned(
            f"Out of memory: batches are computed {self._most} at a time from here on. What is learnt stays the same, steps take "
            f"longer. {self._advice}".rstrip()
        )
