"""Datasets that only a running graph can make, kept for whoever looks at them."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from ..training_core.data.dataset import Dataset
from ..training_core.errors import AthanorError

Prompt = Mapping[str, Any]
"""A graph in API form."""

_KEPT = 8


class Kept:
    """Datasets that only a running graph can make, by what made them; the oldest goes first."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, Dataset] = OrderedDict()
        self._lock = Lock()

    def put(self, prompt: Prompt | None, node: str | None, dataset: Dataset) -> None:
        """Keep what a node has made."""
        if not prompt or node is None or node not in prompt:
            return
        with self._lock:
            self._found[digest(prompt, node)] = dataset
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)

    def get(self, prompt: Prompt, node: str) -> Dataset | None:
        """What the same node with the same graph above it has made."""
        with self._lock:
            return self._found.get(digest(prompt, node))


kept = Kept()


def digest(prompt: Prompt, node: str) -> str:
    """The same for nodes whose values, and those of all nodes above them, are the same."""
    known: dict[str, str] = {}

    def of(name: str, above: tuple[str, ...]) -> str:
        if name in above:
            raise AthanorError("The graph goes round in a circle.")
        if name not in known:
            inputs = {
                key: [of(link[0], (*above, name)), link[1]] if (link := link_of(prompt, value)) else _plain(value)
                for key, value in inputs_of(prompt, name).items()
            }
            told = json.dumps([kind_of(prompt, name), inputs], sort_keys=True, default=str)
            known[name] = hashlib.sha256(told.encode()).hexdigest()
        return known[name]

    return of(node, ())


def _plain(value: Any) -> Any:
    """A page sends 1 for 1.0, and the host makes 1.0 of it before it runs the node."""
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def link_of(prompt: Prompt, value: Any) -> tuple[str, int] | None:
    """The node and the output that feed an input; None if its value is there."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and value[0] in prompt:
        return value[0], value[1]
    return None


def kind_of(prompt: Prompt, node: str) -> str:
    """The type of a node."""
    told = prompt[node]
    return str(told.get("class_type", "")) if isinstance(told, Mapping) else ""


def inputs_of(prompt: Prompt, node: str) -> Mapping[str, Any]:
    """Its widgets and links by name."""
    told = prompt[node]
    found = told.get("inputs") if isinstance(told, Mapping) else None
    return found if isinstance(found, Mapping) else {}
