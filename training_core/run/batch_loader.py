"""Load the batches of one step after the other; the next ones are read while the network trains."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing

from ..data.plan import PlannedBatch
from ..data.prefetch import prefetched
from ..host.batch import DeviceBatch
from ..host.model import Trainable
from .encoded import Encodings, Fetched, to_device
from .ranks import Ranks, SingleProcess

Draw = Callable[[Sequence[int], int, int], None]
"""(shape of the latents (B, C, h, w), step, micro-batch): draws the random numbers that the batch will need."""

Step = tuple[int, Sequence[PlannedBatch]]
"""Step number and its micro-batches."""


class BatchLoader:
    """Reads batches from the caches in a thread; on CUDA into pinned memory, from which copies run beside the computation."""

    def __init__(
        self, encodings: Encodings, model: Trainable, ranks: Ranks | None = None, draw: Draw = lambda *_: None
    ) -> None:
        """`ranks`: the processes among which batches are shared out; None: this one alone. `draw`: called in the thread for each
        batch that was read.
        """
        self._encodings, self._model, self._ranks, self._draw = encodings, model, ranks or SingleProcess(), draw

    def __call__(self, steps: Sequence[Step]) -> Generator[tuple[list[DeviceBatch], float]]:
        """Yield for every step this process' micro-batches on the device, and the seconds that were waited for them."""
        with closing(prefetched(steps, self._fetch)) as ready:
            for (step, batches), (fetched, waited) in zip(steps, ready, strict=True):
                own = zip(self._ranks.shard(batches), fetched, strict=True)
                whole = [
                    part or self._encodings.fetch_again(batch, self._model, step, micro) for (micro, batch), part in own
                ]
                with self._encodings.telling(f"Step {step + 1} fails", batches):
                    ready_parts = [to_device(part, self._model) for part in whole]
                yield ready_parts, waited

    def _fetch(self, step: Step) -> list[Fetched | None]:
        number, own = step[0], self._ranks.shard(step[1])
        fetched = [self._encodings.fetch(batch, number, micro) for micro, batch in own]
        for (micro, _), part in zip(own, fetched, strict=True):
            if part is not None:  # a video VAE's have a time axis, (B, C, 1, h, w), which the objective does not see
                self._draw((*part.latents.shape[:2], *part.latents.shape[-2:]), number, micro)
        if self._model.device.type == "cuda":
            return [part and part.pinned() for part in fetched]
        return fetched
