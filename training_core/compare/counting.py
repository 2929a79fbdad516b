"""How many pictures the grid of a graph would have, without its models or runs: for questions before it is queued."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import lists
from ..errors import AthanorError
from ..shared_graph import is_link, upstream
from . import block_axes, grammar, kinds, own_grids
from .axes import Axis
from .fields import Available
from .upstream import takers
from .widgets import Widget

Graph = Mapping[str, Any]


def pictures(graph: Graph, axis: str, values: int, available: Available, widgets: Sequence[Widget]) -> tuple[int, bool]:
    """Return the pictures of the comparison behind an axis if that had so many values, and whether they are counted exactly.

    What is not known without a run or a model counts once. Without a comparison behind it, the axis stands alone.

    Args:
        graph: the graph of the API.
        axis: the id of its node.

    Raises:
        AthanorError: seeds or strengths of the comparison cannot be read.
    """
    behind = takers(graph, axis, own_grids.COMPARING)
    if not behind:
        return values, False
    inputs = graph[behind[0]]["inputs"]
    exact, counts = True, [values]
    found: list[Axis] = []
    for port in "xyzw":
        link = inputs.get(port)
        if not is_link(link) or axis in upstream(graph, [link[0]]):
            continue
        each = _axis(graph, link[0], available, widgets)
        exact = exact and each is not None
        found += [each] if each else []
    taken = {field for each in found for field in each.fields} | _fields(graph.get(axis, {}))
    counts += [len(set(each.values)) for each in found]
    has_run = any(isinstance(inputs.get(port), list) for port in ("run", "run_low"))
    exact = exact and (not has_run or "lora" in taken)
    return math.prod([*counts, *_own(inputs, taken, has_run)]), exact


def _own(inputs: Mapping[str, Any], taken: set[str], has_run: bool) -> list[int]:
    """Return the lengths of the axes that the widgets of XYZ Compare make."""
    result = []
    if "positive" not in taken:
        result.append(len(set(lists.split(_text(inputs, "prompts"), commas=False))) or (3 if has_run else 1))
    if "seed" not in taken:
        result.append(len(set(grammar.seeds(_text(inputs, "seeds", "0")))))
    if (has_run or "lora" in taken) and not taken & {"strength_model", "strength_clip"}:
        result.append(len(set(grammar.numbers(_text(inputs, "strengths", "0.6, 0.8, 1")))))
    return result


def _text(inputs: Mapping[str, Any], name: str, default: str = "") -> str:
    value = inputs.get(name, default)
    return value if isinstance(value, str) else default


def _axis(graph: Graph, node: str, available: Available, widgets: Sequence[Widget]) -> Axis | None:
    """Return the axis that an XYZ Axis makes; None for other nodes, and where it takes a run or cannot be read."""
    found = graph.get(node) or {}
    inputs = found.get("inputs") or {}
    kind, values = _text(inputs, "type", "LoRA strength"), _text(inputs, "values", "0.6-1(0.1)")
    if found.get("class_type") != "AthanorXYZAxis" or kind == kinds.CHECKPOINT:
        return None
    try:
        if kind == kinds.WIDGET:
            return kinds.read_widget(_text(inputs, "widget"), values, widgets)
        found_axis = kinds.read(kind, values, available)
        return None if block_axes.is_open(found_axis) else found_axis
    except AthanorError:  # the graph is not queued yet: its mistakes are told then
        return None


def _fields(node: Mapping[str, Any]) -> set[str]:
    """Return what the axis itself sets, by the type that it has."""
    kind = _text(node.get("inputs") or {}, "type", "LoRA strength")
    return {"LoRA": {"lora"}, "seed": {"seed"}, "prompt": {"positive"}, kinds.CHECKPOINT: {"lora"}}.get(kind, set())
