"""Whether a comparison may tell the graph that it stands in (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..shared_graph import TRAIN_LORA, WITHOUT_GRAPH


def graph_to_tell(graph: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return `graph`; nothing of it if a Train LoRA of the prompt keeps it to itself (metadata recipe or minimal)."""
    trainers = [node for node in prompt.values() if node.get("class_type") == TRAIN_LORA]
    return {} if any(node["inputs"].get("metadata") in WITHOUT_GRAPH for node in trainers) else dict(graph)
