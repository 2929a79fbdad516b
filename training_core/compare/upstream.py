"""Which nodes stand before an input of the graph, and which of them a widget changes (pure)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..shared_graph import is_link
from .axes import WidgetEdit

Graph = dict[str, dict[str, Any]]
Link = Sequence[Any]
Slot = tuple[str, int]
"""A node and the number of one of its outputs."""


def changed(graph: Mapping[str, Any], links: Iterable[Link], nodes: Collection[str]) -> list[str]:
    """Return the nodes before `links` whose outputs change with `nodes`, each after those that it needs."""
    changes: dict[str, bool] = {}
    order: list[str] = []
    waiting = [(str(link[0]), False) for link in links if str(link[0]) in graph][::-1]
    while waiting:  # not by recursion: a graph may be of any length
        node, is_end = waiting.pop()
        before = [v[0] for v in graph[node]["inputs"].values() if is_link(v) and v[0] in graph]
        if not is_end and node not in changes:
            changes[node] = False  # a circle ends here
            waiting += [(node, True), *((name, False) for name in reversed(before))]
        elif is_end:
            changes[node] = node in nodes or any(changes[name] for name in before)
            if changes[node]:
                order.append(node)
    return order


def takers(graph: Mapping[str, Any], node: str, kinds: Collection[str]) -> list[str]:
    """Return the nodes of these kinds that what `node` gives comes to, through other nodes or not."""
    result: dict[str, None] = {}
    waiting, seen = [node], {node}
    while waiting:
        last = waiting.pop()
        for key, other in graph.items():
            if key not in seen and any(is_link(v) and v[0] == last for v in other["inputs"].values()):
                seen.add(key)
                if other["class_type"] in kinds:
                    result[key] = None
                else:
                    waiting.append(key)
    return list(result)


def edge(graph: Mapping[str, Any], nodes: Collection[str]) -> list[Slot]:
    """Return the outputs of other nodes that `nodes` take."""
    taken = [(v[0], v[1]) for node in nodes for v in graph[node]["inputs"].values() if is_link(v)]
    return [slot for slot in dict.fromkeys(taken) if slot[0] not in nodes]


def edited(graph: Mapping[str, Any], edits: Iterable[WidgetEdit]) -> Graph:
    """Return the graph with these values in its widgets."""
    result = dict(graph)
    for edit in edits:
        node = result[edit.node]
        result[edit.node] = {**node, "inputs": {**node["inputs"], edit.name: edit.value}}
    return result
