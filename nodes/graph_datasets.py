"""Datasets that only a running graph can make, remembered for the pages that look at them, and reading of API graphs."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..training_core.errors import AthanorError

if TYPE_CHECKING:
    from ..training_core.data.dataset import Dataset

Prompt = Mapping[str, Any]
"""A graph in API form."""

_MOST = 8
"""Datasets that are remembered."""


class GraphDatasets:
    """Datasets by the node and the graph that made them; the oldest is forgotten first."""

    def __init__(self) -> None:
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()
        self._lock = Lock()

    def put(self, prompt: Prompt | None, node: str | None, dataset: Dataset) -> None:
        """Remember the dataset that a node has made."""
        if not prompt or node is None or node not in prompt:
            return
        with self._lock:
            self._datasets[digest(prompt, node)] = dataset
            while len(self._datasets) > _MOST:
                self._datasets.popitem(last=False)

    def get(self, prompt: Prompt, node: str) -> Dataset | None:
        """Return the dataset that the same node with the same graph above it has made; None if there is none."""
        with self._lock:
            return self._datasets.get(digest(prompt, node))


made = GraphDatasets()


def digest(prompt: Prompt, node: str) -> str:
    """Return a hash that is equal for nodes whose values, and those of all nodes above them, are equal.

    Raises:
        AthanorError: a node is above itself.
    """
    known: dict[str, str] = {}
    for name in in_order(prompt, node):
        inputs = {
            key: [known[link[0]], link[1]] if (link := link_of(prompt, value)) else _plain(value)
            for key, value in inputs_of(prompt, name).items()
        }
        text = json.dumps([kind_of(prompt, name), inputs], sort_keys=True, default=str)
        known[name] = hashlib.sha256(text.encode()).hexdigest()
    return known[node]


def in_order(prompt: Prompt, node: str) -> list[str]:
    """Return `node` and all nodes above it, each behind those that it takes something from; a graph may be of any length.

    Raises:
        AthanorError: a node is above itself.
    """
    order: list[str] = []
    is_done: dict[str, bool] = {}  # of each node that was begun; one that is not done is above the node at hand
    waiting = [(node, False)]
    while waiting:
        name, is_end = waiting.pop()
        if is_end:
            is_done[name] = True
            order.append(name)
        elif name not in is_done:
            is_done[name] = False
            links = (link_of(prompt, value) for value in inputs_of(prompt, name).values())
            waiting += [(name, True), *((link[0], False) for link in links if link)]
        elif not is_done[name]:
            raise AthanorError("The graph has a loop.")
    return order


def _plain(value: Any) -> Any:
    """Return whole numbers as floats: a page sends 1 for 1.0, and the host makes 1.0 of it before it runs the node."""
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**64
    return float(value) if is_whole else value


def link_of(prompt: Prompt, value: Any) -> tuple[str, int] | None:
    """Return the node and the output that feed an input; None if the input is a plain value."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in prompt:
        return value[0], value[1]
    return None


def kind_of(prompt: Prompt, node: str) -> str:
    """Return the class_type of a node; "" if it has none."""
    entry = prompt[node]
    return str(entry.get("class_type", "")) if isinstance(entry, Mapping) else ""


def inputs_of(prompt: Prompt, node: str) -> Mapping[str, Any]:
    """Return the widgets and links of a node by name."""
    entry = prompt[node]
    inputs = entry.get("inputs") if isinstance(entry, Mapping) else None
    return inputs if isinstance(inputs, Mapping) else {}
