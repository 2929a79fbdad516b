"""A graph while it is being made, and as it is handed on: nodes in groups and columns, and the questions that are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

NOTE = "MarkdownNote"
"""The host's type of a note; the page alone has it."""


class Link(NamedTuple):
    """Where an input comes from: a node's id, and which of its outputs."""

    node: str
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of the graph."""

    id: str
    kind: str
    """Type of the node: "AthanorTrainLoRA"."""
    title: str = ""
    """Its title; empty: the one that nodes of its type have."""
    inputs: Mapping[str, Any]
    """Widgets by name, without those of this pack's nodes that are at their defaults, and links; of a note its "text"."""
    group: str
    column: int
    """Column inside its group, counted from 0; nodes of one column stand below each other in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What only the user can choose: a file or folder of this computer."""

    node: str
    input: str
    role: str
    """One of `recipe.ROLES`, or folder, mask_folder, control_folder, network_weights."""
    said: str
    """The file or folder as the recipe has it; empty where it names none."""
    text: str
    """The question: one sentence."""

    @property
    def needed(self) -> bool:
        """Whether the graph cannot run before it is answered."""
        return self.role not in ("mask_folder", "control_folder", "network_weights")


Answers = Mapping[tuple[str, str], str]
"""(a node's id, its input) -> the file or folder that was chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Nodes in the order in which they are laid out, each after those that lead to it, and the open questions about them."""

    nodes: tuple[Node, ...]
    questions: tuple[Question, ...]

    def prompt(self) -> dict[str, Any]:
        """Return the graph in the form of the host's API; notes are the page's alone."""
        return {node.id: _in_prompt(node) for node in self.nodes if node.kind != NOTE}

    def answered(self, answers: Answers) -> Graph:
        """Return the graph with chosen files and folders in its widgets; empty answers leave them as they are."""
        chosen = {place: value for place, value in answers.items() if value}
        nodes = tuple(
            replace(
                node,
                inputs={name: chosen.get((node.id, name), value) for name, value in node.inputs.items()},
            )
            for node in self.nodes
        )
        return replace(self, nodes=nodes)

    def one(self, kind: str) -> Node:
        """Return the first node of a type; StopIteration where there is none."""
        return next(self.each(kind))

    def each(self, kind: str) -> Iterator[Node]:
        """Yield the nodes of a type."""
        return (node for node in self.nodes if node.kind == kind)


def _in_prompt(node: Node) -> dict[str, Any]:
    inputs = {name: list(value) if isinstance(value, Link) else value for name, value in node.inputs.items()}
    titled = {"_meta": {"title": node.title}} if node.title else {}
    return {"class_type": node.kind, "inputs": inputs, **titled}


@dataclass(slots=True)
class Sheet:
    """Nodes as they are added, one after the other, and the questions about them."""

    nodes: list[Node] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    group: str = ""
    column: int = 0

    def begin(self, group: str, column: int = 0) -> None:
        """Begin a group of nodes at one of its columns."""
        self.group, self.column = group, column

    def next_column(self) -> None:
        """Begin a column, unless the current one is empty."""
        if any(node.group == self.group and node.column == self.column for node in self.nodes):
            self.column += 1

    def add(self, kind: str, title: str = "", /, **inputs: Any) -> str:
        """Add a node and return its id."""
        key = str(len(self.nodes) + 2)  # 1 is the note, which tells the questions and comes last
        node = Node(id=key, kind=kind, title=title, inputs=inputs, group=self.group, column=self.column)
        self.nodes.append(node)
        return key

    def ask(self, node: str, name: str, role: str, said: str, text: str) -> None:
        """Ask for a file or folder, whose widget is empty until then."""
        self.questions.append(Question(node=node, input=name, role=role, said=said, text=text))
