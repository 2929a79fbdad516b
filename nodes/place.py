"""The position of a node in its graph, and how it gets further outputs of that graph as inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comfy_api.latest import io

from ..training_core.compare.cells import CONTROL_INPUTS, MODEL_LOW
from ..training_core.host import node_tools

_MORE = "output "
"""Prefix of inputs that are added to a node when it is expanded: 'output SLOT NODE'."""
_PORTS = ("model", "clip", "vae", "latent", MODEL_LOW, *CONTROL_INPUTS)


def links_of(node: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the links of a node's models, latent and control pictures, as [node id, output], by input name."""
    return {name: value for name, value in node["inputs"].items() if name in _PORTS and isinstance(value, list)}


class Place:
    """A node, its graph and where its inputs come from.

    A node that needs outputs of nodes further up is expanded into one of its own kind that has them as inputs: so the
    host passes on what it has computed already, and nothing is computed twice. `inner` tells the expanded one.
    """

    def __init__(self, hidden: Any) -> None:
        self.graph: Mapping[str, Any] = hidden.prompt or {}
        dynamic = hidden.dynprompt
        self.node: str = dynamic.get_real_node_id(hidden.unique_id) if dynamic else hidden.unique_id
        self.inner = self.node != hidden.unique_id
        self._own = self.graph.get(self.node, {}).get("inputs", {})
        self.links = links_of(self.graph[self.node]) if self._own else {}

    def linked(self, slot: int) -> bool:
        """Whether an input in the graph is linked to this output; without one, pictures need not be read from disk."""
        wanted = [self.node, slot]
        return any(value == wanted for node in self.graph.values() for value in node["inputs"].values())

    def again(self, slots: Sequence[tuple[str, int]], outputs: int) -> io.NodeOutput | None:
        """Return the same node expanded with outputs of the graph as inputs; None if there are none.

        Args:
            slots: (node id, output) of each.
            outputs: how many outputs the node has.
        """
        if not slots:
            return None
        more = {f"{_MORE}{slot} {node}": [node, slot] for node, slot in slots}
        links, graph = node_tools.expansion(self.graph[self.node]["class_type"], {**self._own, **more}, outputs)
        return io.NodeOutput(*links, expand=graph)

    def edge(self, values: Mapping[str, Any]) -> dict[tuple[str, int], Any]:
        """Return the inputs that `again` has added, by (node id, output)."""
        added = {}
        for name, value in values.items():
            if name.startswith(_MORE):
                slot, _, node = name.removeprefix(_MORE).partition(" ")
                added[node, int(slot)] = value
        return added

    def listed(self, values: list[Any]) -> list[Any]:
        """Return the value of an output that is a list: the inner node wraps it, since the host would join lists otherwise."""
        return [values] if self.inner else values
