"""How a run's steps are computed, as its state keeps it: what its last bits depend on, beside the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import Job
from .fit import Way
from .ranks import Ranks

LEVELS = ("off", "part", "all")
"""Of gradient checkpointing; each needs less memory than the one before."""


@dataclass(frozen=True, slots=True)
class ComputePlan:
    """Picked by seconds and free memory, which are others every time: a run that goes on takes its own again."""

    asked: tuple[
        str, int, str
    ]  # settings that it was picked for: gradient_checkpointing, blocks_to_swap, deterministic
    device: str  # what the GPU calls itself
    way: Way
    swapped: int  # blocks whose weights lie in main memory
    deterministic: bool

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "asked": list(self.asked),
            "device": self.device,
            "checkpointing": self.way.checkpointing,
            "most": self.way.most,
            "swapped": self.swapped,
            "deterministic": self.deterministic,
        }

    def suits(self, job: Job, device: str) -> bool:
        """Whether it was made for such settings and such a GPU."""
        return self.asked == asked(job) and self.device == device


def asked(job: Job) -> tuple[str, int, str]:
    """The settings that a plan follows from."""
    training = job.training
    return training.gradient_checkpointing, training.blocks_to_swap, training.deterministic


def read(values: Mapping[str, Any] | None) -> ComputePlan | None:
    """What `plain` gave; None if a state has none: older versions did not write it."""
    if not values:
        return None
    way = Way(values["checkpointing"], values["most"])
    return ComputePlan(tuple(values["asked"]), values["device"], way, values["swapped"], values["deterministic"])


def changed(before: ComputePlan | None, now: ComputePlan) -> str:
    """What is computed otherwise than before the run was stopped, so that its last bits are others; '' if nothing is."""
    if before is None:
        return ""
    pairs = zip(_words(before), _words(now), strict=True)
    differ = [f"{new} instead of {old}" for old, new in pairs if old != new]
    if not differ:
        return ""
    return (
        f"The run goes on {' and '.join(differ)}: its files will equal those of a run that never stopped but for rounding, not "
        "to the byte."
    )


def _words(plan: ComputePlan) -> tuple[str, str, str]:
    most = plan.way.most
    return (
        f"on {plan.device}",
        f"with batches computed {most} at a time" if most else "with whole batches",
        f"{'with' if plan.deterministic else 'without'} deterministic algorithms",
    )


def agreed(way: Way, deterministic: bool, batch: int, ranks: Ranks) -> tuple[Way, bool]:
    """The same in all processes of a run, whatever each has picked: what suits the one with the least room.

    Args:
        batch: pictures of the largest batch.
    """
    level, most = LEVELS.index(way.checkpointing), way.most or batch
    flags = [level >= i for i in range(len(LEVELS))] + [most <= i for i in range(1, batch)] + [not deterministic]
    told = ranks.any(*flags)
    least = next((i for i, flag in enumerate(told[len(LEVELS) : -1], 1) if flag), None)
    return Way(LEVELS[sum(told[: len(LEVELS)]) - 1], least), not told[-1]
