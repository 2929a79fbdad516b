"""The models of a run on their device, with what is trained, in the way that fits (gradient_checkpointing auto)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ..errors import AthanorError
from ..host import guard, swap
from ..host.model import Trainable, trainable
from ..network import build
from ..settings import Job
from .advice import relief
from .fit import Found, NoRoom, Trial, Way, more_swapped, pick, sentence
from .preflight import Largest, tried
from .prepare import Prepared
from .step import Stepper
from .trained import Trained, attached

log = logging.getLogger("athanor")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run computes with."""

    model: Trainable
    trained: Trained
    way: Way
    found: Found | None = None  # of a look ahead; None: there was none, or nothing that fits
    said: str = ""  # what was picked, for the user


@contextmanager
def loaded(job: Job, run: Prepared, clip: Any, vae: Any) -> Iterator[Loaded]:
    """Load, attach, and decide how steps are computed; everything is as before afterwards.

    Raises:
        AthanorError: the model does not fit.
    """
    asked = swapped = job.training.blocks_to_swap
    auto = job.training.gradient_checkpointing == "auto"
    blocks = len(swap.transformer_blocks(run.model.model.diffusion_model)) if auto and _can_swap(job) else 0
    last = False
    while True:
        with ExitStack() as stack:
            ready, in_loading = None, True
            try:
                model = stack.enter_context(_model(job, run, clip, swapped))
                trained = stack.enter_context(attached(job, run.model, clip, vae, model))
                in_loading = False
                ready = _decided(job, run, model, trained, swapped - asked, anyway=last)
            except (NoRoom, torch.OutOfMemoryError):
                pass
            except AthanorError:  # of quantised layers, which cannot be swapped
                if swapped == asked:
                    raise
                swapped, last = asked, True
                continue
            if ready is not None:
                stack.enter_context(ready.model.checkpointed(ready.way.checkpointing, job.network.draws))
                yield ready
                return
        guard.free_memory()
        if last:
            raise AthanorError(
                f"Out of memory {'while the model is loaded' if in_loading else 'in a step'}. {relief(job)}"
            )
        more = more_swapped(swapped, blocks)
        swapped, last = more or swapped, more is None


def _can_swap(job: Job) -> bool:
    return not job.network.dora and job.network.algo in build.BYPASS


def _model(job: Job, run: Prepared, clip: Any, swapped: int) -> Any:
    training = job.training
    return trainable(
        run.model,
        training.mixed_precision,
        "off",
        job.conditioning.guidance_scale,
        clip if job.network.text else None,
        swapped,
        training.torch_compile,
        whole=job.network.algo == "finetune",
    )


def _decided(job: Job, run: Prepared, model: Trainable, trained: Trained, swapped: int, anyway: bool) -> Loaded:
    """What the user has asked for, or with auto what fits.

    Args:
        swapped: blocks that are away without having been asked for.
        anyway: if nothing fits, take what needs least.

    Raises:
        NoRoom: nothing fits.
    """
    asked = job.training.gradient_checkpointing
    if asked != "auto" or not tried(model.device):
        return Loaded(model, trained, Way("off" if asked == "auto" else asked))
    # Nothing moves; a plain SGD keeps nothing.
    plain = torch.optim.SGD([p for group in trained.groups for p in group["params"]], lr=0.0)
    scaler = torch.amp.GradScaler(model.device.type, enabled=False)
    stepper = Stepper(
        model.predict, run.objective, trained.module, plain, 0.0, job.training.seed, scaler, around=trained.around
    )
    largest, room = Largest(job, run, trained, model, stepper), guard.room(model.device)

    def attempt(way: Way) -> Trial | None:
        with model.checkpointed(way.checkpointing, job.network.draws):
            return largest.trial(way.most)

    try:
        found = pick(largest.count, room, largest.more, attempt)
    except NoRoom:
        if not anyway:
            raise
        return Loaded(model, trained, Way("all", 1))
    said = sentence(found, largest.where, room, largest.more, swapped)
    log.info("Athanor: gradient_checkpointing auto: %s", said or "off, the largest batch fits")
    return Loaded(model, trained, found.way, found, said)
