"""Decide before a run how its steps are computed, so that the first update and the largest batch fit and are fast."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from ..host import devices
from ..host.model import Trainable
from ..optim.rehearsal import rehearse
from ..resume.compute_plan import ComputePlan, MemoryPlan
from ..settings import Job
from .deterministic import DeterministicMode
from .memory_plan import MAX_SLOWDOWN, MemoryChoice, OutOfRoom, Trial, explanation, search, slowdown, split_sizes
from .prepare import Prepared
from .step import Stepper
from .train_target import TrainTarget
from .trial import LargestBatch, LargestBatchTrial, is_tried

log = logging.getLogger("athanor")

UPDATE = "while the optimizer updates the weights"
"""The phase in which memory has run out, in words."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How steps are computed."""

    memory: MemoryPlan
    deterministic: bool
    largest: LargestBatchTrial | None  # None: on this kind of device no step is tried
    warnings: tuple[str, ...] = ()  # about what was chosen


def plan_steps(
    job: Job,
    run: Prepared,
    model: Trainable,
    target: TrainTarget,
    *,
    before: ComputePlan | None,
    extra_swapped: int,
    last_resort: bool,
) -> StepPlan:
    """Choose memory plan and algorithms: as the settings say, or as they were before the run was stopped, or with auto what fits
    and is fast. No weight and no random generator changes.

    Args:
        before: the plan of the stopped run; None for a new one.
        extra_swapped: blocks that are in main memory though blocks_to_swap did not ask for them.
        last_resort: if no plan fits, take the one that needs least.

    Raises:
        OutOfRoom: no plan fits.
        AthanorError: deterministic is on, and an operation has no deterministic form.
    """
    training = job.training
    deterministic = before.deterministic if before else training.deterministic != "off"
    mode = DeterministicMode(training.deterministic, deterministic, model.device)
    auto = training.gradient_checkpointing == "auto"
    fixed = before.memory if before else None if auto else MemoryPlan(training.gradient_checkpointing)
    if not is_tried(model.device):
        return StepPlan(fixed or MemoryPlan("off"), mode.on, None)
    reserve = _bytes_after_first_update(job, run, target, mode)
    largest = LargestBatch(job, run, model, _rehearsal_stepper(job, run, model, target, mode))
    room = devices.available_memory(model.device)

    def choose() -> tuple[MemoryPlan, MemoryChoice | None]:
        if fixed:
            trial = largest.trial(fixed)
            if trial and not (auto and trial.peak + reserve > room):
                return fixed, MemoryChoice(fixed, trial, None)
            if not auto:  # the settings are obeyed: when memory runs out, OomSplitter splits the steps
                return fixed, None
        try:
            choice = search(largest.count, room, reserve, largest.trial)
        except OutOfRoom:
            if not last_resort:
                raise
            return MemoryPlan("all", 1), None
        return choice.plan, choice

    plan, choice = choose()
    undecided = mode.on and training.deterministic == "auto" and not before
    if undecided and _gives_up_determinism(largest, mode, plan, choice) and auto and plan != MemoryPlan("off"):
        plan, choice = choose()  # without deterministic algorithms a plan that needs more may fit
    warnings = [warned.text for warned in mode.warnings()]
    if choice and auto and plan != fixed:
        text = explanation(choice, largest.size, room=room, reserve=reserve, swapped=extra_swapped)
        log.info("Athanor: gradient_checkpointing auto: %s", text or "off, the largest batch fits")
        warnings = [text, *warnings] if text else warnings
    seen = LargestBatchTrial(largest.count, largest.size, reserve, choice and choice.trial)
    return StepPlan(plan, mode.on, seen, tuple(warnings))


def _bytes_after_first_update(job: Job, run: Prepared, target: TrainTarget, mode: DeterministicMode) -> int:
    """Return the bytes that come on top of a step's once training has begun: optimizer state and running mean.

    Raises:
        OutOfRoom: there is no room for the optimizer's first step.
    """
    full = False
    try:
        state = mode(lambda: rehearse(run.optimizer.build(target.groups)))
    except Exception as error:
        full = devices.is_out_of_memory(error)
        if not full:
            raise
    if full:  # outside of the handler: the error holds the tensors that the step had made
        raise OutOfRoom(UPDATE)
    means = sum(p.numel() for group in target.groups for p in group["params"]) if job.optimizer.ema_decay else 0
    return state + 4 * means  # means are float32


def _rehearsal_stepper(
    job: Job, run: Prepared, model: Trainable, target: TrainTarget, mode: DeterministicMode
) -> Stepper:
    """Return a stepper for trials; its plain SGD keeps no state."""
    return Stepper(
        predict=model.predict,
        objective=run.objective,
        network=target.module,
        optimizer=torch.optim.SGD([p for group in target.groups for p in group["params"]], lr=0.0),
        max_grad_norm=0.0,
        seed=job.training.seed,
        scaler=torch.amp.GradScaler(model.device.type, enabled=False),
        around=target.around_pass,
        deterministic=mode,
    )


def _gives_up_determinism(
    largest: LargestBatch, mode: DeterministicMode, plan: MemoryPlan, choice: MemoryChoice | None
) -> bool:
    """Measure whether deterministic algorithms slow a step down by more than MAX_SLOWDOWN; if so, switch them off."""
    fitting: MemoryPlan | None = plan
    if choice is None:  # the whole batch does not fit, but a part of it shows as much
        parts = (MemoryPlan(plan.checkpointing, size) for size in split_sizes(largest.count))
        fitting = next((part for part in parts if largest.trial(part)), None)
    if fitting is None:
        return False

    def attempt(deterministic: bool) -> Trial | None:
        if deterministic:
            return largest.trial(fitting)
        with mode.suspended():
            return largest.trial(fitting)

    price = slowdown(attempt)
    if price is None or not mode.on:
        return False
    log.info("Athanor: deterministic auto: a step takes %.1f %% longer with deterministic algorithms", 100 * price)
    if price > MAX_SLOWDOWN:
        mode.give_up(f"deterministic algorithms would make a step {price:.0%} slower here")
    return price > MAX_SLOWDOWN
