"""Where a node stands in the graph, and running it once more with further outputs of the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comfy_api.latest import io

from ..training_core.host import node_tools

_MORE = "output "
"""Inputs that are no inputs of the node: 'output SLOT NODE'."""
_PORTS = ("model", "clip", "vae", "latent")


def links_of(node: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Where the graph has the models and the latent of a comparison from."""
    return {name: value for name, value in node["inputs"].items() if name in _PORTS and isinstance(value, list)}


class Place:
    """A node, its graph and where its inputs come from.

    A node that needs outputs of nodes further up grows one of its own kind inside it that has them as inputs: so the
    host gives what it has computed, and nothing is computed twice.
    """

    def __init__(self, hidden: Any) -> None:
        self.graph: Mapping[str, Any] = hidden.prompt or {}
        dynamic = hidden.dynprompt
        self.node: str = dynamic.get_real_node_id(hidden.unique_id) if dynamic else hidden.unique_id
        self.inner = self.node != hidden.unique_id
        self._own = self.graph.get(self.node, {}).get("inputs", {})
        self.links = links_of(self.graph[self.node]) if self._own else {}

    def linked(self, slot: int) -> bool:
        """Whether something in the graph takes this output: pictures are only read from disk if so."""
        wanted = [self.node, slot]
        return any(value == wanted for node in self.graph.values() for value in node["inputs"].values())

    def again(self, slots: Sequence[tuple[str, int]], outputs: int) -> io.NodeOutput | None:
        """The same node, which has `outputs` outputs, with these of the graph as inputs; None if there are none."""
        if not slots:
            return None
        more = {f"{_MORE}{slot} {node}": [node, slot] for node, slot in slots}
        links, graph = node_tools.expansion(self.graph[self.node]["class_type"], {**self._own, **more}, outputs)
        return io.NodeOutput(*links, expand=graph)

    def edge(self, values: Mapping[str, Any]) -> dict[tuple[str, int], Any]:
        """What `again` has brought in, by node and output."""
        found = {}
        for name, value in values.items():
            if name.startswith(_MORE):
                slot, _, node = name.removeprefix(_MORE).partition(" ")
                found[node, int(slot)] = value
        return found

    def listed(self, values: list[Any]) -> list[Any]:
        """A list for an output of lists: of the inner node it travels as one thing, for the host joins them otherwise."""
        return [values] if self.inner else values
