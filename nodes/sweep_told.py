"""What the Sweeps of an open graph will train, or what is wrong with their texts: a page says it in their nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..training_core.compare.upstream import edited
from ..training_core.errors import AthanorError
from ..training_core.settings import SweepSettings
from ..training_core.shared_graph import SWEEP, is_link
from ..training_core.wording import plural
from . import hints, http, sweep_text
from .graph_datasets import Prompt, kind_of
from .schema import pick

if TYPE_CHECKING:
    from ..training_core.sweep.combinations import Combination
    from ..training_core.sweep.lines import Varied

_LONGEST = 16_000_000  # bytes of a graph
_LENGTHS = 64
"""Combinations whose steps are counted for the page; of more nothing is said of steps."""


def register() -> None:
    """Add the route to the host's server."""
    example = '{"prompt": the graph in API form}'
    http.post(
        "/athanor/sweeps", lambda _, body: told(body["prompt"]), {"prompt": dict}, example=example, longest=_LONGEST
    )


def told(prompt: Prompt) -> list[http.Json]:
    """Return for each Sweep its node's id and sentences: what it will train, what is wrong (`wrong`) with its text or its graph."""
    graph = {
        node: {"inputs": {}, **each}
        for node, each in prompt.items()
        if isinstance(each, dict) and isinstance(each.get("class_type"), str) and isinstance(each.get("inputs"), dict)
        if isinstance(each.get("_meta"), dict | None)
    }
    return [
        {"node": node, "text": text, "wrong": wrong}
        for node in graph
        if kind_of(graph, node) == SWEEP
        for text, wrong in _of_sweep(graph, node)
    ]


def _of_sweep(graph: Mapping[str, Any], node: str) -> Iterator[tuple[str, bool]]:
    if any(is_link(graph[node]["inputs"].get(name)) for name in ("settings", "mode", "count", "seed")):
        return  # what comes from another node is known when that has run
    try:
        train = sweep_text.train_node(graph, node)
        values = {name: value for name, value in graph[node]["inputs"].items() if not isinstance(value, list)}
        settings = pick(SweepSettings, values)
        varied, found = sweep_text.combinations_of(graph, train, settings)
    except AthanorError as error:
        yield str(error), True
        return
    yield _plan(varied, found, _lengths(graph, train, found)), False
    if beside := sweep_text.forgotten(graph, train):
        yield beside, True


def _plan(varied: Sequence[Varied], found: Sequence[Combination], steps: Sequence[int]) -> str:
    """Return what is going to be trained: '6 runs (3 learning_rate x 2 rank), each of about 400 steps, 2400 in all.'"""
    from ..training_core.sweep.combinations import size, title

    names, whole = [each.widget.name for each in varied], size(varied)
    parts = " x ".join(f"{len(each.choices)} {title(each, names)}" for each in varied)
    text = (
        f"{plural(len(found), 'run')} ({parts})"
        if whole == len(found)
        else f"{len(found)} of {whole} combinations ({parts})"
    )
    if not steps or not all(steps):
        return f"{text}."
    each = f"{min(steps)}" if min(steps) == max(steps) else f"{min(steps)} to {max(steps)}"
    return f"{text}, of about {each} steps" + (f", {sum(steps)} in all." if len(steps) > 1 else ".")


def _lengths(graph: Mapping[str, Any], train: str, found: Sequence[Combination]) -> list[int]:
    if len(found) > _LENGTHS:
        return []
    return hints.steps_of([edited(graph, each.edits) for each in found], train)
