"""What the pack's nodes use of ComfyUI's Python besides comfy_api and its server: samplers, the progress bar, node expansion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import comfy.samplers
import comfy.utils
from comfy_execution.graph_utils import GraphBuilder


def sampler_names() -> list[str]:
    """Return ComfyUI's own list of samplers, which other packs may lengthen later."""
    return comfy.samplers.KSampler.SAMPLERS


def scheduler_names() -> list[str]:
    """Return ComfyUI's own list of noise schedules, which other packs may lengthen later."""
    return comfy.samplers.KSampler.SCHEDULERS


def progress_bar(total: int, node_id: str) -> comfy.utils.ProgressBar:
    """Make a progress bar of `total` steps on a node of the graph."""
    return comfy.utils.ProgressBar(total, node_id=node_id)


def expansion(class_type: str, inputs: Mapping[str, Any], outputs: int) -> tuple[list[Any], dict[str, Any]]:
    """Make a graph of one node for ComfyUI to run in another node's place.

    Args:
        outputs: how many outputs the node has.

    Returns:
        Links to its outputs, and the graph in the form of NodeOutput's `expand`.
    """
    builder = GraphBuilder()
    node = builder.node(class_type, id="cells", **inputs)
    return [node.out(i) for i in range(outputs)], builder.finalize()
