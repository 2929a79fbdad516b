"""Whether a comparison may tell the graph that it stands in (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..shared_graph import TRAIN_LORA, WITHOUT_GRAPH


def graph_to_save(graph: Mapping[str, Any], prompt: Any) -> dict[str, Any]:
    """Return `graph`; nothing of it if a Train LoRA of the prompt keeps it to itself (metadata recipe or minimal).

    Args:
        prompt: the same graph in the form of the API; that of a plan.json may have any form.
    """
    nodes = [node for node in prompt.values() if isinstance(node, Mapping)] if isinstance(prompt, Mapping) else []
    inputs = [node.get("inputs") for node in nodes if node.get("class_type") == TRAIN_LORA]
    private = any(isinstance(some, Mapping) and some.get("metadata") in WITHOUT_GRAPH for some in inputs)
    return {} if private else dict(graph)
