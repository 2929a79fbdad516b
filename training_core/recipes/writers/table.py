"""A recipe as a Markdown table for a post or the card of a model (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ...absolute_paths import without_paths
from ...errors import shortened
from ...markdown import unmarked
from ..recipe import Recipe
from .summary import UNTRAINED, Row, Trained, others, rows
from .written import File, Written

_LONGEST = 200
"""Characters of a value."""


def write(recipe: Recipe, trained: Trained = UNTRAINED, pictures: Sequence[Row] = ()) -> Written:
    """Return settings.md: what matters first, then all else that is not at its default, then the pictures.

    Args:
        trained: what is known of the run.
        pictures: (file, what it shows) of pictures that lie beside the text.
    """
    title = recipe.group("training").model_dump()["output_name"]
    parts = [f"# {_cell(title.rpartition('/')[2])}", _table("| | |", rows(recipe, trained))]
    if more := others(recipe):
        several = [
            (f"{name} ({where})" if _is_told_twice(name, more) else name, value) for where, (name, value) in more
        ]
        parts += ["Other settings that are not at Athanor's defaults:", _table("| Setting | Value |", several)]
    parts += [f"![{_cell(label)}]({file.replace(' ', '%20')})" for file, label in pictures]
    return Written(files=(File(name="settings.md", text="\n\n".join(parts) + "\n"),))


def _is_told_twice(name: str, more: Sequence[tuple[str, Row]]) -> bool:
    return sum(name == other for _, (other, _) in more) > 1


def _table(head: str, lines: Sequence[Row]) -> str:
    return "\n".join([head, "|---|---|", *(f"| {_cell(name)} | {_cell(value)} |" for name, value in lines)])


def _cell(text: str) -> str:
    """Return a text on one line in which Markdown finds no marks, and nobody a path of a disk."""
    return unmarked(shortened(without_paths(text), _LONGEST))
