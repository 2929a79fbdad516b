"""What the text of a Sweep means in its graph: which settings vary, and which combinations of their values are trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..training_core.compare.upstream import changed
from ..training_core.compare.widgets import Widget
from ..training_core.errors import AthanorError
from ..training_core.host import nodegraph
from ..training_core.host.comfy_nodes import host_nodes
from ..training_core.names import own
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
from ..training_core.shared_graph import SWEEP, TRAIN_LORA, is_link, upstream
from ..training_core.wording import first_few

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
    _check_trainings_before(before, train, varied)
    count = settings.count if settings.mode == "random" else None
    return varied, combinations.chosen(varied, count, settings.seed)


def _check_trainings_before(graph: Mapping[str, Any], train: str, varied: list[Varied]) -> None:
    """Check that no value changes another training in front of the sweep, which would be trained anew while the sweep is planned.

    Raises:
        AthanorError: one does.
    """
    nodes = changed(graph, [[train, 0]], {each.widget.node for each in varied})
    other = next((node for node in nodes if node != train and graph[node]["class_type"] == TRAIN_LORA), None)
    if other is not None:
        raise AthanorError(
            f"settings changes another Train LoRA ({other}) in front of the one that the sweep trains: put a Sweep behind that one, or "
            "leave its settings out."
        )


def _is_ours(widget: Widget) -> bool:
    return any(kind.startswith("Athanor") for kind in widget.kinds)


def _elsewhere(graph: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that no widget in front of the sweep has, each with where it is and what to do: those of config nodes that
    are not there, and those that are linked."""
    there = {node["class_type"] for node in graph.values()}
    missing = {name: group for name, group in _CONFIGS.items() if f"Athanor{name.replace(' ', '')}" not in there}
    found = {
        setting.name: f"it is a setting of {name}: connect one to Train LoRA"
        for name, group in missing.items()
        for setting in info(group)
    }
    for key, node in graph.items():
        for name, value in node["inputs"].items():
            if node["class_type"].startswith("Athanor") and is_link(value):
                found[name] = f"in {key} it comes from node {value[0]}: vary that one's widget, or take the link off"
    return found


def forgotten(graph: Mapping[str, Any], train: str) -> str:
    """Return a sentence about nodes that take something from the Train LoRA in front of a sweep, and get nothing; '' if there are none."""
    links = {
        key: [v for v in node["inputs"].values() if isinstance(v, list) and v[:1] == [train]]
        for key, node in graph.items()
    }
    takers = [key for key, found in links.items() if found and graph[key]["class_type"] != SWEEP]
    if not takers:
        return ""
    names = first_few([_title(graph[key]) for key in takers])
    gets = "gets" if len(takers) == 1 else "get"
    return f"{names} {gets} nothing from Train LoRA, which trains only inside of the sweep: connect to the outputs of Sweep instead."


def _title(node: Mapping[str, Any]) -> str:
    """Return how a node is called in the page, as far as the graph tells."""
    shown = host_nodes.NODE_DISPLAY_NAME_MAPPINGS.get(node["class_type"]) or node["class_type"]
    return str((node.get("_meta") or {}).get("title") or own(shown))
