"""A workflow written down in Python: nodes in columns, columns in groups; the page puts the groups into rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import model_files
from workflow import DYNAMIC, brought, is_widget

NOTE = "MarkdownNote"


class First(NamedTuple):
    """Of a list of files: the first one that the user has, which the page fills in; `family`: the first of that one."""

    family: str = ""


FIRST = First()


class Port(NamedTuple):
    """An output of a node."""

    node: Node
    name: str


@dataclass(eq=False, kw_only=True)
class Node:
    """A node: widgets by name, and ports that are connected to it."""

    id: int
    kind: str
    title: str
    size: tuple[int, int]
    inputs: dict[str, Any]
    muted: bool = False

    def __getitem__(self, name: str) -> Port:
        """One of its outputs."""
        return Port(self, name)


@dataclass
class Group:
    """Nodes that belong together, column by column."""

    title: str
    columns: list[list[Node]] = field(default_factory=lambda: [[]])


class Sheet:
    """A workflow on its way; what is added goes below what was added last."""

    def __init__(self, name: str, width: int = 340) -> None:
        """`width`: of its nodes in pixels, where nothing else is said."""
        self.name, self.width, self.nodes, self.groups = name, width, [], []

    def group(self, title: str) -> None:
        """What follows belongs together."""
        self.groups.append(Group(title))

    def column(self) -> None:
        """What follows stands to the right, in the same group."""
        self.groups[-1].columns.append([])

    def add(self, kind: str, title: str = "", size: tuple[int, int] = (0, 0), /, **inputs: Any) -> Node:
        """A node of at least that size (the page makes it as high as its widgets need)."""
        size = size[0] or self.width, size[1]
        node = Node(id=len(self.nodes) + 1, kind=kind, title=title, size=size, inputs=inputs)
        self.nodes.append(node)
        self.groups[-1].columns[-1].append(node)
        return node

    def mute(self) -> None:
        """The group so far is there, and does not run."""
        for column in self.groups[-1].columns:
            for node in column:
                node.muted = True

    def note(self, text: str, width: int = 0) -> None:
        """What the workflow does, for its reader; the page makes it as high as the text."""
        self.add(NOTE, "Read me", (width, 0), text="\n".join(line.strip() for line in text.strip().splitlines()))

    def plan(self) -> dict[str, Any]:
        """Which node stands where, for arrange() of examples.py."""
        groups = [{"title": g.title, "columns": [[n.id for n in column] for column in g.columns]} for g in self.groups]
        return {"groups": groups, "sizes": {n.id: n.size for n in self.nodes}}

    def workflow(self, object_info: dict[str, Any]) -> dict[str, Any]:
        """As the page loads it, without places.

        Raises:
            ValueError: an input or an output that the node does not have.
        """
        links: list[list[Any]] = []
        made = {node.id: _made(node, object_info) for node in self.nodes}
        for node in self.nodes:
            for name, value in node.inputs.items():
                if isinstance(value, Port):
                    source, target = made[value.node.id], made[node.id]
                    outputs = [o["name"] for o in source["outputs"]]
                    slot, where = outputs.index(value.name), [i["name"] for i in target["inputs"]].index(name)
                    link = [len(links) + 1, value.node.id, slot, node.id, where, source["outputs"][slot]["type"]]
                    source["outputs"][slot]["links"].append(link[0])
                    target["inputs"][where]["link"] = link[0]
                    links.append(link)
        return {
            "id": _identity(self.name), "revision": 0, "last_node_id": len(self.nodes), "last_link_id": len(links),
            "nodes": list(made.values()), "links": links, "groups": [], "config": {}, "extra": {}, "version": 0.4,
        }  # fmt: skip


def _identity(name: str) -> str:
    import uuid

    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"athanor/{name}"))


def _made(node: Node, object_info: dict[str, Any]) -> dict[str, Any]:
    """A node as workflows hold it; nothing is connected yet."""
    head = {"id": node.id, "type": node.kind, "pos": [0, 0], "size": list(node.size), "flags": {}, "order": 0}
    head["mode"] = 2 if node.muted else 0
    if node.kind == NOTE:
        return head | {
            "title": node.title, "inputs": [], "outputs": [], "properties": {}, "widgets_values": [node.inputs["text"]],
        }  # fmt: skip
    info = object_info[node.kind]
    specs = {n: s for group in ("required", "optional") for n, s in info["input"].get(group, {}).items()}
    slots, values, waiting, known = [], [], list(specs.items()), set()
    while waiting:
        name, (kind, *more) = waiting.pop(0)
        known.add(name)
        options = more[0] if more else {}
        given = node.inputs.get(name)
        if is_widget(kind) and not options.get("forceInput"):
            choices: list[Any] = kind if isinstance(kind, list) else options.get("options") or [""]
            default = options.get("default", choices[0]["key"] if kind == DYNAMIC else choices[0])
            values.append(
                None if isinstance(given, First) else default if given is None or isinstance(given, Port) else given
            )
            waiting[:0] = brought(name, values[-1], kind, more)
            if options.get("control_after_generate"):
                values.append("fixed")
            if isinstance(given, Port):
                shown = "COMBO" if isinstance(kind, list) else kind
                slots.append({"name": name, "type": shown, "link": None, "widget": {"name": name}})
        else:
            slots.append({"name": name, "type": kind, "link": None})
    if unknown := set(node.inputs) - known:
        raise ValueError(f"{node.kind} has no input {', '.join(unknown)}.")
    outputs = [
        {"name": name, "type": kind, "links": []}
        for name, kind in zip(info["output_name"], info["output"], strict=True)
    ]
    files = model_files.models(node.kind, values)
    family = next((value.family for value in node.inputs.values() if isinstance(value, First)), "")
    return head | {
        **({"title": node.title} if node.title else {}), "inputs": slots, "outputs": outputs,
        "properties": {"Node name for S&R": node.kind, **({"models": files} if files else {}),
            **({"athanor_family": family} if family else {}),
        }, "widgets_values": values,
    }  # fmt: skip
