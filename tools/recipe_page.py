"""The page of recipes, docs/recipes.md: its table is made by reading those of tests/recipes/published (`python dev.py docs`)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from marks import END

from training_core.errors import AthanorError
from training_core.recipes.document import Document
from training_core.recipes.read import read

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "recipes.md"
RECIPES = ROOT / "tests" / "recipes" / "published"
BEGIN = "<!-- made by python dev.py docs: published recipes -->"
KINDS = ("taken", "translated", "meaningless", "unknown")
_MOST = 4
"""Names of a cell."""


def table() -> str:
    """Return what became of each recipe: how many lines of each kind, and the names of those that are not known."""
    lines = [
        BEGIN,
        "",
        "| recipe | form | model | taken over | translated | no meaning here | not known | which are not known |",
        "|---|---|---|---|---|---|---|---|",
    ]
    total: Counter[str] = Counter()
    for path in sorted(RECIPES.iterdir()):
        if path.name == "README.md":
            continue
        try:
            reading = read([Document(name=path.name, data=path.read_bytes())])
        except AthanorError as error:
            lines.append(f"| {path.name} | refused | | | | | | {_plain(str(error))} |")
            continue
        count = Counter(line.kind for line in reading.lines)
        total += count
        unknown = [line.name for line in reading.lines if line.kind == "unknown"]
        shown = ", ".join(_plain(name) for name in unknown[:_MOST]) + (", ..." if len(unknown) > _MOST else "")
        numbers = " | ".join(str(count[kind]) for kind in KINDS)
        lines.append(f"| {path.name} | {reading.form} | {reading.recipe.model.family} | {numbers} | {shown} |")
    lines.append(f"| **all** | | | {' | '.join(f'**{total[kind]}**' for kind in KINDS)} | |")
    return "\n".join([*lines, "", END])


def _plain(text: str) -> str:
    """Return a text as it stands, whatever Markdown would make of it."""
    return "".join(f"\\{sign}" if sign in "\\`*_|<>[]~" else sign for sign in text)
