"""gradient_checkpointing auto: the fastest way of computing a step that fits the GPU, found by trying.

Every way gives the same losses and gradients, to rounding: which one is taken does not make a run another one. Whether
deterministic algorithms are worth their time is tried as well.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..resume.compute_plan import LEVELS, MemoryPlan
from .ranks import Ranks

log = logging.getLogger("athanor")

BUSY = 4
"""Pictures at a time with which a GPU computes longer than it takes to tell it what: splitting further costs time."""
ROOM = 0.95
"""Share of the memory that is planned with: other shapes leave gaps."""
DEARER = 0.10
"""deterministic auto: as long as a step takes at most so much longer with it, as a part of it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One forward and backward pass."""

    seconds: float
    peak: int  # bytes that torch had allocated on the device at most; 0 on the CPU


@dataclass(frozen=True, slots=True)
class Found:
    """The way that was taken."""

    way: MemoryPlan
    trial: Trial
    first: Trial | None  # of the plain way; None: there was no room for it


class NoRoom(Exception):
    """Not even one picture at a time, with all blocks computed twice; or for what `str` of it says."""


def _halves(batch: int, least: int) -> Iterator[int]:
    while batch > 1:
        batch = (batch + 1) // 2
        if batch < least:
            return
        yield batch


def tiers(batch: int) -> Iterator[Sequence[MemoryPlan]]:
    """Ways in groups: of the first group with one that fits, the fastest is the one."""
    yield [MemoryPlan("off")]
    yield [*(MemoryPlan("off", most) for most in _halves(batch, BUSY)), MemoryPlan("part"), MemoryPlan("all")]
    for most in _halves(batch, 1):
        yield [MemoryPlan("all", most)]


def pick(batch: int, room: int, more: int, attempt: Callable[[MemoryPlan], Trial | None]) -> Found:
    """Try ways until one fits.

    Args:
        batch: pictures of the largest batch.
        room: bytes that there are.
        more: bytes that come on top of a trial's peak once training has begun.
        attempt: a way -> what it took; None: there was no room.

    Raises:
        NoRoom: none does.
    """
    first = None
    for tier in tiers(batch):
        fitting: list[tuple[MemoryPlan, Trial]] = []
        for way in tier:
            if way.most and any(other.checkpointing == way.checkpointing for other, _ in fitting):
                continue  # the larger pieces fit already
            seen = attempt(way)
            if way == MemoryPlan("off"):
                first = seen
            if seen is not None and seen.peak + more <= room * ROOM:
                fitting.append((way, seen))
        if fitting:
            way, seen = min(fitting, key=lambda pair: pair[1].seconds)
            return Found(way, seen, first)
    raise NoRoom


def pieces(batch: int) -> Iterator[int | None]:
    """Pictures at a time with which a step could have room: all of the batch, then fewer and fewer."""
    yield None
    yield from _halves(batch, 1)


def dearer(attempt: Callable[[bool], Trial | None], rounds: int = 3, seconds: float = 5.0) -> float | None:
    """How much longer a step takes in the one way than in the other, as a part of it: by the shortest of some each.

    Args:
        attempt: True: the dearer way; None: it could not be tried.
        rounds: of both by turns, so that a GPU that gets warm or busy slows both; fewer once they have taken `seconds`.

    Returns:
        0.1 for a tenth; None if one of them could not be tried.
    """
    taken: dict[bool, list[float]] = {True: [], False: []}
    while len(taken[True]) < rounds and sum(map(sum, taken.values())) < seconds:
        for one in (True, False):
            seen = attempt(one)
            if seen is None:
                return None
            taken[one].append(seen.seconds)
    return min(taken[True]) / min(taken[False]) - 1


def sentence(found: Found, where: str, room: int, more: int, swapped: int = 0) -> str:
    """What was taken and why; '' if it is the plain way.

    Args:
        where: the largest batch, in words.
        swapped: blocks whose weights were sent to main memory for it.
    """
    words = [*([f"{swapped} blocks are swapped (blocks_to_swap)"] if swapped else []), found.way.words()]
    words = [word for word in words if word]
    if not words:
        return ""
    needs = "more than there is" if found.first is None else f"{(found.first.peak + more) / 2**30:.1f} GB"
    if swapped:
        needs = "more than there is with all weights"
    return (
        f"gradient_checkpointing auto: a batch of {where} needs {needs} (of {room / 2**30:.1f} GB) computed the plain way, so "
        f"{' and '.join(words)}: {(found.trial.peak + more) / 2**30:.1f} GB, {found.trial.seconds:.2f} s a batch. What is learnt stays "
        "the same."
    )


def more_swapped(now: int, blocks: int) -> int | None:
    """How many blocks to swap next, in quarters of all; None: all are already."""
    steps = [-(-blocks * quarter // 4) for quarter in (1, 2, 3, 4)]
    return next((step for step in steps if step > now), None)


def agreed(way: MemoryPlan, deterministic: bool, batch: int, ranks: Ranks) -> tuple[MemoryPlan, bool]:
    """The same in all processes of a run, whatever each has picked: what suits the one with the least room.

    Args:
        batch: pictures of the largest batch.
    """
    level, most = LEVELS.index(way.checkpointing), way.most or batch
    flags = [level >= i for i in range(len(LEVELS))] + [most <= i for i in range(1, batch)] + [not deterministic]
    told = ranks.any(*flags)
    least = next((i for i, flag in enumerate(told[len(LEVELS) : -1], 1) if flag), None)
    return MemoryPlan(LEVELS[sum(told[: len(LEVELS)]) - 1], least), not told[-1]
