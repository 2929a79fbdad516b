"""The graph that a run comes from: the part that leads to its node, and the whole graph that was queued (graph.json)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..shared_graph import upstream


@dataclass(frozen=True, slots=True)
class Graph:
    """A node and all that leads to it, in API form: the host makes the same run of it again."""

    node: str
    prompt: Mapping[str, Any]


def source(prompt: Mapping[str, Any] | None, node: str, **values: object) -> Graph | None:
    """Return `node` with all nodes of `prompt` that lead to it; None if the prompt does not hold it.

    Args:
        prompt: node id -> class_type and inputs; an input that is a link is [node id, output].
        values: inputs of `node` that are other than the prompt has them.
    """
    if not prompt or node not in prompt:
        return None
    nodes = upstream(prompt, [node])
    nodes[node] = {**nodes[node], "inputs": {**nodes[node]["inputs"], **values}}
    return Graph(node, {name: nodes[name] for name in prompt if name in nodes})


def save_graph(folder: Path, node: str, graph: Mapping[str, Any]) -> None:
    """Write graph.json into a run's folder.

    Args:
        folder: of the run.
        node: id of the node that trains it.
        graph: "prompt", and "workflow" if a page has queued it.
    """
    write_json(folder / "graph.json", {"node": node, **graph}, durable=False)


def read_graph(folder: Path) -> dict[str, Any]:
    """Return what `save_graph` has written; empty if there is none, or if it is no graph with the name of a node."""
    stored = read_json(folder / "graph.json", {})
    graphs = (stored.get(name, {}) for name in ("prompt", "workflow"))
    return stored if isinstance(stored.get("node"), str) and all(isinstance(g, dict) for g in graphs) else {}
