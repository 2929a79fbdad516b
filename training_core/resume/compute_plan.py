"""How a run's steps are computed: kept in its state, since the last bits of its results depend on it beside the job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..settings import Job

LEVELS = ("off", "part", "all")
"""Of gradient checkpointing; each needs less memory than the one before."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Checkpointing mode and the most samples per forward pass: together they decide how much memory a step needs."""

    checkpointing: str  # one of LEVELS
    max_samples: int | None = None  # per forward pass; None: the whole batch

    def describe(self) -> str:
        """Return the plan as half a sentence for the user; '' for the plain one, which needs most."""
        checkpointing = {
            "off": "",
            "part": "every second block is computed twice (gradient_checkpointing part)",
            "all": "all blocks are computed twice (gradient_checkpointing all)",
        }[self.checkpointing]
        pieces = f"batches are computed {self.max_samples} at a time" if self.max_samples else ""
        return " and ".join(filter(None, (checkpointing, pieces)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePlan:
    """How every step is computed. Measured seconds and free memory decide it, and those differ from start to start: a run that
    goes on takes the plan of its state again.
    """

    settings: tuple[str, int, str]  # that it was made for: gradient_checkpointing, blocks_to_swap, deterministic
    device: str  # the GPU's name
    memory: MemoryPlan
    swapped: int  # blocks whose weights are kept in main memory
    deterministic: bool  # whether torch's deterministic algorithms are used

    def to_json(self) -> dict[str, Any]:
        """Return the plan as a JSON object, as the state's file keeps it."""
        return {
            "asked": list(self.settings),
            "device": self.device,
            "checkpointing": self.memory.checkpointing,
            "most": self.memory.max_samples,
            "swapped": self.swapped,
            "deterministic": self.deterministic,
        }

    def fits(self, job: Job, device: str) -> bool:
        """Return whether the plan was made for the job's settings and for this GPU, so that it can be used again."""
        return self.settings == plan_settings(job) and self.device == device


def plan_settings(job: Job) -> tuple[str, int, str]:
    """Return the settings that a plan is made from: gradient_checkpointing, blocks_to_swap, deterministic."""
    training = job.training
    return training.gradient_checkpointing, training.blocks_to_swap, training.deterministic


def from_json(values: Mapping[str, Any] | None) -> ComputePlan | None:
    """Return the plan that `to_json` wrote; None for a state without one, as older versions wrote them, or with another's."""
    try:
        values = dict(values or ())
        (checkpointing, blocks, deterministic), memory = (
            values["asked"],
            MemoryPlan(values["checkpointing"], values["most"]),
        )
        plan = ComputePlan(
            settings=(str(checkpointing), int(blocks), str(deterministic)),
            device=str(values["device"]),
            memory=memory,
            swapped=int(values["swapped"]),
            deterministic=bool(values["deterministic"]),
        )
    except (LookupError, TypeError, ValueError):
        return None
    samples = memory.max_samples
    return plan if memory.checkpointing in LEVELS and (samples is None or type(samples) is int) else None


def difference(before: ComputePlan | None, now: ComputePlan) -> str:
    """Return a warning that names what is computed otherwise than before the run was stopped; '' if the bytes stay the same.

    Checkpointing and swapped blocks are not named: they change no bit of the result.
    """
    if before is None:
        return ""
    pairs = zip(_numeric_parts(before), _numeric_parts(now), strict=True)
    changes = [f"{new} instead of {old}" for old, new in pairs if old != new]
    if not changes:
        return ""
    return (
        f"The run resumes {' and '.join(changes)}: its files will equal those of an uninterrupted run except for rounding, not "
        "byte for byte."
    )


def _numeric_parts(plan: ComputePlan) -> tuple[str, str, str]:
    """Return what of a plan the last bits depend on, in words."""
    most = plan.memory.max_samples
    return (
        f"on {plan.device}",
        f"with batches computed {most} at a time" if most else "with whole batches",
        f"{'with' if plan.deterministic else 'without'} deterministic algorithms",
    )
