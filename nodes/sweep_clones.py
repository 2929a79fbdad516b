"""Train LoRA and the nodes in front of it that a sweep changes, run anew with other values by the host's own machinery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..training_core.compare.axes import WidgetEdit
from ..training_core.compare.upstream import Slot, changed, edge, edited
from ..training_core.host import node_tools, nodegraph
from ..training_core.shared_graph import is_link, upstream
from ..training_core.sweep.planned import Edits


class Clones:
    """The part of the graph that leads to a Train LoRA; what changes in it is run for one set of values at a time.

    Nodes that no value changes are not run again: their outputs come in through the sweep's own inputs, so that models, datasets and
    caches are shared. Of those that are run, the outputs of the last values stay, and are used again where they are the same.
    """

    def __init__(self, graph: Mapping[str, Any], train: str, varied: Sequence[str], extra: Mapping[str, Any]) -> None:
        """Run nothing yet.

        Args:
            graph: the whole graph in the form of the host's API.
            train: id of the node Train LoRA.
            varied: ids of the nodes with settings that vary.
            extra: the extra data of the host's job, which nodes write into files.
        """
        # Without the sweep itself, which is what a Train LoRA looks for behind it, and without what stands elsewhere.
        self.graph = upstream(graph, [train])
        self.train, self._extra = train, extra
        self.nodes = changed(self.graph, [[train, 0]], {*varied, train})
        self.needed: list[Slot] = edge(self.graph, self.nodes)
        self._before = {node: set(upstream(self.graph, [node])) for node in self.nodes}
        self._outputs: dict[str, tuple[Edits, list[Any]]] = {}  # node -> the values that it was run with, its outputs

    def inputs(self, edits: Edits, given: Mapping[Slot, Any]) -> dict[str, Any]:
        """Return the inputs of Train LoRA with these values, by name; runs the nodes in front of it that they change.

        Args:
            given: the values of `needed`.

        Raises:
            AthanorError: a node in front of it does not take a value.
        """
        outputs, graph = self._run(edits, given), edited(self.graph, edits)
        found = graph[self.train]["inputs"].items()
        return {name: outputs[value[0]][value[1]][0] if is_link(value) else value for name, value in found}

    def train_one(self, given: Mapping[Slot, Any], edits: Edits, goes_on: bool) -> list[Any]:
        """Run Train LoRA with these values, and return its outputs. Raises what the node raises.

        Args:
            given: the values of `needed`.
            goes_on: with what was begun, although `retrain` may ask to begin anew.
        """
        edits = (*edits, WidgetEdit(self.train, "retrain", False)) if goes_on else edits
        outputs, graph = self._run(edits, given), edited(self.graph, edits)
        job = node_tools.executing() or "athanor"
        found = nodegraph.run(graph, self.train, outputs, job=job, extra=self._extra)
        return [values[0] for values in found]

    def _run(self, edits: Edits, given: Mapping[Slot, Any]) -> dict[str, list[Any]]:
        """Return the outputs of all nodes that Train LoRA needs, each a list as the host keeps it."""
        graph, outputs = edited(self.graph, edits), dict[str, list[Any]]()
        for (node, slot), value in given.items():
            slots = outputs.setdefault(node, [])
            slots += [[None]] * (slot + 1 - len(slots))
            slots[slot] = [value]
        for node in self.nodes:
            if node == self.train:
                continue
            own = tuple(edit for edit in edits if edit.node in self._before[node])
            known = self._outputs.get(node)
            if known is None or known[0] != own:
                self._outputs.pop(node, None)  # one model is alive at a time
                self._outputs[node] = own, nodegraph.run(graph, node, outputs, extra=self._extra)
            outputs[node] = self._outputs[node][1]
        return outputs
