"""How a run's steps are computed, as its state keeps it: what its last bits depend on, beside the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import Job

LEVELS = ("off", "part", "all")
"""Of gradient checkpointing; each needs less memory than the one before."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How the largest batch is computed."""

    checkpointing: str  # off, part, all
    most: int | None = None  # pictures at a time; None: all of the batch

    def words(self) -> str:
        """For the user."""
        blocks = {
            "off": "",
            "part": "every second block is computed twice (gradient_checkpointing part)",
            "all": "all blocks are computed twice (gradient_checkpointing all)",
        }
        pieces = f"batches are computed {self.most} at a time" if self.most else ""
        return " and ".join(filter(None, (blocks[self.checkpointing], pieces)))


@dataclass(frozen=True, slots=True)
class ComputePlan:
    """Picked by seconds and free memory, which are others every time: a run that goes on takes its own again."""

    asked: tuple[
        str, int, str
    ]  # settings that it was picked for: gradient_checkpointing, blocks_to_swap, deterministic
    device: str  # what the GPU calls itself
    way: MemoryPlan
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
    way = MemoryPlan(values["checkpointing"], values["most"])
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
