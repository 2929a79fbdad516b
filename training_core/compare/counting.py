"""How many pictures the grid of a graph would have, without its models or runs: for questions before it is queued."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .. import lists
from ..block_strengths import FORMS
from ..errors import AthanorError
from ..history.run_files import without_copies
from ..names import simple
from . import block_axes, grammar, kinds, own_grids, upstream
from .axes import Axis
from .fields import Available
from .widgets import Widget

Graph = Mapping[str, Any]
NAMES = {"LoRA": "loras", "sampler": "samplers", "scheduler": "schedulers", "model": "models", "VAE": "vaes"}
"""Types of XYZ Axis whose values are names -> the group of names that the host has."""


def every_name(kind: str, available: Available) -> list[str]:
    """Return all values of a type, as short as they can be written; none for a type that is no name. Of blocks, which are known when the
    LoRA is: the text that means all of them."""
    if kind == "LoRA blocks":
        return [FORMS[0]]
    names = without_copies(list(available.get(NAMES.get(kind, ""), ())))
    count = Counter(map(simple, names))
    return [name.removesuffix(".safetensors") if count[simple(name)] == 1 else name for name in names]


def pictures(graph: Graph, axis: str, values: int, available: Available, widgets: Sequence[Widget]) -> tuple[int, bool]:
    """Return the pictures of the comparison behind an axis if that had so many values, and whether they are counted exactly.

    What is not known without a run or a model counts once. Without a comparison behind it, the axis stands alone.

    Args:
        graph: the graph of the API.
        axis: the id of its node.

    Raises:
        AthanorError: seeds or strengths of the comparison cannot be read.
    """
    behind = upstream.takers(graph, axis, own_grids.COMPARING)
    if not behind:
        return values, False
    inputs = graph[behind[0]]["inputs"]
    exact, counts = True, [values]
    found: list[Axis] = []
    for port in "xyzw":
        link = inputs.get(port)
        if not isinstance(link, list) or _leads_from(graph, link[0], axis):
            continue
        each = _axis(graph, str(link[0]), available, widgets)
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


def _leads_from(graph: Graph, node: Any, axis: str) -> bool:
    """Return whether `node` is the axis, or has it in front of it."""
    waiting, seen = [str(node)], set()
    while waiting:
        each = waiting.pop()
        if each == axis:
            return True
        seen.add(each)
        inputs = (graph.get(each) or {}).get("inputs") or {}
        links = (str(value[0]) for value in inputs.values() if isinstance(value, list) and len(value) == 2)
        waiting += [link for link in links if link not in seen and own_grids.kind_of(graph, link) in own_grids.AXES]
    return False


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
