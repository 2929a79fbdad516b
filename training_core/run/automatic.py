"""The models of a run on their device, with what is trained, in the way that fits (gradient_checkpointing auto)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import AthanorError
from ..host import guard, swap
from ..host.model import Trainable, trainable
from ..network import lycoris
from ..resume import compute_plan
from ..resume.compute_plan import ComputePlan
from ..settings import Job
from .advice import lighter, relief
from .lookahead import UPDATE, Picked, picked
from .memory_plan import NoRoom, agreed, more_swapped
from .preflight import Looked
from .prepare import Prepared
from .ranks import Ranks
from .train_target import TrainTarget, attached


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a run computes with."""

    model: Trainable
    trained: TrainTarget
    plan: ComputePlan
    looked: Looked | None  # at the largest batch; None: no step was tried
    said: tuple[str, ...]  # what was picked, for the user


@contextmanager
def loaded(job: Job, run: Prepared, clip: Any, vae: Any, ranks: Ranks) -> Iterator[Loaded]:
    """Load, attach, and decide how steps are computed: as before the run was stopped, or as fits. Everything is as before
    afterwards.

    Raises:
        AthanorError: the model does not fit.
    """
    kept = compute_plan.read(run.start.state.plan) if run.start.state else None
    again = kept if kept and kept.suits(job, guard.device_name(run.model.load_device)) else None
    asked = job.training.blocks_to_swap
    swapped = again.swapped if again else asked
    auto = job.training.gradient_checkpointing == "auto"
    blocks = len(swap.transformer_blocks(run.model.model.diffusion_model)) if auto and _can_swap(job) else 0
    last, where = False, ""
    while True:
        with ExitStack() as stack:
            found = None
            try:
                found = _attempt(stack, job, run, clip, vae, again, swapped, last)
            except AthanorError:  # of quantised layers, which cannot be swapped
                if swapped == asked:
                    raise
                swapped, last = asked, True
                continue
            except NoRoom as error:
                where = str(error)
            if found is not None:
                ready = _ready(job, *found, swapped, kept, ranks)
                stack.enter_context(ready.model.checkpointed(ready.plan.way.checkpointing, job.network.draws))
                yield ready
                return
        guard.free_memory()
        if last:
            raise AthanorError(f"Out of memory {where}. {lighter(job) if where == UPDATE else relief(job)}")
        more = more_swapped(swapped, blocks)
        swapped, last = more or swapped, more is None


def _attempt(
    stack: ExitStack, job: Job, run: Prepared, clip: Any, vae: Any, again: ComputePlan | None, swapped: int, last: bool
) -> tuple[Trainable, TrainTarget, Picked]:
    """Load and attach with so many blocks swapped. Nothing of an attempt that fails stays in variables: beside the network of a
    fine-tune, whole weights, the next one would find no room.

    Raises:
        NoRoom: where memory has run out, in words.
        AthanorError: as `picked`.
    """
    where = "while the model is loaded"
    try:
        model = stack.enter_context(_model(job, run, clip, swapped))
        trained = stack.enter_context(attached(job, run.model, clip, vae, model))
        where = "in a step"
        found = picked(job, run, model, trained, again, swapped - job.training.blocks_to_swap, anyway=last)
    except NoRoom as error:
        raise NoRoom(str(error) or where) from None
    except Exception as error:
        if not guard.is_out_of_memory(error):
            raise
        raise NoRoom(where) from None
    return model, trained, found


def _ready(
    job: Job,
    model: Trainable,
    trained: TrainTarget,
    found: Picked,
    swapped: int,
    kept: ComputePlan | None,
    ranks: Ranks,
) -> Loaded:
    """All processes of a run compute in the same way; what is another one than before is said."""
    way, deterministic = found.way, found.deterministic
    if found.looked and ranks.count > 1:
        way, deterministic = agreed(way, deterministic, found.looked.count, ranks)
    plan = ComputePlan(compute_plan.asked(job), guard.device_name(model.device), way, swapped, deterministic)
    other = compute_plan.changed(kept, plan)
    return Loaded(model, trained, plan, found.looked, (*found.said, *([other] if other else [])))


def _can_swap(job: Job) -> bool:
    return lycoris.needs_no_weights(job.network)


def _model(job: Job, run: Prepared, clip: Any, swapped: int) -> Any:
    training = job.training
    return trainable(
        run.model,
        training.arithmetic,
        "off",
        job.conditioning.guidance_scale,
        clip if job.network.text else None,
        swapped,
        training.torch_compile,
        whole=job.network.algo == "finetune",
    )
