"""What is checked before the first step: room on the disk for the run's files, and whether the largest batch fits."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from ..byte_size import GB, format_bytes
from ..data.plan import Length
from ..history import results
from ..history.events import Warned
from ..host import devices, folders
from ..network.files import DTYPES
from ..settings import Job, TrainingSettings
from .memory_advice import memory_advice
from .prepare import Prepared
from .train_target import TrainTarget
from .trial import LargestBatchTrial

log = logging.getLogger("athanor")

OPTIMIZER_BYTES = 8
"""Bytes that an optimizer like AdamW keeps per parameter from its first step on (two float32), as the run's state does."""


def preflight(
    job: Job, run: Prepared, target: TrainTarget, device: torch.device, largest: LargestBatchTrial | None
) -> Iterator[Warned]:
    """Yield a warning for each thing that will not fit, and log how long the run will take. Nothing of the training changes.

    Args:
        largest: the trial of the largest batch; None where no step was tried.
    """
    yield from disk_warnings(job, run, target)
    if largest is not None:
        yield from _memory_warnings(job, run, device, largest)


def disk_warnings(job: Job, run: Prepared, target: TrainTarget) -> Iterator[Warned]:
    """Yield warnings where the run's LoRA files or its state will not fit on the disk."""
    parameters = sum(p.numel() for p in target.module.parameters())
    finetune = job.network.algo == "finetune"
    if finetune:  # a whole model is not to be copied for this
        size = parameters * DTYPES[job.training.save_precision].itemsize
    else:
        with torch.random.fork_rng(devices=[]):
            size = sum(t.numel() * t.element_size() for t in target.tensors().values())
    copies = 1 + bool(job.optimizer.ema_decay) + (job.training.save_diffusers_copy and not finetune)
    yield from disk_space(run.target.parent, size, copies * file_count(job.training, run.length))
    # The state holds weights (4 bytes) and the optimizer's; for a moment there are two: the old one goes after the new one is whole.
    folder = folders.run_folder(job.run_id)
    best = (1 + bool(job.optimizer.ema_decay)) if job.validation.patience else 0  # copies of the best step's weights
    yield from disk_space(folder, parameters * (4 + OPTIMIZER_BYTES + 4 * best), 2)
    if best:
        yield from _room_for_the_best((best + 1) * sum(p.nbytes for p in target.module.parameters()))
    if not results.can_link(
        run.target.parent, folder
    ):  # the newest file is copied, before the copy of the one before it goes
        yield from disk_space(folder, size, 2 * (1 + bool(job.optimizer.ema_decay)), _SECOND_PLACE)


def _room_for_the_best(size: int) -> Iterator[Warned]:
    """Yield a warning if the weights of the best step, and those of the last one while its file is written, do not fit into memory."""
    free = devices.free_memory_of_computer()
    if size > free:
        yield Warned(
            f"patience keeps the weights of the best step in the computer's memory, {format_bytes(size)} in all, and "
            f"{format_bytes(free)} are free: set patience to 0, and take the epoch where the probe is lowest."
        )


def _memory_warnings(job: Job, run: Prepared, device: torch.device, largest: LargestBatchTrial) -> Iterator[Warned]:
    """Yield a warning if the largest batch is too much for the GPU; log memory and time of a step otherwise."""
    if largest.trial is None:
        yield Warned(
            f"A batch of {largest.size} does not fit on the GPU and will be computed in pieces, which is slower. {memory_advice(job)}"
        )
        return
    total = devices.total_memory(device)
    needed = largest.trial.peak + largest.reserve
    seconds = largest.trial.seconds * job.training.gradient_accumulation_steps
    log.info(
        "Athanor: a step takes %.2f s at most (%s), the run's %d steps about %.1f hours at most; %.1f of %.1f GB are needed",
        seconds, largest.size, run.length.steps, seconds * run.length.steps / 3600, needed / GB, total / GB,
    )  # fmt: skip
    if needed > total:
        yield Warned(
            f"A batch of {largest.size} needs {needed / GB:.1f} GB with the optimizer's state, the GPU has "
            f"{total / GB:.1f}. {memory_advice(job)}"
        )


def file_count(training: TrainingSettings, length: Length) -> int:
    """Return how many LoRA files a run has on the disk at most at one time."""
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


_FEWER = "raise save_every_n_epochs, or set save_last_n_epochs or save_precision fp16"
_SECOND_PLACE = (
    "free some space: the newest file is copied there, since the output and loras folders are on different disks"
)


def disk_space(folder: Path, size: int, count: int, advice: str = _FEWER) -> Iterator[Warned]:
    """Yield a warning if `count` files of `size` bytes do not fit into `folder`, which need not exist yet."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if size * count > free:
        each, whole, left = map(format_bytes, (size, size * count, free))
        yield Warned(
            f"The run will write {count} files of {each}, {whole} in all, and {existing} has {left} free: {advice}."
        )
