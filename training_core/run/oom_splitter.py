"""Out of memory in the middle of a step: repeat the step with fewer samples at a time."""

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


def pieces(batch: Any, noised: Noised, max_samples: int | None) -> Iterator[tuple[Any, Noised]]:
    """Split a micro-batch into pieces of at most `max_samples` samples, each with its own noise and timestep.

    Noise and timesteps were drawn for the whole, so what a sample gets does not depend on the pieces.
    """
    count = len(batch.latents)
    if max_samples is None or count <= max_samples:
        yield batch, noised
        return
    for start in range(0, count, max_samples):
        piece = slice(start, start + max_samples)
        yield batch.part(piece), Noised(noised.x[piece], noised.sigma[piece], noised.t[piece], noised.target[piece])


class OomSplitter:
    """Remembers how many samples fit, and halves them when memory runs out."""

    def __init__(
        self,
        *,
        free: Callable[[], object] = gc.collect,
        advice: str = "",
        update_advice: str = "",
        is_full: Callable[[BaseException], bool] = lambda error: isinstance(error, torch.OutOfMemoryError),
        max_samples: int | None = None,
    ) -> None:
        """Start with the plan's number of samples.

        Args:
            free: gives memory back to the device.
            advice: settings with which a step would need less memory, as a sentence.
            update_advice: settings with which the optimizer's update would.
            is_full: whether an exception means that memory has run out.
            max_samples: per forward pass from the start; None: whole batches.
        """
        self._free, self._advice, self._update_advice, self._is_full = free, advice, update_advice, is_full
        self.max_samples = max_samples
        self._announced = max_samples  # what the user knows already

    def __call__(self, batches: Sequence[Any], attempt: Callable[[int | None], T]) -> T:
        """Return what `attempt(max_samples)` returns, repeated with half of them until it fits.

        Raises:
            AthanorError: one sample is too much.
        """
        while True:
            try:
                return attempt(self.max_samples)
            except Exception as error:
                if not self._is_full(error):
                    raise
            # Outside of the handler: the error holds the frames of the attempt, and they its tensors.
            gc.collect()
            self._free()
            largest = min(max((len(batch.latents) for batch in batches), default=1), self.max_samples or 2**31)
            if largest == 1 or any(batch.part is None for batch in batches):
                raise AthanorError(f"Out of memory with one picture at a time. {self._advice}".rstrip())
            self.max_samples = (largest + 1) // 2

    @contextmanager
    def update(self) -> Iterator[None]:
        """Run what changes the weights and cannot be repeated in pieces.

        Raises:
            AthanorError: memory ran out.
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
            "Out of memory while the optimizer updates the weights; the run resumes from its last saved state. "
            f"{self._update_advice}".rstrip()
        )

    def warnings(self) -> Iterator[Warned]:
        """Yield the warning that batches are split, once."""
        if self.max_samples is None or (self._announced is not None and self.max_samples >= self._announced):
            return
        self._announced = 1
        yield Warned(
            f"Out of memory: batches are computed {self.max_samples} at a time from now on. The training result is the "
            "same except for rounding (byte for byte, the files equal those of a run with as little memory), and steps take longer. "
            f"{self._advice}".rstrip()
        )
