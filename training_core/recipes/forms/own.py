"""Our own forms: a run's job.json, graphs in the form of ComfyUI's API and of its page, as they are and as exports write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import graph_sources, page_form
from ...errors import AthanorError, quoted
from ...settings import Job, identity
from ...shared_graph import TRAIN_LORA
from ..document import Document
from ..form import Form
from ..from_prompt import FromGraph, of_job, read
from ..own_lines import WORDS
from ..recipe import GROUPS
from ..rules import Contents
from ..told_recipe import values
from ..translate import Program
from .own_inputs import inputs_of

ATHANOR = Program(title="Athanor", vocabulary=WORDS)


def _told(found: FromGraph, more: tuple[str, ...] = ()) -> Contents:
    """Return what a recipe says, and what the graph does besides."""
    unread = tuple(("left out", sentence) for sentence in (*found.left_out, *more))
    return Contents(entries=tuple(values(found.recipe)), datasets=len(found.recipe.datasets), unread=unread)


def _job(document: Document) -> Contents | None:
    """Return what a job.json says; None if the text is none."""
    value = document.json
    if not isinstance(value, dict) or not _has_groups(value):
        return None
    graph = value.get("graph")
    source = graph_sources.of_job(value)
    family = graph.get("family") if isinstance(graph, dict) else None
    prompt, node = (source.prompt, source.node or "") if source else (None, "")
    unknown = identity.unknown(Job, {name: each for name, each in value.items() if name != "graph"})
    found = of_job(value, prompt, node, family=family if isinstance(family, str) else "")
    return _told(found, tuple(f"This version has no setting {quoted(name)}." for name in unknown))


def _has_groups(value: Mapping[str, Any]) -> bool:
    """Return whether an object has groups of settings as a job.json has them, and no nodes."""
    groups = [name for name in GROUPS if isinstance(value.get(name), dict)]
    return len(groups) >= 2 and isinstance(value.get("datasets"), list)


def _api(document: Document) -> Contents | None:
    """Return what a graph in the form of the API says; None if the text is none."""
    value = document.json
    source = graph_sources.of_graph(value) or graph_sources.of_api(value)
    if source is None or source.prompt is None:
        return None
    family = value.get("family")
    return _of_graph(document, source.prompt, source.node, family if isinstance(family, str) else "")


def _page(document: Document) -> Contents | None:
    """Return what a workflow says as the page saves it; None if the text is none."""
    source = graph_sources.of_page(document.json)
    if source is None or source.workflow is None:
        return None
    converted = page_form.to_prompt(source.workflow, inputs_of)
    if converted.problems:
        raise AthanorError(next(iter(converted.problems.values())))
    return _of_graph(document, converted.prompt, None, "")


def _of_graph(document: Document, prompt: Mapping[str, Any], node: str | None, family: str) -> Contents:
    """Return what the node that trains says: the one that is named, or else the first.

    Raises:
        AthanorError: the graph trains nothing.
    """
    trains = [key for key, each in prompt.items() if each["class_type"] == TRAIN_LORA]
    if not trains:
        raise AthanorError(f"{document.title} is a graph without a Train LoRA node: open it in ComfyUI instead.")
    chosen = node if node in trains else trains[0]
    others = [key for key in trains if key != chosen]
    more = (f"The graph trains {len(trains)} LoRAs: that of node {chosen} is imported.",) if others else ()
    return _told(read(prompt, str(chosen), family=family), more)


JOB = Form(title="job.json of Athanor", program=ATHANOR, read=_job)
API = Form(title="graph in API form", program=ATHANOR, read=_api)
PAGE = Form(title="workflow of ComfyUI's page", program=ATHANOR, read=_page)
