"""What comes out of the graph before XYZ Compare when a widget of it has another value."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import AthanorError, quoted
from ..host import fingerprint, foreign, nodegraph, usable
from ..shared_graph import is_link
from .axes import Axis, Value, WidgetEdit
from .cells import CONTROL_INPUTS
from .upstream import Graph, Slot, changed, edge, edited

MODELS = ("model", "clip", "vae")
TRAINING = {"AthanorTrainLoRA", "TrainLoraNode"}
"""Nodes that no cell may run again."""

WidgetEdits = tuple[WidgetEdit, ...]
"""The values that a cell has in widgets of the graph."""


def needed(graph: Mapping[str, Any], links: Mapping[str, Any], axes: Sequence[Axis | None]) -> list[Slot]:
    """Return the outputs of the graph from which the cells of these axes begin: what lies before the widgets stays as it is."""
    nodes = varied_nodes(axes)
    return edge(graph, changed(graph, links.values(), nodes)) if nodes else []


def varied_nodes(axes: Sequence[Axis | None]) -> set[str]:
    """Return the nodes whose widgets the axes vary."""
    changes = [change for axis in axes if axis for value in axis.values for change in value.changes]
    return {to.node for name, to in changes if name in ("widget", "start")}


def check_untouched(graph: Mapping[str, Any], links: Mapping[str, Any], axes: Sequence[Axis | None], port: str) -> None:
    """Check that no widget of an axis leads into a port that is taken as it is.

    Raises:
        AthanorError: one does.
    """
    if port in links and changed(graph, [links[port]], varied_nodes(axes)):
        instead = "connect a batch of pictures to it (Batch Images), one for each prompt"
        instead = instead if port in CONTROL_INPUTS else "vary one that leads into model alone"
        raise AthanorError(f"an axis varies a widget before {port}, which stays as it is: {instead}.")


def resolve_widgets(
    axes: Sequence[Axis | None], graph: Mapping[str, Any], links: Mapping[str, Any]
) -> list[Axis | None]:
    """Return the axes with each widget as a change of what it leads into: the models ('widget'), the latent ('start') or both.
    A value that the widget has anyway changes nothing.

    Raises:
        AthanorError: a widget leads nowhere, stands before a training, or is on two axes.
    """
    owner: dict[tuple[str, str], Axis] = {}
    targets: dict[tuple[str, str], list[str]] = {}
    for axis in filter(None, axes):
        for widget in _widgets(axis):
            if widget in owner:
                raise AthanorError(
                    f"the axes {quoted(owner[widget].title)} and {quoted(axis.title)} vary the same widget: leave one out."
                )
            owner[widget] = axis
            targets[widget] = _targets(widget, axis, graph, links)

    def resolved(value: Value) -> Value:
        changes: list[tuple[str, Any]] = []
        for name, to in value.changes:
            if name != "widget":
                changes.append((name, to))
            elif graph[to.node]["inputs"].get(to.name) != to.value:
                changes += [(target, to) for target in targets[to.widget]]
        return dataclasses.replace(value, changes=tuple(changes))

    return [axis and dataclasses.replace(axis, values=tuple(map(resolved, axis.values))) for axis in axes]


def _widgets(axis: Axis) -> list[tuple[str, str]]:
    """Return the widgets that an axis varies."""
    return list(dict.fromkeys(to.widget for value in axis.values for name, to in value.changes if name == "widget"))


def _targets(widget: tuple[str, str], axis: Axis, graph: Mapping[str, Any], links: Mapping[str, Any]) -> list[str]:
    """Return the changes that an edit of the widget makes: "widget" if it leads into the models, "start" if into the latent."""
    node, name = widget
    if node not in graph:
        raise AthanorError(
            f"the axis {quoted(axis.title)} varies node {node}, which is not in the graph any more: choose again."
        )
    targets = [
        target
        for target, ports in (("widget", MODELS), ("start", ("latent",)))
        if changed(graph, [links[port] for port in ports if port in links], {node})
    ]
    if not targets:
        for port in CONTROL_INPUTS:
            check_untouched(graph, links, [axis], port)
        raise AthanorError(
            f"the axis {quoted(axis.title)} has no effect: node {node} is not connected to model, clip, vae or latent of XYZ "
            "Compare; for what XYZ Compare sets itself (cfg, steps, size, prompts ...) use the axis type of that name."
        )
    for key in changed(graph, [links[port] for port in (*MODELS, "latent") if port in links], {node}):
        if graph[key]["class_type"] in TRAINING:
            raise AthanorError(
                f"the axis {quoted(axis.title)} changes an input of the training of node {key}, so each value would need a new "
                f"training: put the node Sweep behind Train LoRA, write '{name}: ...' with these values into it, and connect its axis here."
            )
    return targets


def _failing(graph: Graph, node: str, edits: WidgetEdits) -> str:
    """Return in words that a node of the graph fails with these values in the widgets."""
    values = ", ".join(f"{edit.full} {quoted(edit.value)}" for edit in edits)
    return f"Node {node} ({graph[node]['class_type']}) fails with {values}"


class Variants:
    """The part of the graph that widgets change, run anew for one set of values at a time."""

    def __init__(
        self,
        graph: Graph,
        links: Mapping[str, Any],
        *,
        connected: Mapping[str, Any],
        nodes: Collection[str],
        outputs: Mapping[Slot, Any],
    ) -> None:
        """Nothing is run yet.

        Args:
            graph: the whole graph in the form of ComfyUI's API.
            links: port of XYZ Compare (model, clip, vae, latent) -> the output that it is connected to.
            connected: what these ports have with the widgets as they are.
            nodes: those with widgets that are varied.
            outputs: the values of those outputs that `needed` has named.
        """
        self.graph, self.links, self.connected, self.nodes, self.edge = graph, links, connected, nodes, outputs
        self.runs = 0  # nodes that were run again
        self._contents: dict[Slot, str | None] = {}
        self._outputs: dict[str, list[Any]] = {}  # of the last values, by what they depend on

    def models(self, edits: WidgetEdits) -> tuple[Any, Any, Any]:
        """MODEL, CLIP and VAE with these values in the widgets; None for those that there are none of."""
        return usable.usable_models(*self._ports(edits, MODELS))

    def latent(self, edits: WidgetEdits) -> dict[str, Any]:
        """Return the LATENT with these values in the widgets; what was run for it is let go."""
        (latent,) = self._ports(edits, ("latent",))
        self.forget()
        return latent

    def content(self, edits: WidgetEdits, port: str) -> str:
        """SHA-256 of everything that the port depends on with these values."""
        link = self.links[port]
        if not changed(self.graph, [link], {edit.node for edit in edits}):
            return ""
        return self._digest(edited(self.graph, edits), link, {})

    def forget(self) -> None:
        """Let go of all outputs that were computed."""
        self._keep(())

    def _keep(self, digests: Collection[str]) -> None:
        """Let go of all outputs but these. Models hold themselves in circles: they go when the garbage is collected.

        During that no thread of the server runs, for half a second in a large process, so it is done only for something.
        """
        kept = {key: outputs for key, outputs in self._outputs.items() if key in digests}
        if len(kept) < len(self._outputs):
            self._outputs = kept
            gc.collect()

    def _ports(self, edits: WidgetEdits, ports: Sequence[str]) -> list[Any]:
        """Return the values of these ports with these values in the widgets."""
        graph = edited(self.graph, edits)
        links = {
            port: self.links[port]
            for port in ports
            if changed(graph, [self.links[port]] if port in self.links else [], {edit.node for edit in edits})
        }
        nodes = changed(graph, links.values(), self.nodes)  # what lies between these has not come in
        digests: dict[str, str] = {}
        for node in nodes:
            self._digest(graph, [node, 0], digests)
        # What other values have made goes before more is made: one model is alive at a time.
        self._keep(digests.values())
        outputs: dict[str, list[Any]] = {}
        for (node, slot), value in self.edge.items():
            slots = outputs.setdefault(node, [])
            slots += [[None]] * (slot + 1 - len(slots))
            slots[slot] = [value]
        for node in nodes:
            if digests[node] not in self._outputs:
                with foreign.telling(lambda node=node: _failing(graph, node, edits), "look at its values on the axis"):
                    self._outputs[digests[node]] = nodegraph.run(graph, node, outputs)
                self.runs += 1
            outputs[node] = self._outputs[digests[node]]
        return [outputs[links[port][0]][links[port][1]][0] if port in links else self.connected[port] for port in ports]

    def _digest(self, graph: Graph, link: Sequence[Any], digests: dict[str, str]) -> str:
        """SHA-256 of all that an output depends on: its node's type and widgets, the files that they name, what comes in."""
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
