"""Axes of the grid: what varies, and how each value is called (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import AthanorError
from ..run.handle import Checkpoint, Run
from ..settings import CompareSettings

AxisName = Literal["checkpoint", "strength", "seed", "prompt"]
NAMES: tuple[AxisName, ...] = ("checkpoint", "strength", "seed", "prompt")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis."""

    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class Axis:
    """A named axis and its values."""

    name: AxisName
    values: tuple[Value, ...]


def numbers(text: str, field: str, kind: type[int] | type[float]) -> list[float]:
    """Comma-separated numbers.

    Raises:
        AthanorError: names the field and the part that is no number, or says that it is empty.
    """
    parts = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    if not parts:
        raise AthanorError(f"{field} is empty: give at least one number.")
    values = [_number(part, kind) for part in parts]
    if None in values:
        bad = parts[values.index(None)]
        raise AthanorError(f"{field}: '{bad}' is not a {'whole ' if kind is int else ''}number.")
    return values


def _number(text: str, kind: type[int] | type[float]) -> float | None:
    try:
        value = kind(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers_of(settings: CompareSettings) -> tuple[list[float], list[int]]:
    """Strengths and seeds.

    Raises:
        AthanorError: one of them cannot be read.
    """
    seeds = numbers(settings.seeds, "seeds", int)
    for seed in seeds:
        if not 0 <= seed < 2**64:
            raise AthanorError(f"seeds: {seed} is not between 0 and 2^64 - 1.")
    return numbers(settings.strengths, "strengths", float), seeds


def checkpoints(text: str, run: Run) -> list[Checkpoint]:
    """The run's checkpoints that `text` names: all, or epoch numbers and 'last'; in order of training.

    Raises:
        AthanorError: an epoch has no checkpoint; those that exist are listed.
    """
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    if wanted in ([], ["all"]):
        return list(run.checkpoints)
    chosen = []
    for part in wanted:
        found = [c for c in run.checkpoints if (c.last if part == "last" else str(c.epoch) == part)]
        if not found:
            have = ", ".join(str(c.epoch) for c in run.checkpoints)
            raise AthanorError(f"checkpoints: the run has no epoch '{part}'; it has {have}.")
        chosen += found
    return sorted(set(chosen), key=lambda c: c.step)


def axes(settings: CompareSettings, run: Run) -> dict[AxisName, Axis]:
    """All four axes; those with one value simply do not vary.

    Raises:
        AthanorError: a value is wrong or an axis is empty.
    """
    prompts = [line.strip() for line in settings.prompts.splitlines() if line.strip()] or list(run.captions)
    if not prompts:
        raise AthanorError("prompts is empty, and the dataset has no captions: write at least one prompt, one a line.")
    files = [Value("base model", None)] if settings.include_base else []
    files += [Value(f"epoch {c.epoch}", c) for c in checkpoints(settings.checkpoints, run)]
    strengths, seeds = numbers_of(settings)
    return {
        "checkpoint": Axis("checkpoint", tuple(files)),
        "strength": Axis("strength", tuple(Value(f"strength {v:g}", v) for v in strengths)),
        "seed": Axis("seed", tuple(Value(f"seed {v}", v) for v in seeds)),
        "prompt": Axis("prompt", tuple(Value(p, p) for p in prompts)),
    }


@dataclass(frozen=True, slots=True)
class Cell:
    """Everything one picture depends on."""

    lora: Path | None
    strength: float
    seed: int
    prompt: str


def cell(chosen: dict[AxisName, Value]) -> Cell:
    """The cell of one value per axis. Without a LoRA the strength means nothing: equal cells are drawn once."""
    checkpoint = chosen["checkpoint"].value
    strength = chosen["strength"].value if checkpoint else 0.0
    lora = checkpoint.path if strength else None
    return Cell(lora, strength, chosen["seed"].value, chosen["prompt"].value)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which cell stands where. `cells[block][row][column]`."""

    column_labels: tuple[str, ...]
    row_labels: tuple[str, ...]
    block_labels: tuple[str, ...]
    cells: tuple[tuple[tuple[Cell, ...], ...], ...]

    def unique(self) -> list[Cell]:
        """Each different cell once, ordered so that a LoRA is loaded as rarely as possible."""
        flat = dict.fromkeys(c for block in self.cells for row in block for c in row)
        order = {path: i for i, path in enumerate(dict.fromkeys((c.lora, c.strength) for c in flat))}
        return sorted(flat, key=lambda c: order[c.lora, c.strength])


def layout(all_axes: dict[AxisName, Axis], columns: AxisName, rows: AxisName) -> Layout:
    """Lay the cells out; axes that are neither columns nor rows make one block for each of their values.

    The same axis twice leaves the rows to another one.
    """
    if columns == rows:
        rows = next(name for name in NAMES if name != columns)
    others = [all_axes[name] for name in NAMES if name not in (columns, rows)]
    blocks: list[dict[AxisName, Value]] = [{}]
    for axis in others:
        blocks = [{**block, axis.name: value} for block in blocks for value in axis.values]
    varying = {axis.name for axis in others if len(axis.values) > 1}
    return Layout(
        tuple(v.label for v in all_axes[columns].values),
        tuple(v.label for v in all_axes[rows].values),
        tuple("  ".join(value.label for name, value in block.items() if name in varying) for block in blocks),
        tuple(
            tuple(
                tuple(cell({**block, columns: x, rows: y}) for x in all_axes[columns].values)
                for y in all_axes[rows].values
            )
            for block in blocks
        ),
    )
