"""A widget of the graph as an axis: which one is meant, and which values it takes (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import lists
from ..errors import AthanorError, quoted
from ..names import nearest
from . import grammar, readers, replacing
from .axes import Axis, Value, WidgetEdit

_WORDS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """A widget of a node in the graph, as the host defines it."""

    node: str
    name: str
    title: str  # of the node, as its user calls it
    kinds: tuple[str, ...]  # of the node: its type, and the name that the host shows for it
    type: str  # INT, FLOAT, BOOLEAN, STRING or COMBO
    value: Any
    options: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def full(self) -> str:
        """The name that means no other: Load LoRA (12).strength_model."""
        return f"{self.title} ({self.node}).{self.name}"


def find(text: str, widgets: Sequence[Widget]) -> Widget:
    """The widget that a text means: `Load LoRA (12).strength_model`, `12.strength_model`, `LoraLoader.strength_model`, or with
    the node's own title.

    Raises:
        AthanorError: there is none, or more than one; the nearest are listed.
    """
    text = text.strip()
    if not text:
        raise AthanorError("widget is empty: choose one of the list, or write it as node.widget, such as 12.shift.")
    for names in (_exact, _loose):
        matches = [w for w in widgets if text.lower() in names(w)]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise AthanorError(
                f"widget {quoted(text)} could be {' or '.join(w.full for w in matches[:4])}; write it like that."
            )
    # The node has another title by now.
    match = re.search(r"\(([\d:]+)\)\.(.+)$", text)
    for widget in widgets:
        if match and (widget.node, widget.name) == (match[1], match[2]):
            return widget
    raise AthanorError(f"there is no widget {quoted(text)} in the graph; {_nearest(text, widgets)}.")


def _exact(widget: Widget) -> set[str]:
    names = [widget.node, *(f"{name} ({widget.node})" for name in (widget.title, *widget.kinds))]
    return {f"{name}.{widget.name}".lower() for name in names}


def _loose(widget: Widget) -> set[str]:
    return {f"{name}.{widget.name}".lower() for name in (widget.title, *widget.kinds)}


def _nearest(text: str, widgets: Sequence[Widget]) -> str:
    """Return the widgets that look most like a text, in words, each in the form in which the text names its node."""
    node, _, name = text.rpartition(".")
    same = [w for w in widgets if name and name.lower() == w.name.lower()]
    if node.isdecimal():
        known = {f"{w.node}.{w.name}": w for w in [w for w in widgets if w.node == node] or same or widgets}
    else:
        known = {f"{w.title}.{w.name}": w for w in same or widgets}
        known |= {f"{kind}.{w.name}": w for w in same or widgets for kind in w.kinds}
    return nearest(text, list(known))


def read(widget: Widget, text: str, widgets: Sequence[Widget], whole_word: bool = True) -> Axis:
    """Return the axis of a widget's values: numbers and ranges, names and patterns, on and off, texts (one a line) or old => new.

    Raises:
        AthanorError: the widget does not take one of them.
    """
    values = [
        Value(label, (("widget", WidgetEdit(widget.node, widget.name, v)),))
        for label, v in _values(widget, text, whole_word)
    ]
    if not values:
        raise AthanorError(f"values is empty: {widget.full} needs at least one value.")
    short = f"{widget.title}.{widget.name}"
    alone = sum(f"{w.title}.{w.name}" == short for w in widgets) < 2
    return Axis(short if alone else widget.full, tuple(values))


def _values(widget: Widget, text: str, whole_word: bool) -> list[tuple[str, Any]]:
    if widget.type in ("INT", "FLOAT"):
        return _numbers(widget, text)
    if widget.type == "BOOLEAN":
        return _switch(widget, text)
    if widget.type == "COMBO":
        known = {str(option): option for option in widget.options}
        found = readers.found(text, list(known), f"{widget.name} of {widget.title}")
        return [(name.removesuffix(".safetensors"), known[name]) for name in found]
    return _texts(widget, text, whole_word)


def _numbers(widget: Widget, text: str) -> list[tuple[str, Any]]:
    whole = widget.type == "INT"
    result = []
    for number in grammar.numbers(text, whole=whole):
        low, high = widget.minimum, widget.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            bounds = " and ".join(
                f"{word} {b:g}" for word, b in (("at least", low), ("at most", high)) if b is not None
            )
            raise AthanorError(f"values: {widget.full} takes {bounds}, not {grammar.plain(number)}.")
        result.append((str(int(number)), int(number)) if whole else (grammar.plain(number), float(number)))
    return result


def _switch(widget: Widget, text: str) -> list[tuple[str, Any]]:
    result = []
    for part in lists.names(text, lambda _: False):
        if part.lower() not in _WORDS:
            raise AthanorError(f"values: {widget.full} is a switch and takes true or false, not {quoted(part)}.")
        result.append(("on" if _WORDS[part.lower()] else "off", _WORDS[part.lower()]))
    return result


def _texts(widget: Widget, text: str, whole_word: bool) -> list[tuple[str, Any]]:
    parts = lists.split(text, commas=False)
    if not parts or not all("=>" in part for part in parts):
        return [(part or "(empty)", part) for part in parts]
    result = []
    for change in replacing.replacements(text):
        if not replacing.contains(str(widget.value), change.old, whole_word):
            raise AthanorError(
                f"values: {quoted(change.old)} is not in the text of {widget.full}; write it exactly as in that text"
                + (", or turn whole_word off." if whole_word else ".")
            )
        result.append((change.new or "(nothing)", replacing.replace(str(widget.value), change, whole_word)))
    return result
