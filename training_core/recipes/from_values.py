"""The nodes of a graph in API form, and what their inputs hold: values, links through primitives, values of older versions (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import quoted, shortened
from ..settings import SettingInfo, Settings, identity, info
from .values import fitted

Prompt = Mapping[str, Any]
_PRIMITIVES = ("PrimitiveInt", "PrimitiveFloat", "PrimitiveString", "PrimitiveStringMultiline", "PrimitiveBoolean")
"""The host's nodes that hold a value alone, in their input `value`."""
_MOST_PASSED = 50
"""Primitives that a link passes through: more only where they go in a circle."""
_TITLES = {"AthanorTrainLoRA": "Train LoRA"}


class Reader:
    """A graph that is read, and the sentences about what cannot be."""

    def __init__(self, prompt: Prompt) -> None:
        """`prompt`: of any origin; what has not the form of a node is passed over."""
        self._nodes = {
            str(key): node
            for key, node in (prompt.items() if isinstance(prompt, Mapping) else ())
            if isinstance(node, Mapping) and isinstance(node.get("class_type"), str)
        }
        self.left_out: list[str] = []

    def leave_out(self, sentence: str) -> None:
        """Note something that the recipe does not hold."""
        self.left_out.append(sentence)

    def kind(self, key: str) -> str:
        """Return a node's type; '' if there is no such node."""
        node = self._nodes.get(key)
        return node["class_type"] if node else ""

    def is_a(self, key: str, kind: str) -> bool:
        """Return whether a node is of a type."""
        return self.kind(key) == kind

    def called(self, key: str) -> str:
        """Return a node's title, or its type, with its id: "Network Config (7)"."""
        meta = self._nodes.get(key, {}).get("_meta")
        title = meta.get("title") if isinstance(meta, Mapping) else None
        kind = self.kind(key)
        words = "".join(f" {sign}" if sign.isupper() else sign for sign in kind.removeprefix("Athanor")).strip()
        own = title if isinstance(title, str) and title else _TITLES.get(kind) or (words if "Athanor" in kind else kind)
        return f"{shortened(own) or 'A node'} ({shortened(key, 20)})"

    def inputs(self, key: str) -> Mapping[str, Any]:
        """Return a node's inputs by name, values as they stand there."""
        inputs = self._nodes.get(key, {}).get("inputs")
        return inputs if isinstance(inputs, Mapping) else {}

    def link(self, key: str, name: str) -> str | None:
        """Return the node that an input comes from; None if it is not connected to one that there is."""
        return self._origin(self.inputs(key).get(name))

    def value(self, key: str, name: str) -> tuple[Any, bool]:
        """Return (value of an input, whether it is known): links are followed through primitives; None where it is not given."""
        value = self.inputs(key).get(name)
        for _ in range(_MOST_PASSED):
            origin = self._origin(value)
            if origin is None:
                break
            if self.kind(origin) not in _PRIMITIVES:
                self.leave_out(
                    f"{self.called(key)}: {shortened(name)} comes from {self.called(origin)}, and is not known before the graph runs."
                )
                return None, False
            value = self.inputs(origin).get("value")
        if isinstance(value, Mapping) and "__value__" in value:  # as scripts may give lists
            value = value["__value__"]
        return (None, False) if isinstance(value, (list, Mapping)) else (value, True)

    def settings(self, key: str, kind: type[Settings]) -> dict[str, Any]:
        """Return what a node's inputs say of a group of settings, by the names and in the kinds of today.

        What cannot be followed, or is not of its setting's kind, is left out with a sentence, and so at its default.
        """
        known = {each.name: each for each in info(kind)}
        names = self._names(key, kind)
        found = {}
        for name, written in names.items():
            value, _ = self.value(key, written)
            if value is None or name not in known:
                continue
            try:
                found[name] = _of_today(known[name], value)
            except ValueError as error:
                self.leave_out(f"{self.called(key)}: {name} is left out: {error}")
        return found

    def _names(self, key: str, kind: type[Settings]) -> dict[str, str]:
        """Return today's name of each setting that a node's inputs hold, and the name under which they hold it."""
        inputs = self.inputs(key)
        return identity.read(kind, {name: name for name in inputs})

    def _origin(self, value: Any) -> str | None:
        """Return the node that a value links to; None if it is no link to a node that there is."""
        if not isinstance(value, list) or len(value) != 2 or isinstance(value[0], bool):
            return None
        key = str(value[0]) if isinstance(value[0], (str, int)) else ""
        return key if key in self._nodes else None


def _of_today(setting: SettingInfo, value: Any) -> Any:
    """Return a value as the setting has it today.

    Raises:
        ValueError: it is of another kind.
    """
    if not isinstance(value, (str, int, float, bool)):
        raise ValueError(f"{quoted(value)} is no value.")
    if isinstance(value, float) and setting.kind in ("str", "choice"):
        value = f"{value:g}"
    return fitted(setting, setting.old_values.get(str(value), value))
