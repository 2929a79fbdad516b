"""A recipe as a job.json: its settings by groups, with the graph that gives them, as runs have it (pure).

`python -m training_core run` trains it, and the settings may be edited in it before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...settings import Job
from ...shared_graph import upstream
from ..recipe import GROUPS, Recipe
from .written import File, Written


def write(recipe: Recipe, prompt: Mapping[str, Any], node: str) -> Written:
    """Return job.json.

    Args:
        recipe: that the graph gives.
        prompt: the graph in API form; `node`: the Train LoRA node in it that is meant.
    """
    settings: dict[str, Any] = {
        "datasets": [recipe.dataset(number).model_dump() for number in range(len(recipe.datasets))],
        **{name: recipe.group(name).model_dump() for name in GROUPS},
    }
    if "sampling" not in recipe.settings:
        settings["sampling"] = None
    kept = upstream(prompt, [node])
    graph = {
        "node": node,
        "settings": Job.settings_id(settings),
        **({"family": recipe.model.family} if recipe.model.family else {}),
        "prompt": {key: prompt[key] for key in prompt if key in kept},
    }
    text = json.dumps({**settings, "graph": graph}, indent=2)
    return Written(files=(File(name="job.json", text=f"{text}\n"),))
