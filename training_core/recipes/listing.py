"""What became of everything in a recipe, as a Markdown text for readers (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..errors import shortened
from ..markdown import unmarked
from ..settings import info
from .draft import NODES
from .recipe import GROUPS, Kind, Line, Reading, Recipe

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


def by_hand(recipe: Recipe, carried: Mapping[str, Collection[str]]) -> str:
    """Return a sentence with the settings that no output of a node carries to where they belong; '' if there are none.

    Args:
        recipe: what was read.
        carried: group of settings -> its fields that outputs carry; groups that are outputs as a whole are left out.
    """
    parts = []
    for group, names in carried.items():
        usual = {each.name: each.default for each in info(GROUPS[group])}
        values = recipe.settings.get(group, {}).items()
        left = [
            f"{name} {shortened(str(value))}" for name, value in values if name not in names and value != usual[name]
        ]
        parts += [f"{NODES[group]}: {', '.join(left)}"] if left else []
    if recipe.model.clip_skip > 1:
        parts.append(f"CLIP Set Last Layer: stop_at_clip_layer -{recipe.model.clip_skip}")
    if recipe.model.v_prediction:
        parts.append("ModelSamplingDiscrete: sampling v_prediction")
    return f"Set these in their nodes, as no output carries them: {'; '.join(parts)}." if parts else ""


def _table(lines: list[Line]) -> list[str]:
    return ["| in the recipe | value | here | |", "| --- | --- | --- | --- |", *(_row(line) for line in lines)]


def _row(line: Line) -> str:
    cells = (line.name, line.value, line.to, line.why)
    return f"| {' | '.join(_cell(text) for text in cells)} |"


def _cell(text: str) -> str:
    return unmarked(" ".join(text.split()))
