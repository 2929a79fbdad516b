"""A look at a run's first update and largest batch before it begins: how steps are computed, so that they fit and are fast."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from ..host import guard
from ..host.model import Trainable
from ..optim.rehearsal import rehearse
from ..resume.compute_plan import ComputePlan, MemoryPlan
from ..settings import Job
from .exact import Exact
from .memory_plan import DEARER, Found, NoRoom, dearer, pick, pieces, sentence
from .preflight import Largest, Looked, tried
from .prepare import Prepared
from .step import Stepper
from .train_target import TrainTarget

log = logging.getLogger("athanor")

UPDATE = "while the optimizer updates the weights"


@dataclass(frozen=True, slots=True)
class Picked:
    """How steps are computed."""

    way: MemoryPlan
    deterministic: bool
    looked: Looked | None  # None: on this device no step is tried
    said: tuple[str, ...] = ()  # what was picked, for the user


def picked(
    job: Job,
    run: Prepared,
    model: Trainable,
    trained: TrainTarget,
    again: ComputePlan | None,
    swapped: int,
    anyway: bool,
) -> Picked:
    """What the user has asked for, or what the run had before it was stopped, or with auto what fits and is fast.

    Nothing moves: no weight, no generator.

    Args:
        again: what the run had.
        swapped: blocks that are away without having been asked for.
        anyway: if nothing fits, take what needs least.

    Raises:
        NoRoom: nothing fits.
        AthanorError: deterministic is on, and an operation has no deterministic form.
    """
    training = job.training
    exact = Exact(
        training.deterministic, again.deterministic if again else training.deterministic != "off", model.device
    )
    auto = training.gradient_checkpointing == "auto"
    fixed = again.way if again else None if auto else MemoryPlan(training.gradient_checkpointing)
    if not tried(model.device):
        return Picked(fixed or MemoryPlan("off"), exact.on, None)
    more = _first_update(job, run, trained, exact)
    largest, room = Largest(job, run, model, _stepper(job, run, model, trained, exact)), guard.room(model.device)

    def look() -> tuple[MemoryPlan, Found | None]:
        if fixed:
            seen = largest.trial(fixed)
            if seen and not (auto and seen.peak + more > room):
                return fixed, Found(fixed, seen, None)
            if not auto:  # as it was asked for: out of memory, steps are split
                return fixed, None
        try:
            found = pick(largest.count, room, more, largest.trial)
        except NoRoom:
            if not anyway:
                raise
            return MemoryPlan("all", 1), None
        return found.way, found

    way, found = look()
    undecided = exact.on and training.deterministic == "auto" and not again
    if undecided and _too_dear(largest, exact, way, found) and auto and way != MemoryPlan("off"):
        way, found = look()  # without them, there may be room for more
    said = [warned.text for warned in exact.warnings()]
    if found and auto and way != fixed:
        words = sentence(found, largest.where, room, more, swapped)
        log.info("Athanor: gradient_checkpointing auto: %s", words or "off, the largest batch fits")
        said = [words, *said] if words else said
    return Picked(way, exact.on, Looked(largest.count, largest.where, more, found and found.trial), tuple(said))


def _first_update(job: Job, run: Prepared, trained: TrainTarget, exact: Exact) -> int:
    """Bytes that come on top of a step's once training has begun: what the optimizer keeps, and the running mean.

    Raises:
        NoRoom: there is none for the optimizer's first step.
    """
    full = False
    try:
        kept = exact(lambda: rehearse(run.optimizer.build(trained.groups)))
    except Exception as error:
        full = guard.is_out_of_memory(error)
        if not full:
            raise
    if full:  # not before here: the error holds what the step had made
        raise NoRoom(UPDATE)
    means = sum(p.numel() for group in trained.groups for p in group["params"]) if job.optimizer.ema_decay else 0
    return kept + 4 * means


def _stepper(job: Job, run: Prepared, model: Trainable, trained: TrainTarget, exact: Exact) -> Stepper:
    """For rehearsals: a plain SGD keeps nothing."""
    plain = torch.optim.SGD([p for group in trained.groups for p in group["params"]], lr=0.0)
    scaler = torch.amp.GradScaler(model.device.type, enabled=False)
    return Stepper(
        model.predict,
        run.objective,
        trained.module,
        plain,
        0.0,
        job.training.seed,
        scaler,
        around=trained.around,
        exact=exact,
    )


def _too_dear(largest: Largest, exact: Exact, way: MemoryPlan, found: Found | None) -> bool:
    """Whether deterministic algorithms slow a step down too much; they are given up then."""
    fitting = way
    if found is None:  # the whole batch does not fit, but a part of it tells as much
        some = (MemoryPlan(way.checkpointing, most) for most in pieces(largest.count))
        fitting = next((one for one in some if largest.trial(one)), None)
        if fitting is None:
            return False

    def attempt(deterministic: bool) -> object:
        if deterministic:
            return largest.trial(fitting)
        with exact.put_off():
            return largest.trial(fitting)

    price = dearer(attempt)
    if price is None or not exact.on:
        return False
    log.info("Athanor: deterministic auto: a step takes %.1f %% longer with deterministic algorithms", 100 * price)
    if price > DEARER:
        exact.give_up(f"deterministic algorithms would make a step {price:.0%} slower here")
    return price > DEARER
