"""A recipe -> what it says, in words that every program's recipes may have (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from .own_lines import given
from .recipe import Recipe
from .rules import Entry


def values(recipe: Recipe) -> Iterator[Entry]:
    """Yield a line's worth for each value that a recipe names: its model, its groups, its datasets."""
    model = recipe.model
    said = {"family": model.family, "clip_skip": model.clip_skip, "v_prediction": model.v_prediction}
    yield from (given(f"model.{name}", value) for name, value in said.items() if value)
    if model.weight_dtype != "default":
        yield given("model.weight_dtype", model.weight_dtype)
    yield from (given(f"model.files.{role}", name) for role, name in model.files.items())
    for group, named in recipe.settings.items():
        for name, value in named.items():
            if name == "blocks":
                yield from (given(f"network.blocks.{inner}", each) for inner, each in value.items())
            else:
                yield given(f"{group}.{name}", value)
    for number, named in enumerate(recipe.datasets):
        at = f"datasets {number + 1}" if len(recipe.datasets) > 1 else ""
        yield from (given(f"datasets.{name}", value, at, number) for name, value in named.items())
