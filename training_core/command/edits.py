"""`--set NODE.INPUT=VALUE`: which widget of a graph is meant, and the value as the widget's type has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..errors import AthanorError, quoted, shortened
from ..names import Known, nearest, own, simple
from ..page_form import Inputs, is_widget
from ..shared_graph import upstream
from .job_edits import BLOCKS, GROUPS, connect

Prompt = dict[str, Any]
InputsOf = Callable[[str], Inputs | None]
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def apply(prompt: Prompt, train: str, text: str, inputs_of: InputsOf, titles: Mapping[str, str]) -> None:
    """Change one widget of `prompt`, in place.

    Args:
        train: id of the node that trains: it and the nodes that lead to it are meant.
        text: NODE.INPUT=VALUE, or INPUT=VALUE where one node has that input. NODE is a node's id, type or title. A setting of a
            config node that the graph lacks adds that node.
        inputs_of: a node type's inputs.
        titles: node types -> what the page calls them.

    Raises:
        AthanorError: no setting is meant, or several; or the value is none of its type. The sentence names what there is.
    """
    place, equals, value = text.partition("=")
    if not equals or not place.strip():
        raise AthanorError(f'--set {quoted(text)}: write NODE.INPUT=VALUE, such as --set "Train LoRA.epochs=4".')
    key, name = _place(_Nodes(prompt, train, inputs_of, titles), place.strip())
    prompt[key]["inputs"][name] = typed(value, *(inputs_of(prompt[key]["class_type"]) or {})[name], f"--set {name}")


class _Nodes:
    """The nodes that lead to the one that trains, with their names and widgets."""

    def __init__(self, prompt: Prompt, train: str, inputs_of: InputsOf, titles: Mapping[str, str]) -> None:
        self.prompt, self.train, self.inputs_of, self.titles = prompt, train, inputs_of, titles
        self.keys = list(upstream(prompt, [train]))

    def widgets(self, key: str) -> list[str]:
        """Return the names of a node's widgets."""
        inputs = self.inputs_of(self.prompt[key]["class_type"]) or {}
        return [name for name, (type_, options) in inputs.items() if is_widget(type_) and not options.get("forceInput")]

    def names(self, key: str) -> list[str]:
        """Return what a node can be called: its title, what the page calls its type, its type, its id; titles in short at first."""
        node = self.prompt[key]
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        called = (title, self.titles.get(node["class_type"]), node["class_type"], key)
        names = [name for name in called if isinstance(name, str) and name]
        return list(dict.fromkeys(each for name in names for each in (own(name), name)))

    def called(self, name: str) -> list[str]:
        """Return the nodes that a name means."""
        if name in self.keys:
            return [name]
        return [key for key in self.keys if simple(name) in map(simple, self.names(key))]

    def add(self, name: str, node: str) -> str | None:
        """Add the config node that has the setting `name`, if the graph has none of its type and `node`, if any, names it."""
        for group in (*GROUPS.values(), BLOCKS):
            title = self.titles.get(group.node, "")
            called = map(simple, (group.node, title, own(title), group.port))
            there = any(self.prompt[key]["class_type"] == group.node for key in self.keys)
            if there or name not in group.settings.model_fields or (node and simple(node) not in called):
                continue
            key = self.train
            if group is BLOCKS:
                network = GROUPS["network"]
                nets = [k for k in self.keys if self.prompt[k]["class_type"] == network.node]
                key = nets[0] if nets else connect(self.prompt, key, network)
            return connect(self.prompt, key, group) if not self.prompt[key]["inputs"].get(group.port) else None
        return None


def _place(nodes: _Nodes, place: str) -> tuple[str, str]:
    """Return (node id, input) that NODE.INPUT or INPUT means."""
    splits = [("", place), *((place[:i].strip(), place[i + 1 :].strip()) for i in _dots(place))]
    for node, name in splits:
        keys = nodes.called(node) if node else nodes.keys
        having = [key for key in keys if name in nodes.widgets(key)]
        if len(having) == 1:
            return having[0], name
        if having:
            could = " or ".join(f"{shortened(_written(nodes, key))}.{name}" for key in having[:6])
            raise AthanorError(f"--set {shortened(place)} could be {could}: write one of these.")
        added = nodes.add(name, node)
        if added:
            return added, name
    node, name = splits[-1]
    if node and not nodes.called(node):
        known = [each for key in nodes.keys for each in nodes.names(key)]
        raise AthanorError(
            f"--set {shortened(place)}: no node that leads to Train LoRA is called {quoted(node)}; {nearest(node, known)}."
        )
    keys = nodes.called(node) if node else nodes.keys
    known = list(dict.fromkeys(widget for key in keys for widget in nodes.widgets(key)))
    whose = f"{quoted(node)} has no setting" if node else "no node that leads to Train LoRA has a setting"
    raise AthanorError(f"--set {shortened(place)}: {whose} {quoted(name)}; {nearest(name, known)}.")


def _dots(place: str) -> Iterator[int]:
    """Yield where a text could be cut into node and input: at the last dot first, for titles have dots as well."""
    return (i for i in range(len(place) - 1, 0, -1) if place[i] == ".")


def _written(nodes: _Nodes, key: str) -> str:
    """Return the best name by which only this node is meant."""
    return next(name for name in nodes.names(key) if nodes.called(name) == [key])


def typed(text: str, type_: Any, options: Mapping[str, Any], what: str) -> Any:
    """Return a text as the value of a widget.

    Args:
        type_: INT, FLOAT, BOOLEAN, STRING, COMBO, or a list of choices.
        options: of the input: min, max, options.
        what: the place that is set, for the message.

    Raises:
        AthanorError: it is none; the sentence says what is allowed.
    """
    if type_ == "STRING":
        return text
    value = text.strip()
    if type_ == "BOOLEAN":
        if value.lower() not in _WORDS:
            raise AthanorError(f"{what} is {quoted(text)}: it must be true or false.")
        return _WORDS[value.lower()]
    choices = type_ if isinstance(type_, list) else options.get("options") or []
    if type_ not in ("INT", "FLOAT"):
        names = [str(each) for each in choices]
        return choices[names.index(Known(names, "choice", what).resolve(value))] if choices else value
    number = _number(value, type_ == "INT")
    if number is None:
        raise AthanorError(f"{what} is {quoted(text)}: it must be a {'whole number' if type_ == 'INT' else 'number'}.")
    for bound, word, beyond in (("min", "least", -1), ("max", "most", 1)):
        limit = options.get(bound)
        if isinstance(limit, int | float) and (number - limit) * beyond > 0:
            raise AthanorError(f"{what} is {shortened(value)}: it must be at {word} {limit}.")
    return number


def _number(text: str, whole: bool) -> float | None:
    """Return a finite number, or None; a whole one may be written 1e3 as well."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number) or (whole and not number.is_integer()):
        return None
    return int(number) if whole else number
