"""What the text of a Sweep means in its graph: which settings vary, and which combinations of their values are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..training_core.compare.widgets import Widget
from ..training_core.errors import AthanorError
from ..training_core.host import nodegraph
from ..training_core.settings import (
    CacheSettings,
    ConditioningSettings,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    SamplingSettings,
    SweepSettings,
    ValidationSettings,
    info,
)
from ..training_core.shared_graph import TRAIN_LORA, is_link, upstream

if TYPE_CHECKING:
    from ..training_core.sweep.combinations import Combination
    from ..training_core.sweep.lines import Varied

_CONFIGS = {
    "Network Config": NetworkSettings,
    "Optimizer Config": OptimizerSettings,
    "Loss Config": LossSettings,
    "Noise Config": NoiseSettings,
    "Validation Config": ValidationSettings,
    "Conditioning Config": ConditioningSettings,
    "Cache Config": CacheSettings,
    "Sample Config": SamplingSettings,
}
"""Nodes in front of Train LoRA whose settings vary, by their names."""


def train_node(graph: Mapping[str, Any], sweep: str) -> str:
    """Return the id of the Train LoRA that a sweep stands behind.

    Raises:
        AthanorError: something else is connected.
    """
    link = graph[sweep]["inputs"].get("run")
    if not is_link(link) or graph.get(link[0], {}).get("class_type") != TRAIN_LORA:
        raise AthanorError("run: connect the output run of Train LoRA; the sweep trains it once for each combination.")
    return link[0]


def combinations_of(
    graph: Mapping[str, Any], train: str, settings: SweepSettings
) -> tuple[list[Varied], list[Combination]]:
    """Return the settings that vary, and the combinations of their values that are trained.

    Raises:
        AthanorError: a line of the text is wrong, or there are too many combinations.
    """
    from ..training_core.sweep import combinations, lines

    before = upstream(graph, [train])
    widgets = [Widget(**each) for each in nodegraph.widgets(before)]
    varied = lines.read(settings.settings, widgets, _is_ours, _elsewhere(before), settings.seed)
    count = settings.count if settings.mode == "random" else None
    return varied, combinations.chosen(varied, count, settings.seed)


def _is_ours(widget: Widget) -> bool:
    return any(kind.startswith("Athanor") for kind in widget.kinds)


def _elsewhere(graph: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of config nodes that are not in front of the sweep, each with the node's name."""
    there = {node["class_type"] for node in graph.values()}
    missing = {name: group for name, group in _CONFIGS.items() if f"Athanor{name.replace(' ', '')}" not in there}
    return {setting.name: name for name, group in missing.items() for setting in info(group)}
