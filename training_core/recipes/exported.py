"""A graph or a run in the form that another program, another person or a site takes (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .. import graph_sources
from ..errors import AthanorError, quoted
from ..shared_graph import TRAIN_LORA
from .from_prompt import FromGraph, of_job, read
from .graph import graph
from .recipe import Recipe
from .writers import api, civitai, command, job, table
from .writers.summary import UNTRAINED, Row, Trained
from .writers.written import Written

FORMS = {
    "command": "sd-scripts command with its dataset",
    "job": "job.json",
    "api": "JSON for ComfyUI's API",
    "table": "Markdown table",
    "civitai": "Civitai description",
}
"""Forms of exports, by their names in requests and on the command line -> what readers know them as."""
_WITH_GRAPH = ("job", "api")
"""Forms that hold the whole graph, so that nothing of it is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A training that is exported."""

    found: FromGraph
    prompt: Mapping[str, Any]
    """The graph in API form, and in it the `node` that trains."""
    node: str
    trained: Trained = UNTRAINED
    pictures: Sequence[Row] = ()
    """(file, what it shows) of pictures that go with a table."""


def of_prompt(prompt: Any, node: str, *, family: str = "") -> Source:
    """Return what a Train LoRA node of a graph trains by.

    Args:
        prompt: the graph in API form, of any origin.
        node: id of the node; "" for the only one that trains.
        family: title of the model's family, where more is known than the graph tells.

    Raises:
        AthanorError: it is no graph, has no such node, or its settings do not go together.
    """
    held = graph_sources.of_graph({"prompt": prompt})
    if held is None or held.prompt is None:
        raise AthanorError(
            "prompt is no graph in the form of ComfyUI's API: it holds nodes with class_type and inputs."
        )
    whole = {key: {**each, "inputs": _linked(each["inputs"])} for key, each in held.prompt.items()}
    trains = [key for key, each in whole.items() if each["class_type"] == TRAIN_LORA]
    if not node and len(trains) != 1:
        there = (
            f"{len(trains)} Train LoRA nodes: name one of {', '.join(map(quoted, trains[:8]))}"
            if trains
            else "no Train LoRA node"
        )
        raise AthanorError(f"The graph has {there}.")
    node = node or trains[0]
    return Source(found=read(whole, node, family=family), prompt=whole, node=node)


def of_run(values: Mapping[str, Any], *, family: str = "") -> Source:
    """Return what a run has trained by; where its job.json holds no graph, one is made of its settings.

    Args:
        values: of its job.json.
        family: as for `of_prompt`.

    Raises:
        AthanorError: job.json cannot be read as one.
    """
    if not values:
        raise AthanorError("The run's job.json is missing or damaged, so its settings are not known.")
    held = graph_sources.of_job(values)
    if held is None or held.prompt is None or held.node is None:
        return of_recipe(of_job(values, None, family=family).recipe)
    return Source(found=of_job(values, held.prompt, held.node, family=family), prompt=held.prompt, node=held.node)


def of_recipe(recipe: Recipe) -> Source:
    """Return a recipe with the graph that is made of it, in which files and folders are those that it names."""
    made = graph(recipe)
    prompt = made.answered({(each.node, each.input): each.said for each in made.questions}).prompt()
    node = next(key for key, each in prompt.items() if each["class_type"] == TRAIN_LORA)
    return Source(found=FromGraph(recipe=recipe), prompt=prompt, node=node)


def export(form: str, source: Source) -> Written:
    """Return the files of an export, and a sentence for each thing that they leave out.

    Args:
        form: one of `FORMS`.
        source: what is exported.

    Raises:
        AthanorError: there is no such form.
    """
    recipe = source.found.recipe
    if form not in FORMS:
        raise AthanorError(f"There is no form {quoted(form)}: choose {', '.join(FORMS)}.")
    if form == "command":
        written = command.write(recipe)
    elif form == "job":
        written = job.write(recipe, source.prompt, source.node)
    elif form == "api":
        written = api.write(recipe, source.prompt, source.node)
    elif form == "table":
        written = table.write(recipe, source.trained, source.pictures)
    else:
        written = civitai.write(recipe, source.trained)
    return written if form in _WITH_GRAPH else replace(written, left_out=(*source.found.left_out, *written.left_out))


def _linked(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs whose links name their node by a text, as the host has them; scripts write numbers, too."""
    return {name: [str(value[0]), value[1]] if _is_numbered(value) else value for name, value in inputs.items()}


def _is_numbered(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and type(value[0]) is int and type(value[1]) is int
