"""Trying a step on the run's largest batch before training: its time and memory. Nothing is changed by it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..data.dataset import Dataset
from ..data.plan import PlannedBatch
from ..host import devices
from ..host.model import Trainable
from ..resume.compute_plan import MemoryPlan
from ..settings import Job
from .encoded import to_device
from .memory_plan import Trial
from .prepare import Prepared
from .step import Stepper

TRIED_ON = ("cuda",)
"""Kinds of device on which a step is tried: on a CPU it takes long, and main memory is not what runs out."""


def is_tried(device: torch.device) -> bool:
    """Return whether steps are tried on this kind of device before training."""
    return device.type in TRIED_ON


def largest(batches: Sequence[PlannedBatch], dataset: Dataset) -> PlannedBatch:
    """Return the batch with the most pixels, those of control pictures included, which are about as large as their picture."""

    def pixels(batch: PlannedBatch) -> int:
        shown = sum(1 + len(dataset.pictures[sample.variant.picture].controls) for sample in batch.samples)
        return batch.bucket[0] * batch.bucket[1] * shown

    return max(batches, key=pixels)


class LargestBatch:
    """The batch of the first epoch with the most pixels, on the device, ready to be tried."""

    def __init__(self, job: Job, run: Prepared, host_model: Trainable, stepper: Stepper) -> None:
        batch = largest(run.encodings.left_out.usable(run.plan(job, 0)), run.buckets.dataset)
        fetched = run.encodings.fetch(batch, 0, 0) or run.encodings.fetch_again(batch, host_model, 0, 0)
        self.count = len(batch.samples)
        self.size = f"{self.count} of {batch.bucket[0]}x{batch.bucket[1]}"  # in words
        self._batches, self._stepper, self._model = [to_device(fetched, host_model)], stepper, host_model
        self._draws = job.network.draws
        self._telling = lambda: run.encodings.telling("The largest batch cannot be tried", [batch])

    def trial(self, plan: MemoryPlan) -> Trial | None:
        """Run one forward and backward pass with a memory plan; None if memory ran out."""
        with self._model.checkpointed(plan.checkpointing, self._draws), self._telling():
            return trial(self._stepper, self._batches, self._model.device, plan.max_samples)


@dataclass(frozen=True, slots=True)
class LargestBatchTrial:
    """What trying the largest batch has shown."""

    count: int  # samples in it
    size: str  # in words: "4 of 1024x1024"
    reserve: int  # bytes that come on top once training has begun
    trial: Trial | None  # None: it did not fit


def trial(
    stepper: Stepper, batches: Sequence[Any], device: torch.device, max_samples: int | None = None
) -> Trial | None:
    """Measure a step without its update, after one that warms up; None if memory ran out."""
    cuda = device.type == "cuda"
    try:
        stepper.rehearse(batches, max_samples)
        if cuda:
            torch.cuda.synchronize(device)
        devices.forget_peak_memory(device)
        start = time.perf_counter()
        stepper.rehearse(batches, max_samples)
        if cuda:
            torch.cuda.synchronize(device)
        return Trial(time.perf_counter() - start, devices.peak_memory(device))
    except Exception as error:
        if not devices.is_out_of_memory(error):
            raise
    devices.free_memory()  # outside of the handler: the error holds the frames of the pass, and they its tensors
    return None
