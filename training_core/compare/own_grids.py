"""The settings of a comparison as a part of a graph: XYZ Compare and the axes in front of it, without models (pure), kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..settings.named_files import NamedFiles

COMPARING = ("AthanorXYZCompare", "AthanorXYZPlan")
AXES = ("AthanorXYZAxis", "AthanorLoRARunAxis", "AthanorXYZModelAxis", "AthanorXYZZip")
"""Nodes whose settings belong to a grid."""
_PORTS = ("x", "y", "z", "w", "axis", "first", "second", "third", "fourth")
_MOST = 100  # nodes of a grid


@dataclass(frozen=True, slots=True)
class Grid:
    """A node that compares and the nodes of its axes, as the graph of the API has them: id -> class_type and inputs."""

    name: str
    about: str
    node: str
    nodes: Mapping[str, Mapping[str, Any]]


def kept(folder: Path) -> NamedFiles[Grid]:
    """Return the grids of a folder."""
    return NamedFiles(folder=folder, read=_read, written=asdict)


def part_of(graph: Mapping[str, Any], node: str) -> dict[str, dict[str, Any]]:
    """Return a comparing node and the axes in front of it, by id, with their plain inputs and the links between them.

    Raises:
        AthanorError: there is no such node.
    """
    if kind_of(graph, node) not in COMPARING:
        raise AthanorError(f"there is no XYZ Compare or XYZ Plan {quoted(node)} in the graph.")
    found: dict[str, dict[str, Any]] = {}
    waiting = [node]
    while waiting:
        each = waiting.pop()
        inputs = graph[each].get("inputs")
        own: dict[str, Any] = dict(inputs) if isinstance(inputs, Mapping) else {}
        axes = {port: list(own[port]) for port in _PORTS if _leads_to_axis(graph, own.get(port))}
        plain = {name: value for name, value in own.items() if isinstance(value, (str, int, float, bool))}
        found[each] = {"class_type": graph[each]["class_type"], "inputs": plain | axes}
        waiting += [str(link[0]) for link in axes.values() if str(link[0]) not in (*found, *waiting)]
        if len(found) + len(waiting) > _MOST:
            raise AthanorError(f"the grid has more than {_MOST} axes.")
    return found


def comparing(graph: object, node: str = "") -> str:
    """Return the id of the node that compares: `node`, or the first one of a graph; '' if it has none, or is no graph."""
    if not isinstance(graph, Mapping):
        return ""
    return next((str(each) for each in (node, *graph) if kind_of(graph, each) in COMPARING), "")


def _leads_to_axis(graph: Mapping[str, Any], value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and kind_of(graph, value[0]) in AXES


def kind_of(graph: Mapping[str, Any], node: Any) -> Any:
    """Return the class_type of a node; None if there is no such node."""
    found = graph.get(str(node))
    return found.get("class_type") if isinstance(found, Mapping) else None


def _read(body: Mapping[str, Any]) -> Grid:
    """Return a grid of a file, or of a request that has a whole graph: what does not belong to the grid is left out."""
    graph, node = body.get("nodes"), body.get("node")
    if not isinstance(graph, Mapping) or not isinstance(node, str):
        raise AthanorError(f"A grid has node, which is an id, and nodes by id, not {shortened(graph)}.")
    return Grid(body["name"], body["about"], node, part_of(graph, node))
