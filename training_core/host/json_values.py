"""Values of inputs as scripts write them in JSON: those of another kind than the input's are taken as they are meant, or refused.

The host makes a text of everything that is given for a text, True of the text "false", takes NaN for a number, and hands what is
given for a socket to the node. What its own check cannot read ends in an error of Python's, such as KeyError: 'a'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..errors import quoted, shortened
from .comfy_nodes import host_nodes

_SWITCH = {
    "true": True, "yes": True, "on": True, "1": True, "1.0": True,
    "false": False, "no": False, "off": False, "0": False, "0.0": False,
}  # fmt: skip
_KINDS = {"INT": "a whole number", "FLOAT": "a number", "BOOLEAN": "true or false", "STRING": "a text"}


class Refused(list):
    """The sentence that refuses a value, in its place: a list of one, which the host refuses as no link and names the input."""

    def __init__(self, sentence: str) -> None:
        super().__init__([sentence])

    def __str__(self) -> str:
        return str(self[0])


MISSING = object()
"""Stands for an input that is to be taken out of the prompt, as if it had not been given."""


def as_meant(name: str, value: Any, spec: Any, prompt: Mapping[str, Any]) -> Any:
    """Return what a value of an input means; `Refused` if it can mean nothing, MISSING if it stands for no value.

    Args:
        name: of the input.
        value: any value that JSON has.
        spec: type and options of the input, as INPUT_TYPES has them.
        prompt: the whole graph, in which a link needs its node.
    """
    wanted, options = spec[0], spec[1] if len(spec) > 1 else {}
    # As the host lets scripts give lists, which no input here takes.
    wrapped = isinstance(value, dict) and "__value__" in value
    value = value["__value__"] if wrapped else value
    choices = wanted if isinstance(wanted, list | tuple) else options.get("options") if wanted == "COMBO" else None
    if value is None:
        return MISSING
    if isinstance(value, list) and not wrapped:
        link = _link(value, prompt)
        takes = "an output of a node in the graph" if len(value) == 2 else _takes(wanted, choices)
        return link or Refused(f"{name} is {_shown(value)}: it takes {takes}.")
    meant = _chosen(value, choices) if choices is not None else _READERS.get(str(wanted), lambda _: None)(value)
    return Refused(f"{name} is {_shown(value)}: it takes {_takes(wanted, choices)}.") if meant is None else meant


def _takes(wanted: Any, choices: Any) -> str:
    return "one of its choices" if choices is not None else _KINDS.get(wanted, 'an output of a node, such as ["4", 0]')


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    try:
        return shortened(repr(value))
    except ValueError:  # more digits than Python writes
        return "an endless number"


def _link(value: list[Any], prompt: Mapping[str, Any]) -> list[Any] | None:
    """Return [id of a node, number of its output] as the host wants it; None if there is no such output."""
    node, slot = value if len(value) == 2 else (None, None)
    node = str(node) if isinstance(node, int) and not isinstance(node, bool) else node
    if not isinstance(node, str) or not isinstance(prompt.get(node), dict) or isinstance(slot, bool):
        return None
    if not isinstance(slot, int) and not (isinstance(slot, float) and slot.is_integer()):
        return None
    type_ = prompt[node].get("class_type")
    kind = host_nodes.NODE_CLASS_MAPPINGS.get(type_) if isinstance(type_, str) else None
    # Of an unknown node the host tells.
    return [node, int(slot)] if kind is None or _has_output(kind, int(slot)) else None


def _has_output(kind: Any, slot: int) -> bool:
    """Return whether the host finds a type for an output of a node: asked as it asks, for nodes of some packs have any number."""
    try:
        kind.RETURN_TYPES[slot]
    except Exception:  # of any pack
        return False
    return True


def _chosen(value: Any, choices: Any) -> Any:
    """Return a choice that is given as a number, such as 75; other texts as they are, since the host lists the choices."""
    if isinstance(value, str):
        return shortened(value) if len(value) > 1000 else value
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if isinstance(value, int | float) and text in choices else None


def _number(value: Any) -> Any:
    """Return a number, or the text of one; None for NaN, the infinite, and what is none. The host says what text is no number."""
    try:
        return value if isinstance(value, int | float | str) and math.isfinite(float(value)) else None
    except OverflowError:
        return None
    except ValueError:
        return shortened(value)


def _switch(value: Any) -> bool | None:
    return _SWITCH.get(str(value).strip().lower()) if isinstance(value, bool | int | float | str) else None


def _text(value: Any) -> Any:
    return value if isinstance(value, str) or _number(value) is not None else None


_READERS = {"INT": _number, "FLOAT": _number, "BOOLEAN": _switch, "STRING": _text}
