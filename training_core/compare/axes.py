"""Axes of a comparison: what each value changes, and what it is called (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import AthanorError
from . import grammar


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis: the fields of a cell that it sets."""

    label: str
    changes: tuple[tuple[str, Any], ...]
    special: bool = False  # such as the base model: its name has no part in common with the others

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields it sets."""
        return tuple(name for name, _ in self.changes)


@dataclass(frozen=True, slots=True)
class Held:
    """Models of the graph that values name: by content, so that the same ones are found again."""

    key: str
    models: tuple[Any, Any, Any]  # MODEL, CLIP and VAE; None: as XYZ Compare has it
    links: Mapping[str, list[Any]]  # where the graph has them from


@dataclass(frozen=True, slots=True)
class Axis:
    """A title and its values. `epochs`: its values are these checkpoints of the run that is compared."""

    title: str
    values: tuple[Value, ...]
    epochs: str | None = None
    held: tuple[Held, ...] = ()

    @property
    def fields(self) -> frozenset[str]:
        """The fields that any of its values sets."""
        return frozenset({"lora"}) if self.epochs is not None else frozenset(f for v in self.values for f in v.fields)

    @property
    def cost(self) -> int:
        """How expensive a step along it is: the dearest field counts."""
        return max((COST.get(field, 0) for field in self.fields), default=0)


COST = {
    "model": 8, "widget": 8, "clip_skip": 7, "vae": 6, "lora": 5, "strength_model": 4, "strength_clip": 4, "shift": 3, "positive": 2,
    "negative": 2, "replace": 2, "guidance": 1, "start": 1,
}  # fmt: skip
"""What changes rarely while a grid is sampled: a model is read from disk, a LoRA patched in, a prompt encoded."""

ADDS = {"lora", "replace", "widget", "start"}
"""Fields that several axes may set: LoRAs are stacked, replacements made one after the other, widgets are many."""


@dataclass(frozen=True, slots=True)
class LoraChoice:
    """A LoRA as an axis names it; without a strength of its own it takes the cell's."""

    name: str
    strength_model: float | None = None
    strength_clip: float | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """A replacement and where it is made: both, positive or negative."""

    change: grammar.Replace
    where: str
    whole_word: bool


@dataclass(frozen=True, slots=True, order=True)
class Put:
    """A value typed into a widget of the graph."""

    node: str
    name: str
    value: Any

    @property
    def place(self) -> tuple[str, str]:
        """Which widget it is."""
        return self.node, self.name


def listed(axis: Axis) -> str:
    """The axis in words: '5 values: 0.6, 0.7, 0.8, 0.9, 1'."""
    if axis.epochs is not None:
        return f"checkpoints of the run: {axis.epochs or 'all'}"
    labels = [v.label for v in axis.values]
    shown = ", ".join(labels[:40]) + (", ..." if len(labels) > 40 else "")
    return f"{axis.title}, {len(labels)} value{'s' if len(labels) != 1 else ''}: {shown}"


def join(axes: Sequence[Axis]) -> Axis:
    """Axes that move together: their first values, their second values, and so on.

    Raises:
        AthanorError: they differ in length (both are listed), or set the same field.
    """
    for axis in axes[1:]:
        if len(axis.values) != len(axes[0].values):
            raise AthanorError(f"XYZ Zip needs axes of the same length; {listed(axes[0])}; but {listed(axis)}.")
        check_fields([axes[0], axis])
    values = tuple(
        Value(
            "  ".join(v.label for v in row),
            tuple(change for v in row for change in v.changes),
            all(v.special for v in row),
        )
        for row in zip(*(axis.values for axis in axes), strict=True)
    )
    held = tuple(one for axis in axes for one in axis.held)
    return Axis(" + ".join(axis.title for axis in axes), values, held=held)


def check_fields(axes: Sequence[Axis]) -> None:
    """No field is set by two axes.

    Raises:
        AthanorError: names both axes.
    """
    owner: dict[str, Axis] = {}
    for axis in axes:
        for field in axis.fields - ADDS:
            if field in owner:
                raise AthanorError(
                    f"the axes '{owner[field].title}' and '{axis.title}' both set {field.replace('_', ' ')}: leave one out."
                )
        owner |= dict.fromkeys(axis.fields, axis)
