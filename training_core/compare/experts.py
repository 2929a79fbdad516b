"""A second MODEL for the low noise of a picture, such as Wan 2.2's low-noise expert, and the LoRA files that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import AthanorError, quoted
from ..history.handle import Checkpoint, Run
from . import runs
from .axes import Axis, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Expert:
    """The low-noise model of a comparison: it draws from `boundary` on, the first model what lies above."""

    model: Any
    boundary: float
    run: Run | None = None


def check(expert: Expert, model: Any) -> None:
    """Check that both models work on the same latents, and that the boundary is a part of the noise.

    Raises:
        AthanorError: names both kinds of latents, or the boundary.
    """
    if (
        isinstance(expert.boundary, bool)
        or not isinstance(expert.boundary, (int, float))
        or not 0 <= expert.boundary <= 1
    ):
        raise AthanorError(f"boundary is {quoted(expert.boundary)}: it takes a number from 0 to 1.")
    kinds = [type(one.model.latent_format).__name__ for one in (expert.model, model)]
    if kinds[0] != kinds[1]:
        raise AthanorError(
            f"model_low works on other latents than model ({kinds[0]} and {kinds[1]}): connect the low-noise model that belongs to it."
        )


def paired(axis: Axis, high: Run | None, low: Run) -> Axis:
    """Return the axis of a run's checkpoints with those of the low-noise model's run beside them, of the same epoch each.

    Args:
        high: the run that the axis is of; None: the axis is of `low` itself, and the first model stays without a LoRA.

    Raises:
        AthanorError: the runs have no epoch in common.
    """
    theirs = runs.of_run(low).checkpoints
    ours = runs.of_run(high).checkpoints if high else theirs
    partners = {mine.lora_name: other for mine in ours if (other := _partner(mine, theirs))}
    values = [each for value in axis.values if (each := _with_low(value, partners, alone=high is None))]
    if not any("lora_low" in value.fields and not value.special for value in values):
        raise AthanorError(
            f"run_low: {low.name} has no checkpoint of an epoch that is compared ({_epochs(theirs)}): train both for the same epochs, "
            "and save as often."
        )
    return replace(axis, values=tuple(values))


def _partner(mine: Checkpoint, theirs: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint of the same epoch and kind: the finished file of the one goes with that of the other."""
    if mine.last:
        return next((c for c in theirs if c.last), None)
    key = (mine.epoch, 0) if mine.epoch else (0, mine.step)
    return next((c for c in theirs if not c.last and ((c.epoch, 0) if c.epoch else (0, c.step)) == key), None)


def _with_low(value: Value, partners: dict[str, Checkpoint], alone: bool) -> Value | None:
    """Return a value with the files of the low-noise model; None where one of them has no partner."""
    changes: list[tuple[str, Any]] = []
    for name, to in value.changes:
        if name != "lora":
            changes.append((name, to))
            continue
        if any(choice.name not in partners for choice in to):
            return None
        if not alone:
            changes.append((name, to))
        changes.append(("lora_low", tuple(replace(choice, name=partners[choice.name].lora_name) for choice in to)))
    return replace(value, changes=tuple(changes))


def _epochs(points: Sequence[Checkpoint]) -> str:
    return "it has " + ", ".join(str(c.epoch or f"step {c.step}") for c in points[:10])
