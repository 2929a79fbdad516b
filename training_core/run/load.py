"""Load a run's models onto their device with what is trained attached, in the memory plan that fits."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from ..errors import AthanorError, ForeignFault
from ..history.events import Phase
from ..host import devices, foreign, swap
from ..host.model import Trainable, trainable
from ..network import lycoris
from ..resume import compute_plan
from ..resume.compute_plan import ComputePlan
from ..settings import Job
from .memory_advice import memory_advice, optimizer_memory_advice
from .memory_plan import OutOfRoom, agree, next_swap
from .prepare import Prepared
from .ranks import Ranks
from .step_plan import UPDATE, StepPlan, plan_steps
from .train_target import TrainTarget, attached
from .trial import LargestBatchTrial, is_tried

LOADING_ADVICE = "connect a plain loader's MODEL (Load Checkpoint, Load Diffusion Model), or update ComfyUI"
ADDING_ADVICE = "choose another algo or other layers in Network Config"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModels:
    """What a run computes with, on its device."""

    model: Trainable
    target: TrainTarget
    plan: ComputePlan
    largest: LargestBatchTrial | None  # None: no step was tried
    warnings: tuple[str, ...]  # about what was chosen


class Loading:
    """Loads a run's models for one session, and tells what it does meanwhile."""

    def __init__(self, job: Job, run: Prepared, clip: Any, vae: Any, ranks: Ranks) -> None:
        """Load nothing until `into` is read."""
        self._of, self._ranks = (job, run, clip, vae), ranks
        self._models: LoadedModels | None = None

    @property
    def models(self) -> LoadedModels:
        """What was loaded, once `into` has ended."""
        assert self._models is not None, "read `into` to its end before"
        return self._models

    def into(self, stack: ExitStack) -> Iterator[Phase]:
        """Load as `_loaded` does; `stack` undoes everything when it is closed."""
        self._models = yield from _loaded(stack, *self._of, self._ranks)


def _loaded(
    outer: ExitStack, job: Job, run: Prepared, clip: Any, vae: Any, ranks: Ranks
) -> Generator[Phase, None, LoadedModels]:
    """Load the models, attach the network and decide how steps are computed; `outer` undoes everything.

    With gradient_checkpointing auto, blocks are swapped to main memory, a quarter of all at a time, until a step fits.

    Raises:
        AthanorError: the model does not fit, whatever is done.
    """
    of_state = compute_plan.from_json(run.start.state.plan) if run.start.state else None
    before = of_state if of_state and of_state.fits(job, devices.name_of(run.model.load_device)) else None
    asked = job.training.blocks_to_swap
    swapped = before.swapped if before else asked
    auto = job.training.gradient_checkpointing == "auto"
    blocks = len(swap.transformer_blocks(run.model.model.diffusion_model)) if auto and _can_swap(job) else 0
    last_resort, phase = False, ""
    while True:
        with ExitStack() as stack:
            attempt = None
            try:
                attempt = yield from _attempt(
                    stack, job, run, clip, vae, before=before, swapped=swapped, last_resort=last_resort
                )
            except AthanorError as error:  # quantised layers cannot be swapped
                if swapped == asked or isinstance(error, ForeignFault):
                    raise
                swapped, last_resort = asked, True
                continue
            except OutOfRoom as error:
                phase = str(error)
            if attempt is not None:
                models = _agreed(job, *attempt, swapped=swapped, of_state=of_state, ranks=ranks)
                stack.enter_context(models.model.checkpointed(models.plan.memory.checkpointing, job.network.draws))
                outer.enter_context(stack.pop_all())
                return models
        devices.free_memory()
        if last_resort:
            advice = optimizer_memory_advice(job) if phase == UPDATE else memory_advice(job)
            raise AthanorError(f"Out of memory {phase}. {advice}")
        more = next_swap(swapped, blocks)
        swapped, last_resort = more or swapped, more is None


def _attempt(
    stack: ExitStack,
    job: Job,
    run: Prepared,
    clip: Any,
    vae: Any,
    *,
    before: ComputePlan | None,
    swapped: int,
    last_resort: bool,
) -> Generator[Phase, None, tuple[Trainable, TrainTarget, StepPlan]]:
    """Load and attach with `swapped` blocks in main memory, and plan the steps.

    Nothing of an attempt that fails may stay in a variable: beside the whole weights of a fine-tune, the next attempt would
    find no room.

    Raises:
        OutOfRoom: names the phase in which memory ran out.
        AthanorError: as `plan_steps`.
    """
    phase = "while the model is loaded"
    try:
        yield Phase("loading the model")
        with foreign.telling(lambda: "The model cannot be loaded for training", LOADING_ADVICE):
            model = stack.enter_context(_trainable(job, run, clip, swapped))
        yield Phase("adding what is trained")
        with foreign.telling(lambda: f"The network ({job.network.algo}) cannot be added to the model", ADDING_ADVICE):
            target = stack.enter_context(attached(job, run.model, run.family, clip, vae, model))
        phase = "in a step"
        if is_tried(model.device):
            yield Phase("trying the largest batch")
        extra = swapped - job.training.blocks_to_swap
        plan = plan_steps(job, run, model, target, before=before, extra_swapped=extra, last_resort=last_resort)
    except OutOfRoom as error:
        raise OutOfRoom(str(error) or phase) from None
    except Exception as error:
        if not devices.is_out_of_memory(error):
            raise
        raise OutOfRoom(phase) from None
    return model, target, plan


def _agreed(
    job: Job,
    model: Trainable,
    target: TrainTarget,
    chosen: StepPlan,
    *,
    swapped: int,
    of_state: ComputePlan | None,
    ranks: Ranks,
) -> LoadedModels:
    """Make all processes of the run compute alike, and warn where bytes will differ from those before the run was stopped."""
    memory, deterministic = chosen.memory, chosen.deterministic
    if chosen.largest and ranks.count > 1:
        memory, deterministic = agree(memory, deterministic, chosen.largest.count, ranks)
    plan = ComputePlan(
        settings=compute_plan.plan_settings(job),
        device=devices.name_of(model.device),
        memory=memory,
        swapped=swapped,
        deterministic=deterministic,
    )
    changed = compute_plan.difference(of_state, plan)
    warnings = (*chosen.warnings, *([changed] if changed else []))
    return LoadedModels(model=model, target=target, plan=plan, largest=chosen.largest, warnings=warnings)


def _can_swap(job: Job) -> bool:
    """Return whether the network works while its layers' weights are in main memory: not where it needs the whole weight."""
    return lycoris.needs_no_weights(job.network)


def _trainable(job: Job, run: Prepared, clip: Any, swapped: int) -> AbstractContextManager[Trainable]:
    """Return the context in which the graph's model is loaded for training."""
    training = job.training
    return trainable(
        run.model,
        training.arithmetic,
        "off",
        guidance=job.conditioning.guidance_scale,
        clip=clip if job.network.text else None,
        blocks_to_swap=swapped,
        torch_compile=training.torch_compile,
        whole=job.network.algo == "finetune",
    )
