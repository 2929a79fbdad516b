"""Out of memory in the middle of a step: the step again, with fewer pictures at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from ..errors import AthanorError
from ..history.events import Warned
from ..objective import Noised

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


class OomSplitter:
    """Remembers how many samples fit."""

    def __init__(
        self,
        free: Callable[[], object] = gc.collect,
        advice: str = "",
        lighter: str = "",
        is_full: Callable[[BaseException], bool] = lambda error: isinstance(error, torch.OutOfMemoryError),
    ) -> None:
        """`free`: gives memory back; `advice`: settings that would need less, in words; `lighter`: those with which an
        optimizer would; `is_full`: whether an error means that memory has run out.
        """
        self._free, self._advice, self._lighter, self._is_full = free, advice, lighter, is_full
        self.most: int | None = None
        """Samples at a time; None: all of a batch."""
        self._told: int | None = None

    def __call__(self, batches: Sequence[Any], attempt: Callable[[int | None], T]) -> T:
        """What `attempt(most samples at a time)` returns, tried anew with half of them until it has room.

        Raises:
            AthanorError: one sample is too much.
        """
        while True:
            try:
                return attempt(self.most)
            except Exception as error:
                if not self._is_full(error):
                    raise
            # Not before here: the error holds the frames of the attempt, and they its tensors.
            gc.collect()
            self._free()
            largest = min(max((len(batch.latents) for batch in batches), default=1), self.most or 2**31)
            if largest == 1 or any(batch.part is None for batch in batches):
                raise AthanorError(f"Out of memory with one picture at a time. {self._advice}".rstrip())
            self.most = (largest + 1) // 2

    @contextmanager
    def update(self) -> Iterator[None]:
        """What changes the weights and cannot be done again in pieces.

        Raises:
            AthanorError: it had no room.
        """
        try:
            yield
            return
        except Exception as error:
            if not self._is_full(error):
                raise
        gc.collect()
        self._free()
        raise AthanorError(
            f"Out of memory while the optimizer updates the weights; the run goes on from its last state. {self._lighter}".rstrip()
        )

    def plan(self, most: int | None) -> None:
        """At most so many samples at a time from the start, as the user knows."""
        self.most = self._told = most

    def warnings(self) -> Iterator[Warned]:
        """That batches are split, once."""
        if self.most is None or (self._told is not None and self.most >= self._told):
            return
        self._told = 1
        yield Warned(
            f"Out of memory: batches are computed {self.most} at a time from here on. What is learnt stays the same but for "
            f"rounding (to the byte, the files are those of a run with as little room), steps take longer. {self._advice}".rstrip()
        )
