"""gradient_checkpointing auto: search for the fastest memory plan that fits the GPU, by trying plans on a real batch.

Every plan gives the same losses and gradients up to rounding, so the choice does not make a run another one. Whether
deterministic algorithms are worth their time is measured here as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..byte_size import GB
from ..resume.compute_plan import LEVELS, MemoryPlan
from .ranks import Ranks

log = logging.getLogger("athanor")

BUSY = 4
"""Samples per forward pass from which a GPU computes longer than its kernels take to launch: smaller pieces cost time."""
USABLE = 0.95
"""Share of the memory that is planned with: other picture sizes fragment the rest."""
MAX_SLOWDOWN = 0.10
"""deterministic auto: deterministic algorithms are used if a step takes at most this much longer with them (0.1: a tenth)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What one forward and backward pass took."""

    seconds: float
    peak: int  # bytes that torch had allocated on the device at most; 0 on the CPU


@dataclass(frozen=True, slots=True)
class MemoryChoice:
    """The plan that the search took."""

    plan: MemoryPlan
    trial: Trial  # of this plan
    plain: Trial | None  # of the plain plan, which needs most; None: it did not fit


class OutOfRoom(Exception):
    """Memory is too small even for the plan that needs least; the message names the phase in which it ran out."""

    __module__ = "athanor"  # see errors.AthanorError


def _halved(batch: int, least: int) -> Iterator[int]:
    """Yield half of `batch`, half of that ... rounded up, down to `least`."""
    while batch > 1:
        batch = (batch + 1) // 2
        if batch < least:
            return
        yield batch


def candidates(batch: int) -> Iterator[Sequence[MemoryPlan]]:
    """Yield groups of plans, cheapest in time first: of the first group with a plan that fits, the fastest is taken."""
    yield [MemoryPlan("off")]
    yield [*(MemoryPlan("off", size) for size in _halved(batch, BUSY)), MemoryPlan("part"), MemoryPlan("all")]
    for size in _halved(batch, 1):
        yield [MemoryPlan("all", size)]


def search(batch: int, room: int, reserve: int, attempt: Callable[[MemoryPlan], Trial | None]) -> MemoryChoice:
    """Try memory plans until one fits.

    Args:
        batch: samples in the largest batch.
        room: bytes that are there for the step.
        reserve: bytes that come on top of a trial's peak once training has begun (optimizer state, running mean).
        attempt: plan -> what a pass with it took, or None if memory ran out.

    Raises:
        OutOfRoom: no plan fits.
    """
    plain = None
    for group in candidates(batch):
        fitting: list[tuple[MemoryPlan, Trial]] = []
        for plan in group:
            if plan.max_samples and any(other.checkpointing == plan.checkpointing for other, _ in fitting):
                continue  # larger pieces fit already, smaller ones are slower
            trial = attempt(plan)
            if plan == MemoryPlan("off"):
                plain = trial
            if trial is not None and trial.peak + reserve <= room * USABLE:
                fitting.append((plan, trial))
        if fitting:
            plan, trial = min(fitting, key=lambda pair: pair[1].seconds)
            return MemoryChoice(plan, trial, plain)
    raise OutOfRoom


def split_sizes(batch: int) -> Iterator[int | None]:
    """Yield samples per forward pass in the order in which a step could fit: None for the whole batch, then halves."""
    yield None
    yield from _halved(batch, 1)


def slowdown(attempt: Callable[[bool], Trial | None], rounds: int = 3, seconds: float = 5.0) -> float | None:
    """Measure how much longer a step takes with an option than without it.

    Both are tried by turns, so that a GPU that gets warm or busy slows both; the shortest time of each counts.

    Args:
        attempt: True: a pass with the option, False: without; None comes back if it could not be tried.
        rounds: of both; fewer once they have taken `seconds` in all.

    Returns:
        0.1 for a tenth longer; None if one of them could not be tried.
    """
    taken: dict[bool, list[float]] = {True: [], False: []}
    while len(taken[True]) < rounds and sum(map(sum, taken.values())) < seconds:
        for option in (True, False):
            trial = attempt(option)
            if trial is None:
                return None
            taken[option].append(trial.seconds)
    return min(taken[True]) / min(taken[False]) - 1


def explanation(choice: MemoryChoice, batch: str, *, room: int, reserve: int, swapped: int = 0) -> str:
    """Return one sentence about what was taken and why; '' for the plain plan.

    Args:
        batch: the largest batch in words ("4 of 1024x1024").
        room, reserve: bytes, as `search` takes them.
        swapped: blocks whose weights were moved to main memory to make room.
    """
    measures = [*([f"{swapped} blocks are swapped (blocks_to_swap)"] if swapped else []), choice.plan.describe()]
    measures = [measure for measure in measures if measure]
    if not measures:
        return ""
    needs = "more than available" if choice.plain is None else f"{(choice.plain.peak + reserve) / GB:.1f} GB"
    if swapped:
        needs = "more than available with all weights loaded"
    return (
        f"gradient_checkpointing auto: a batch of {batch} needs {needs} (of {room / GB:.1f} GB) without saving memory, so "
        f"{' and '.join(measures)}: {(choice.trial.peak + reserve) / GB:.1f} GB, {choice.trial.seconds:.2f} s a batch. "
        "The training result is the same."
    )


def next_swap(swapped: int, blocks: int) -> int | None:
    """Return how many of the model's `blocks` to swap next, in quarters of all; None: all of them are swapped already."""
    quarters = [-(-blocks * quarter // 4) for quarter in (1, 2, 3, 4)]
    return next((count for count in quarters if count > swapped), None)


def agree(plan: MemoryPlan, deterministic: bool, batch: int, ranks: Ranks) -> tuple[MemoryPlan, bool]:
    """Return the plan that all processes of a run use: the one that suits the GPU with the least room.

    `Ranks.any` tells of each flag whether one process has set it, so a plan is sent as flags "at least this checkpointing
    level" and "at most this many samples".

    Args:
        plan, deterministic: what this process has chosen.
        batch: samples in the largest batch.
    """
    level, size = LEVELS.index(plan.checkpointing), plan.max_samples or batch
    flags = [level >= i for i in range(len(LEVELS))] + [size <= i for i in range(1, batch)] + [not deterministic]
    shared = ranks.any(*flags)
    smallest = next((i for i, flag in enumerate(shared[len(LEVELS) : -1], 1) if flag), None)
    return MemoryPlan(LEVELS[sum(shared[: len(LEVELS)]) - 1], smallest), not shared[-1]
