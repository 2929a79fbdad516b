"""What comes out of the graph before XYZ Compare when a widget of it has another value."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import AthanorError
from ..host import fingerprint, nodegraph
from .axes import Axis, Put, Value
from .upstream import Graph, Slot, changed, edge, is_link, typed

MODELS = ("model", "clip", "vae")
TRAINING = {"AthanorTrainLoRA", "TrainLoraNode"}
"""Nodes that no cell may run again."""

Puts = tuple[Put, ...]


def needed(graph: Mapping[str, Any], links: Mapping[str, Any], axes: Sequence[Axis | None]) -> list[Slot]:
    """The outputs of the graph from which the cells of these axes begin: what lies before the widgets stays as it is."""
    nodes = varied_nodes(axes)
    return edge(graph, changed(graph, links.values(), nodes)) if nodes else []


def varied_nodes(axes: Sequence[Axis | None]) -> set[str]:
    """The nodes whose widgets the axes vary."""
    changes = [change for axis in axes if axis for value in axis.values for change in value.changes]
    return {to.node for name, to in changes if name in ("widget", "start")}


def placed(axes: Sequence[Axis | None], graph: Mapping[str, Any], links: Mapping[str, Any]) -> list[Axis | None]:
    """The axes with each widget where it leads: into the models ('widget'), the latent ('start') or both. A value that
    the widget has anyway changes nothing.

    Raises:
        AthanorError: a widget leads nowhere, stands before a training, or is on two axes.
    """
    owner: dict[tuple[str, str], Axis] = {}
    ways: dict[tuple[str, str], list[str]] = {}
    for axis in axes:
        for place in _places(axis):
            if place in owner:
                raise AthanorError(
                    f"the axes '{owner[place].title}' and '{axis.title}' vary the same widget: leave one out."
                )
            owner[place] = axis
            ways[place] = _ways(place, axis, graph, links)

    def moved(value: Value) -> Value:
        changes: list[tuple[str, Any]] = []
        for name, to in value.changes:
            if name != "widget":
                changes.append((name, to))
            elif _own(graph, to) != to.value:
                changes += [(way, to) for way in ways[to.place]]
        return dataclasses.replace(value, changes=tuple(changes))

    return [axis and dataclasses.replace(axis, values=tuple(map(moved, axis.values))) for axis in axes]


def _places(axis: Axis | None) -> list[tuple[str, str]]:
    """The widgets that an axis varies."""
    values = axis.values if axis else ()
    return list(dict.fromkeys(to.place for value in values for name, to in value.changes if name == "widget"))


def _own(graph: Mapping[str, Any], put: Put) -> Any:
    return graph[put.node]["inputs"].get(put.name)


def _ways(place: tuple[str, str], axis: Axis, graph: Mapping[str, Any], links: Mapping[str, Any]) -> list[str]:
    node, name = place
    if node not in graph:
        raise AthanorError(
            f"the axis '{axis.title}' varies node {node}, which is not in the graph any more: choose again."
        )
    found = [
        way
        for way, ports in (("widget", MODELS), ("start", ("latent",)))
        if changed(graph, [links[port] for port in ports if port in links], {node})
    ]
    if not found:
        raise AthanorError(
            f"the axis '{axis.title}' changes nothing: node {node} does not lead into model, clip, vae or latent of "
            "XYZ Compare. What XYZ Compare sets itself (cfg, steps, size, prompts ...) has axis types of its own."
        )
    for key in changed(graph, [links[port] for port in (*MODELS, "latent") if port in links], {node}):
        if graph[key]["class_type"] in TRAINING:
            raise AthanorError(
                f"the axis '{axis.title}' stands before the training of node {key}: each value would train anew. Train "
                f"once for each value of {name}, and compare the LoRA files."
            )
    return found


class Variants:
    """The part of the graph that widgets change, run anew for one set of values at a time."""

    def __init__(
        self,
        graph: Graph,
        links: Mapping[str, Any],
        connected: Mapping[str, Any],
        nodes: Collection[str],
        outputs: Mapping[Slot, Any],
    ) -> None:
        """
        Args:
            connected: what the ports have as the graph stands.
            nodes: those with widgets that are varied.
            outputs: those that `needed` has named.
        """
        self.graph, self.links, self.connected, self.nodes, self.edge = graph, links, connected, nodes, outputs
        self.runs = 0
        self._contents: dict[Slot, str | None] = {}
        self._kept: dict[str, list[Any]] = {}  # outputs of the last values, by what they depend on

    def models(self, puts: Puts) -> tuple[Any, Any, Any]:
        """MODEL, CLIP and VAE."""
        return tuple(self._ports(puts, MODELS))

    def latent(self, puts: Puts) -> dict[str, Any]:
        """The LATENT; nothing of the way to it is kept."""
        (found,) = self._ports(puts, ("latent",))
        self.forget()
        return found

    def content(self, puts: Puts, port: str) -> str:
        """SHA-256 of everything that the port depends on with these values."""
        link = self.links[port]
        if not changed(self.graph, [link], {put.node for put in puts}):
            return ""
        return self._digest(typed(self.graph, puts), link, {})

    def forget(self) -> None:
        """Let go of what was run."""
        self._kept = {}
        gc.collect()

    def _ports(self, puts: Puts, ports: Sequence[str]) -> list[Any]:
        graph = typed(self.graph, puts)
        links = {
            port: self.links[port]
            for port in ports
            if changed(graph, [self.links[port]] if port in self.links else [], {put.node for put in puts})
        }
        nodes = changed(graph, links.values(), self.nodes)  # what lies between these has not come in
        digests: dict[str, str] = {}
        for node in nodes:
            self._digest(graph, [node, 0], digests)
        # What other values have made goes before more is made: one model is alive at a time.
        self._kept = {key: outputs for key, outputs in self._kept.items() if key in digests.values()}
        gc.collect()
        outputs: dict[str, list[Any]] = {}
        for (node, slot), value in self.edge.items():
            slots = outputs.setdefault(node, [])
            slots += [[None]] * (slot + 1 - len(slots))
            slots[slot] = [value]
        for node in nodes:
            if digests[node] not in self._kept:
                self._kept[digests[node]] = nodegraph.run(graph, node, outputs)
                self.runs += 1
            outputs[node] = self._kept[digests[node]]
        return [outputs[links[port][0]][links[port][1]][0] if port in links else self.connected[port] for port in ports]

    def _digest(self, graph: Graph, link: Sequence[Any], digests: dict[str, str]) -> str:
        """Of an output: its node's type and widgets, the files that they name, and what comes in."""
        node, slot = str(link[0]), link[1]
        if (node, slot) in self.edge:
            if (node, slot) not in self._contents:
                self._contents[node, slot] = fingerprint.value(self.edge[node, slot])
            if (content := self._contents[node, slot]) is not None:
                return content  # else it is known only by the graph that makes it
        if node not in digests:
            inputs = {
                name: self._digest(graph, value, digests) if is_link(value) else value
                for name, value in sorted(graph[node]["inputs"].items())
            }
            files = [fingerprint.file(path) for path in nodegraph.files(graph[node])]
            text = json.dumps([graph[node]["class_type"], inputs, files], sort_keys=True)
            digests[node] = hashlib.sha256(text.encode()).hexdigest()
        return f"{digests[node]}:{slot}"
