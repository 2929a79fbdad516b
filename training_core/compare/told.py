"""Whether a comparison may tell the graph that it stands in (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PRIVATE = ("recipe", "minimal")


def graph_to_tell(graph: Mapping[str, Any], prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return `graph`; nothing of it if a Train LoRA of the prompt keeps it to itself (metadata recipe or minimal)."""
    trainers = [node for node in prompt.values() if node.get("class_type") == "AthanorTrainLoRA"]
    return {} if any(node["inputs"].get("metadata") in _PRIVATE for node in trainers) else dict(graph)
