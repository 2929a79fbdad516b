"""The data of an axis: its values, and what each of them changes in a cell (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .replacing import SearchReplace


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis: its label on the grid and the changes that it makes, by name (see `Change` in fields.py).

    `special` marks a value such as the base model, whose label has no part in common with the others.
    """

    label: str
    changes: tuple[tuple[str, Any], ...]
    special: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the changes that it makes."""
        return tuple(name for name, _ in self.changes)


@dataclass(frozen=True, slots=True)
class GraphModels:
    """Models that are connected to XYZ Model Axis. `key` is made of their content, so that kept pictures match again."""

    key: str
    models: tuple[Any, Any, Any]  # MODEL, CLIP and VAE; None: the one of XYZ Compare
    links: Mapping[str, list[Any]]  # port -> the output of the graph that it is connected to


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A title and its values. With `epochs`, the values are to be read from the run that is compared: the text is the
    filter of its checkpoints. `skipped`: how many values its text leaves out by `SKIP:`, for what is said of it, as are `notes`."""

    title: str = field(kw_only=False)
    values: tuple[Value, ...] = field(kw_only=False)
    epochs: str | None = None
    graph_models: tuple[GraphModels, ...] = ()
    skipped: int = field(default=0, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def fields(self) -> frozenset[str]:
        """The names of the changes that any of its values makes."""
        return frozenset({"lora"}) if self.epochs is not None else frozenset(f for v in self.values for f in v.fields)


@dataclass(frozen=True, slots=True)
class LoraChoice:
    """A LoRA as an axis names it; without a strength of its own it takes the cell's, `weight` times (as a part of an average)."""

    name: str
    strength_model: float | None = None
    strength_clip: float | None = None
    weight: float = 1.0


def varied(stack: Sequence[LoraChoice]) -> tuple[LoraChoice, ...]:
    """Return the LoRAs of a stack that axes vary: those without a strength of their own, or all where each has one."""
    return tuple(choice for choice in stack if choice.strength_model is None) or tuple(stack)


@dataclass(frozen=True, slots=True)
class PromptChange:
    """A text that is searched and replaced in prompts; `where` is both, positive or negative."""

    change: SearchReplace
    where: str
    whole_word: bool


@dataclass(frozen=True, slots=True, order=True)
class WidgetEdit:
    """A value that a cell has in a widget of the graph, in place of what is typed there."""

    node: str
    name: str
    value: Any

    @property
    def widget(self) -> tuple[str, str]:
        """The widget's node and name."""
        return self.node, self.name

    @property
    def full(self) -> str:
        """The widget as texts name it: `12.strength_model`."""
        return f"{self.node}.{self.name}"
