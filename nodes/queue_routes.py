"""The route of the host's queue: which trainings run and wait in it, in a few fields instead of whole graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web
from server import PromptServer

from ..training_core.shared_graph import TRAIN_LORA, upstream
from . import http
from .graph_datasets import inputs_of, kind_of, link_of
from .run_rows import workflow_id


def register() -> None:
    """Add the route to the host's server."""
    http.get("/athanor/queue", _queue)


def _queue(_: web.Request) -> list[http.Json]:
    """Return the host's jobs, the running ones first, each with the runs that it trains."""
    running, waiting = PromptServer.instance.prompt_queue.get_current_queue_volatile()
    # Those that wait are a heap: its order is that of the jobs' numbers, and of their ids where these are equal.
    order = sorted(waiting, key=lambda job: job[:2])
    return [*(told(job, True) for job in running), *(told(job, False) for job in order)]


def told(job: tuple[Any, ...], running: bool) -> http.Json:
    """Return a job of the host's queue, (number, id, prompt, kept with it, outputs, ...), in a few fields."""
    _, prompt_id, prompt, kept, outputs, *_ = job
    graph = kept.get("extra_pnginfo") if isinstance(kept, dict) else None
    nodes = upstream(prompt, outputs)
    trains = [node for node in prompt if node in nodes and kind_of(prompt, node) == TRAIN_LORA]
    return {
        "prompt_id": prompt_id,
        "running": running,
        "workflow_id": workflow_id(graph) if isinstance(graph, dict) else "",
        "runs": [{"node": node, "name": _name(prompt, node)} for node in trains],
    }


def _name(prompt: Mapping[str, Any], node: str) -> str:
    """Return the output_name of a node, also where a primitive node gives it; "" where it is known only once the graph runs."""
    value = inputs_of(prompt, node).get("output_name", "")
    if link := link_of(prompt, value):
        value = inputs_of(prompt, link[0]).get("value", "")
    return value.strip() if isinstance(value, str) else ""
