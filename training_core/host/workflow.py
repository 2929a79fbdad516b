"""A graph in the form of the host's API -> the workflow that the page loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .comfy_nodes import host_nodes, inputs_of

_WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
_GROWING = "COMFY_DYNAMICCOMBO"
_WIDE, _TALL = 320, 60


def to_workflow(graph: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return nodes in columns from left to right, as the page saves them; None if a node's inputs are not plain."""
    numbers = {key: i for i, key in enumerate(graph, 1)}
    nodes: list[dict[str, Any]] = []
    links: list[list[Any]] = []
    heights: dict[int, int] = {}
    for key, node in graph.items():
        kind = host_nodes.NODE_CLASS_MAPPINGS.get(node["class_type"])
        if kind is None:
            return None
        specs = inputs_of(kind)
        if any(name not in specs for name in node["inputs"]):  # inputs that grow with what is connected
            return None
        if any(str(spec[0]).startswith(_GROWING) for spec in specs.values()):  # or that a choice brings with it
            return None
        slots, values = [], []
        for name, spec in specs.items():
            inputs: Any = node["inputs"]
            value = inputs.get(name)
            widget = isinstance(spec[0], list) or spec[0] in _WIDGETS
            linked = isinstance(value, list) and len(value) == 2 and str(value[0]) in graph
            source, output = (str(value[0]), value[1]) if linked else ("", 0)
            options = spec[1] if len(spec) > 1 else {}
            if widget:
                values.append(options.get("default") if linked or value is None else value)
                values += ["fixed"] if options.get("control_after_generate") else []
            if linked or not widget:
                slot: dict[str, Any] = {
                    "name": name,
                    "type": "COMBO" if isinstance(spec[0], list) else spec[0],
                    "link": None,
                }
                if widget:
                    slot["widget"] = {"name": name}
                if linked:
                    slot["link"] = len(links) + 1
                    links.append([slot["link"], numbers[source], output, numbers[key], len(slots), slot["type"]])
                slots.append(slot)
        names = getattr(kind, "RETURN_NAMES", None) or kind.RETURN_TYPES
        outputs = [{"name": n, "type": t, "links": []} for n, t in zip(names, kind.RETURN_TYPES, strict=True)]
        column = _depth(graph, key)
        size = [_WIDE - 60, _TALL + 26 * (len(slots) + len(values))]
        place = [column * _WIDE, heights.get(column, 0)]
        heights[column] = place[1] + size[1] + _TALL
        nodes.append(
            {
                "id": numbers[key], "type": node["class_type"], "pos": place, "size": size, "flags": {}, "order": column,
                "mode": 0, "inputs": slots, "outputs": outputs, "properties": {"Node name for S&R": node["class_type"]},
                "widgets_values": values,
            }
        )  # fmt: skip
    for link in links:
        nodes[link[1] - 1]["outputs"][link[2]]["links"].append(link[0])
    return {
        "last_node_id": len(nodes), "last_link_id": len(links), "nodes": nodes, "links": links, "groups": [], "config": {},
        "extra": {}, "version": 0.4,
    }  # fmt: skip


def _depth(graph: Mapping[str, Any], key: str) -> int:
    """Return the number of nodes before this one on the longest path."""
    before = [str(v[0]) for v in graph[key]["inputs"].values() if isinstance(v, list) and len(v) == 2]
    return 1 + max((_depth(graph, other) for other in before if other in graph), default=-1)
