"""The route that reads a recipe of another program: its settings as nodes, what became of each line, and what is to be chosen."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..training_core.errors import AthanorError, shortened
from . import http
from .recipe_answers import chosen

if TYPE_CHECKING:
    from ..training_core.recipes.document import Document
    from ..training_core.recipes.sheet import Node

_EXAMPLE = '{"files": [{"name": "train.toml", "text": "..."}]}, or "base64" in place of "text"'
_LONGEST = 16_000_000  # bytes of a request: a recipe has at most 4 MB, a third more as base64
_MOST_FILES = 16


def register() -> None:
    """Add the route to the host's server."""
    http.post("/athanor/recipes/read", lambda _, body: read(body), {"files": list}, example=_EXAMPLE, longest=_LONGEST)


def read(body: http.Json) -> http.Json:
    """Return the recipe that files of one program hold together, as a graph with its open questions and the list of its lines."""
    from ..training_core.recipes.graph import graph
    from ..training_core.recipes.read import read as read_recipe

    reading = read_recipe(_documents(body["files"]))
    made = graph(reading.recipe, form=reading.form, lines=reading.lines)
    answers = {(each.node, each.input): chosen(made, each) for each in made.questions}
    answered = made.answered(answers)
    return {
        "form": reading.form,
        "family": reading.recipe.model.family,
        "name": str(reading.recipe.settings.get("training", {}).get("output_name", "")),
        "lines": [asdict(line) for line in reading.lines],
        "nodes": [_told(node) for node in answered.nodes],
        "questions": [asdict(each) | {"chosen": answers[each.node, each.input]} for each in made.questions],
        "prompt": answered.prompt(),
    }


def _told(node: Node) -> http.Json:
    told = asdict(node)
    return {"id": node.id, "type": told.pop("kind"), **told}


def _documents(files: list[Any]) -> list[Document]:
    from ..training_core.recipes.document import Document

    if not 0 < len(files) <= _MOST_FILES:
        raise AthanorError(f"There are {len(files)} files: import between 1 and {_MOST_FILES} that belong together.")
    return [Document(name=name, data=data) for name, data in map(_file, files)]


def _file(file: Any) -> tuple[str, bytes]:
    """Return the name and the bytes of a file in a request."""
    if isinstance(file, dict) and isinstance(name := file.get("name", ""), str):
        if isinstance(text := file.get("text"), str):
            return name, text.encode()
        if isinstance(coded := file.get("base64"), str):
            try:
                return name, base64.b64decode(coded, validate=True)
            except (binascii.Error, ValueError):
                raise AthanorError(
                    f"{shortened(name) or 'The file'}: its base64 cannot be read; send it anew."
                ) from None
    raise web.HTTPBadRequest(text=f"the body must be JSON: {_EXAMPLE}")
