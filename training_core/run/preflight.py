"""A look ahead before long work: time and memory of a step, and room on the disk for the run's files."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..data.plan import Length
from ..history.events import Warned
from ..host import folders, guard
from ..host.model import Trainable, forget_peak, peak
from ..network.files import DTYPES
from ..resume.compute_plan import MemoryPlan
from ..settings import Job, TrainingSettings
from .advice import relief
from .encoded import to_device
from .memory_plan import Trial
from .prepare import Prepared
from .step import Stepper
from .train_target import TrainTarget

log = logging.getLogger("athanor")
TRIED_ON = ("cuda",)
"""Kinds of device on which a step is tried: on a CPU it would take long, and main memory is not what runs out."""

STATE = 8
"""Bytes that an optimizer like AdamW keeps for every parameter from its first step on, and so the run's state on the disk."""


def tried(device: torch.device) -> bool:
    """Whether steps are tried on this device."""
    return device.type in TRIED_ON


class Largest:
    """The largest batch of the first epoch, to be tried."""

    def __init__(self, job: Job, run: Prepared, host_model: Trainable, stepper: Stepper) -> None:
        batch = max(run.plan(job, 0), key=lambda b: b.bucket[0] * b.bucket[1] * len(b.samples))
        fetched = run.encodings.fetch(batch, 0, 0) or run.encodings.fetch_again(batch, host_model, 0, 0)
        self.count = len(batch.samples)
        self.where = f"{self.count} of {batch.bucket[0]}x{batch.bucket[1]}"
        self._batches, self._stepper, self._model = [to_device(fetched, host_model)], stepper, host_model
        self._draws = job.network.draws

    def trial(self, way: MemoryPlan) -> Trial | None:
        """One forward and backward pass; None if there is no room for it."""
        with self._model.checkpointed(way.checkpointing, self._draws):
            return trial(self._stepper, self._batches, self._model.device, way.most)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the largest batch has shown."""

    count: int  # pictures of the batch
    where: str  # in words
    more: int  # bytes that come on top once training has begun
    trial: Trial | None  # None: there was no room for it


def preflight(
    job: Job, run: Prepared, trained: TrainTarget, device: torch.device, looked: Looked | None
) -> Iterator[Warned]:
    """What will not fit, in one sentence each; the time is logged. It changes nothing of the training.

    Args:
        looked: at the largest batch; None: no step was tried.
    """
    numbers = sum(p.numel() for p in trained.module.parameters())
    if job.network.algo == "finetune":  # a whole model is not to be copied for this
        size = numbers * DTYPES[job.training.save_precision].itemsize
    else:
        with torch.random.fork_rng(devices=[]):
            size = sum(t.numel() * t.element_size() for t in trained.tensors().values())
    copies = 1 + bool(job.optimizer.ema_decay) + bool(trained.diffusers)
    yield from disk(run.target.parent, size, copies * files(job.training, run.length))
    # The state: weights and what the optimizer keeps of each; the old one goes once the new one is there.
    yield from disk(folders.run_folder(job.run_id), numbers * (4 + STATE), 2)
    if looked is None:
        return
    if looked.trial is None:
        yield Warned(
            f"A batch of {looked.where} is too much for the GPU and will be computed in pieces, slower. {relief(job)}"
        )
        return
    total = guard.total_memory(device)
    needed = looked.trial.peak + looked.more
    seconds = looked.trial.seconds * job.training.gradient_accumulation_steps
    log.info(
        "Athanor: a step takes %.2f s at most (%s), the run's %d steps about %.1f hours at most; %.1f of %.1f GB are needed",
        seconds, looked.where, run.length.steps, seconds * run.length.steps / 3600, needed / 2**30, total / 2**30,
    )  # fmt: skip
    if needed > total:
        yield Warned(
            f"A batch of {looked.where} needs {needed / 2**30:.1f} GB with the optimizer's state, the GPU has "
            f"{total / 2**30:.1f}. {relief(job)}"
        )


def trial(stepper: Stepper, batches: Sequence[Any], device: torch.device, most: int | None = None) -> Trial | None:
    """A step without its update, after one that warms up; None if there is no room for it."""
    cuda = device.type == "cuda"
    try:
        stepper.rehearse(batches, most)
        if cuda:
            torch.cuda.synchronize(device)
        forget_peak(device)
        start = time.perf_counter()
        stepper.rehearse(batches, most)
        if cuda:
            torch.cuda.synchronize(device)
        return Trial(time.perf_counter() - start, peak(device))
    except Exception as error:
        if not guard.is_out_of_memory(error):
            raise
    guard.free_memory()
    return None


def files(training: TrainingSettings, length: Length) -> int:
    """How many files a run has on the disk at most at one time."""
    every, epochs = training.save_every_n_epochs, length.epochs - 1  # the last epoch's is the run's last file
    by_epoch = epochs // every if every else 0
    if training.save_last_n_epochs:  # the old one goes once the new one is there
        by_epoch = min(by_epoch, training.save_last_n_epochs + 1)
    every, by_step = training.save_every_n_steps, 0
    if every:
        by_step = length.steps // every
        if training.save_last_n_steps:
            by_step = min(by_step, training.save_last_n_steps // every + 2)
    return by_epoch + by_step + 1


def disk(folder: Path, size: int, count: int) -> Iterator[Warned]:
    """Whether `count` files of `size` bytes fit into `folder`, which need not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    if size * count > free:
        yield Warned(
            f"The run will write {count} files of {_gb(size)}, {_gb(size * count)} in all, and {there} has {_gb(free)} free: raise "
            "save_every_n_epochs, or set save_last_n_epochs or save_precision fp16."
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e7 else f"{size / 1e6:.2f} MB"
