"""What became of everything in a recipe, as a Markdown text for readers (pure)."""

from __future__ import annotations

from ..markdown import unmarked
from .recipe import Kind, Line, Reading

KINDS: dict[Kind, str] = {
    "unknown": "Not known here",
    "meaningless": "Without meaning here",
    "translated": "Translated",
    "taken": "Taken over",
}
"""Kind of a line -> its heading, in the order in which they are listed: what needs a look comes first."""


def counted(reading: Reading) -> str:
    """Return one line: what was read, and how many lines became what."""
    counts = [(sum(line.kind == kind for line in reading.lines), title) for kind, title in reversed(KINDS.items())]
    parts = [f"{count} {title.lower()}" for count, title in counts if count]
    family = reading.recipe.model.family
    return f"{reading.form}{f' for {family}' if family else ''}: {', '.join(parts) or 'nothing in it'}."


def listed(reading: Reading) -> str:
    """Return the line of `counted`, and a table for each kind of lines."""
    parts = [counted(reading)]
    for kind, title in KINDS.items():
        lines = [line for line in reading.lines if line.kind == kind]
        if lines:
            parts.append("\n".join([f"### {title}", "", *_table(lines)]))
    return "\n\n".join(parts)


def _table(lines: list[Line]) -> list[str]:
    return ["| in the recipe | value | here | |", "| --- | --- | --- | --- |", *(_row(line) for line in lines)]


def _row(line: Line) -> str:
    cells = (line.name, line.value, line.to, line.why)
    return f"| {' | '.join(_cell(text) for text in cells)} |"


def _cell(text: str) -> str:
    return unmarked(" ".join(text.split()))
