"""A workflow as ComfyUI's page saves it -> the same graph in the form of its API, as the page would queue it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import quoted, shortened
from .json_text import objects

Inputs = Mapping[str, tuple[Any, Mapping[str, Any]]]
"""A node type's inputs in the order of its widgets: name -> its type (a list: the choices) and its options."""

_MUTED, _BYPASSED = 2, 4
_INNER_INPUT = -10  # the origin of a subgraph's links that come in from outside
_INNER_OUTPUT = -20  # the target of those that go out
_OF_THE_PAGE = ("Note", "MarkdownNote", "Reroute", "PrimitiveNode")
"""Nodes that the host does not have."""
_WIDGETS = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")
_CONTROLS = ("fixed", "increment", "decrement", "randomize")
_MOST_PASSED = 50
"""Nodes that a link passes through: more only where they go in a circle."""
EXPORT = "open it in ComfyUI, choose Export (API), and use that file"


@dataclass(frozen=True, slots=True)
class Converted:
    """A graph in the form of the API, and a sentence about each node, by its id, that could not be converted."""

    prompt: dict[str, Any] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def to_prompt(workflow: Mapping[str, Any], inputs_of: Callable[[str], Inputs | None]) -> Converted:
    """Convert a workflow: muted nodes and notes are left out, links pass through bypassed nodes, reroutes and subgraphs.

    Args:
        workflow: of any origin; what has not the form of a node or a link is passed over.
        inputs_of: a node type's inputs; None if it is not known here.
    """
    found = workflow.get("definitions")
    listed = found.get("subgraphs") if isinstance(found, dict) else None
    level = _Level(workflow, {d["id"]: d for d in objects(listed) if isinstance(d.get("id"), str)})
    converted = Converted()
    for key, node, at in level.real_nodes():
        _convert(converted, key, node, at, inputs_of)
    return converted


class _Level:
    """The nodes of a workflow or of one subgraph in it, and where their links come from."""

    def __init__(
        self,
        graph: Mapping[str, Any],
        definitions: Mapping[str, Any],
        prefix: str = "",
        outside: tuple[_Level, dict[str, Any]] | None = None,
    ) -> None:
        """`prefix`: of its nodes' ids; `outside`: the level and the node that this subgraph is in."""
        self._graph, self._definitions, self._prefix, self._outside = graph, definitions, prefix, outside
        self._nodes = {
            str(n["id"]): n for n in objects(graph.get("nodes")) if "id" in n and isinstance(n.get("type"), str)
        }
        self._links = dict(map(_link, _links(graph.get("links"))))
        self._inner: dict[str, _Level] = {}
        self._around: set[str] = outside[0]._around | {outside[1]["type"]} if outside else set()

    def real_nodes(self) -> Iterator[tuple[str, dict[str, Any], _Level]]:
        """Yield (id, node, its level) of each node that the host would run, those in subgraphs as well."""
        for key, node in self._nodes.items():
            if node.get("mode") in (_MUTED, _BYPASSED) or node["type"] in _OF_THE_PAGE:
                continue
            inner = self._subgraph(node)
            if inner is not None:
                yield from inner.real_nodes()
            elif node["type"] not in self._definitions:
                yield f"{self._prefix}{key}", node, self

    def _subgraph(self, node: dict[str, Any]) -> _Level | None:
        """Return what is inside a node; None if it is no subgraph, or is one of those around it."""
        key, definition = str(node["id"]), self._definitions.get(node["type"])
        if definition is None or node["type"] in self._around:
            return None
        if key not in self._inner:
            self._inner[key] = _Level(definition, self._definitions, f"{self._prefix}{key}:", (self, node))
        return self._inner[key]

    def source(self, link: Any, passed: int = 0) -> Any:
        """Return where a link comes from: [node id, output], a widget's value as a tuple of one, or None for nowhere."""
        found = self._links.get(link) if isinstance(link, int | str) else None
        if found is None or passed > _MOST_PASSED:
            return None
        origin, slot, *_ = found
        if origin == _INNER_INPUT:
            return self._from_outside(slot, passed + 1)
        node = self._nodes.get(str(origin))
        if node is None or node.get("mode") == _MUTED:
            return None
        if node.get("mode") == _BYPASSED:
            return self.source(_bypass(node, slot), passed + 1)
        if node["type"] == "Reroute":
            return self.source(_linked(node, 0), passed + 1)
        if node["type"] == "PrimitiveNode":
            values = node.get("widgets_values")
            return (values[0],) if isinstance(values, list) and values else None
        inner = self._subgraph(node)
        return inner._going_out(slot, passed + 1) if inner else [f"{self._prefix}{origin}", slot]

    def _from_outside(self, slot: int, passed: int) -> Any:
        """Return where input `slot` of this subgraph's node comes from."""
        if self._outside is None:
            return None
        level, node = self._outside
        names = [each.get("name") for each in objects(self._graph.get("inputs"))]
        slots = objects(node.get("inputs"))
        name = names[slot] if 0 <= slot < len(names) else None
        at = next((each for each in slots if each.get("name") == name), {})
        source = level.source(at.get("link"), passed)
        own = [each.get("name") for each in slots if each.get("widget")]
        values = node.get("widgets_values")
        if source is None and name in own and isinstance(values, list) and len(values) == len(own):
            return (values[own.index(name)],)  # a widget of the subgraph's node
        return source

    def _going_out(self, slot: int, passed: int) -> Any:
        """Return where output `slot` of this subgraph's node comes from."""
        for link, (_, _, target, target_slot) in self._links.items():
            if target == _INNER_OUTPUT and target_slot == slot:
                return self.source(link, passed)
        return None


def _convert(
    converted: Converted, key: str, node: dict[str, Any], level: _Level, inputs_of: Callable[[str], Inputs | None]
) -> None:
    """Add a node in the form of the API, and what is wrong with it."""
    type_, inputs = node["type"], inputs_of(node["type"])
    title = node["title"] if isinstance(node.get("title"), str) else type_
    widgets = _Widgets(node, inputs or {})
    values = widgets.values
    for slot in objects(node.get("inputs")):
        source = level.source(slot.get("link"))
        if isinstance(slot.get("name"), str) and source is not None:
            values[slot["name"]] = _held(source[0]) if isinstance(source, tuple) else source
    converted.prompt[key] = {"class_type": type_, "inputs": values, "_meta": {"title": title}}
    if widgets.problem:
        converted.problems[key] = (
            f"{shortened(title)} cannot be read from the page's form ({widgets.problem}): {EXPORT}."
        )


class _Widgets:
    """The values of a node's widgets by their inputs' names; the page saves them as a list."""

    def __init__(self, node: dict[str, Any], inputs: Inputs) -> None:
        self.values: dict[str, Any] = {}
        self.problem = ""
        saved = node.get("widgets_values")
        if isinstance(saved, dict):  # as some packs save them
            self.values = {name: _held(saved[name]) for name in inputs if saved.get(name) is not None}
            return
        shown = [slot.get("name") for slot in objects(node.get("inputs")) if slot.get("widget")]
        left = list(saved) if isinstance(saved, list) else []
        if str(node.get("type")).startswith("Athanor"):  # as web/athanor/old_workflows.js does
            inputs = _as_saved(inputs, shown, len(left))
        for name, (type_, options) in inputs.items():
            if str(type_).startswith("COMFY_DYNAMICCOMBO"):
                self.problem = self.problem or f"{name} has inputs that depend on its choice"
            if not left or options.get("forceInput") or not (is_widget(type_) or name in shown):
                continue
            value = left.pop(0)
            if value is not None:  # else its default
                self.values[name] = _held(value)
                if not _fits(value, type_):
                    self.problem = self.problem or f"{quoted(value)} stands at the place of {name}"
            if _has_control(name, type_, options) and left and left[0] in _CONTROLS:
                left.pop(0)


def _as_saved(inputs: Inputs, shown: Sequence[Any], count: int) -> Inputs:
    """Return the inputs without widgets that the node lacked when it was saved: since, some have come in front of others.

    Args:
        shown: the widgets whose names the page has saved; it saves those of all, and older pages of none.
        count: of the saved values.
    """
    kept = {name: spec for name, spec in inputs.items() if name in shown or not is_widget(spec[0])}
    values = [name for name, (type_, options) in kept.items() if name in shown and not options.get("forceInput")]
    values += [name for name in values if _has_control(name, *inputs[name])]
    return kept if values and len(values) == count else inputs


def is_widget(type_: Any) -> bool:
    """Return whether an input of a type is a widget of its node."""
    return isinstance(type_, list) or type_ in _WIDGETS


def _has_control(name: str, type_: Any, options: Mapping[str, Any]) -> bool:
    """Return whether the page keeps "fixed" or "randomize" behind the value of an input."""
    return bool(options.get("control_after_generate", type_ == "INT" and name in ("seed", "noise_seed")))


def _fits(value: Any, type_: Any) -> bool:
    """Return whether a value is of an input's kind: else the list has come out of step with the node's widgets."""
    if type_ in ("INT", "FLOAT"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if type_ == "BOOLEAN":
        return isinstance(value, bool)
    return type_ != "STRING" or isinstance(value, str)


def _held(value: Any) -> Any:
    """Return a widget's value as the API takes it: a bare list would be a link there."""
    return {"__value__": value} if isinstance(value, list) else value


def _bypass(node: dict[str, Any], output: int) -> Any:
    """Return the link that a bypassed node passes on: of the input at the same place, else of the first of the same type."""
    outputs, inputs = objects(node.get("outputs")), objects(node.get("inputs"))
    type_ = outputs[output].get("type") if 0 <= output < len(outputs) else None
    same = [i for i, each in enumerate(inputs) if each.get("type") in (type_, "*")]
    return None if not same else _linked(node, output if output in same else same[0])


def _linked(node: dict[str, Any], slot: int) -> Any:
    inputs = objects(node.get("inputs"))
    return inputs[slot].get("link") if slot < len(inputs) else None


def _links(value: Any) -> list[Any]:
    """Return the links of a list that have the form of one: of a workflow as lists, of a subgraph as objects."""
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
    rows = (
        [[each.get(n) for n in names] if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else []
    )
    return [
        row[:5]
        for row in rows
        if isinstance(row, list) and all(isinstance(v, int | str) for v in row[:5]) and _whole(row)
    ]


def _whole(row: list[Any]) -> bool:
    return len(row) >= 5 and isinstance(row[2], int) and isinstance(row[4], int)


def _link(row: list[Any]) -> tuple[Any, tuple[Any, ...]]:
    return row[0], tuple(row[1:])
