"""A second MODEL for the low noise of a picture, such as Wan 2.2's low-noise expert, and the LoRA files that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..history.handle import Checkpoint, Run
from . import made_average, runs
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
    found, notes = [], list(axis.notes)
    for value in axis.values:
        names, said = _averages(value, partners, low.name, alone=high is None)
        notes += said
        found.append(
            _with_low(value, {name: one.lora_name for name, one in partners.items()} | names, alone=high is None)
        )
    values = [value for value in found if value]
    if not any("lora_low" in value.fields and not value.special for value in values):
        raise AthanorError(
            f"run_low: {low.name} has no checkpoint of an epoch that is compared ({_epochs(theirs)}): train both for the same epochs, "
            "and save as often."
        )
    if lost := [value.label for value, each in zip(axis.values, found, strict=True) if not each]:
        notes.append(f"Left out, as {low.name} has no checkpoint of the same epoch: {shortened(', '.join(lost), 200)}.")
    return replace(axis, values=tuple(values), notes=tuple(notes))


def _averages(
    value: Value, partners: Mapping[str, Checkpoint], name: str, *, alone: bool
) -> tuple[dict[str, str], list[str]]:
    """Return the files of the low-noise model that belong to averages that are files (of DoRA), by their names, and what is said of
    those: each is the average of the same epochs with the same weights, and is made where it is not there."""
    names: dict[str, str] = {}
    notes: list[str] = []
    for choice in (choice for change, to in value.changes if change == "lora" for choice in to):
        parts = made_average.parts_of(choice.name) if choice.name not in partners else ()
        if not parts:
            continue
        if alone:
            names[choice.name] = choice.name
            continue
        by_file = {Path(name.replace("\\", "/")).name: other for name, other in partners.items()}
        if all(file in by_file for file, _ in parts):
            weights = [weight for _, weight in parts]
            made = made_average.file_of(f"{name} {value.label}", [by_file[file] for file, _ in parts], weights)
            names[choice.name] = made.lora_name
            notes.append(made.note)
    return names, notes


def _partner(mine: Checkpoint, theirs: Sequence[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint of the same epoch and kind: the finished file of the one goes with that of the other."""
    if mine.last:
        return next((c for c in theirs if c.last), None)
    key = (mine.epoch, 0) if mine.epoch else (0, mine.step)
    return next((c for c in theirs if not c.last and ((c.epoch, 0) if c.epoch else (0, c.step)) == key), None)


def _with_low(value: Value, partners: Mapping[str, str], alone: bool) -> Value | None:
    """Return a value with the files of the low-noise model, by the names of the first one's; None where one of them has no partner."""
    changes: list[tuple[str, Any]] = []
    for name, to in value.changes:
        if name != "lora":
            changes.append((name, to))
            continue
        if any(choice.name not in partners for choice in to):
            return None
        if not alone:
            changes.append((name, to))
        changes.append(("lora_low", tuple(replace(choice, name=partners[choice.name]) for choice in to)))
    return replace(value, changes=tuple(changes))


def _epochs(points: Sequence[Checkpoint]) -> str:
    return "it has " + ", ".join(str(c.epoch or f"step {c.step}") for c in points[:10])
