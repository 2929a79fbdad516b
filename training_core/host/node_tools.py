"""What the pack's nodes use of ComfyUI's Python besides comfy_api and its server: samplers, the progress bar, node expansion."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import comfy.samplers
import comfy.utils
from comfy_execution.graph_utils import ExecutionBlocker, GraphBuilder
from comfy_execution.utils import get_executing_context

from .headless import OWN


def begin_log() -> None:
    """Put an empty entry into ComfyUI's log, as its first progress bar must not be the first entry of all.

    A line that begins with \\r takes the place of the entry before it, without a look at whether there is one: at a log level
    of ERROR, that of a run from the command line, sampling ended in "deque index out of range" (app/logger.py).
    """
    if sys.stdout is not None:
        sys.stdout.write("")


def sampler_names() -> list[str]:
    """Return ComfyUI's own list of samplers, which other packs may lengthen later."""
    return comfy.samplers.KSampler.SAMPLERS


def scheduler_names() -> list[str]:
    """Return ComfyUI's own list of noise schedules, which other packs may lengthen later."""
    return comfy.samplers.KSampler.SCHEDULERS


def progress_bar(total: int, node_id: str | None = None) -> comfy.utils.ProgressBar:
    """Make a progress bar of `total` steps on a node of the graph; None: on the one that runs."""
    return comfy.utils.ProgressBar(total, node_id=node_id)


def job_id() -> str:
    """Return the prompt id of the job whose node runs in this thread; '' if no client of a server has queued it."""
    context = get_executing_context()
    return "" if context is None or context.prompt_id.startswith(OWN) else context.prompt_id


def executing() -> str:
    """Return the id of the prompt whose node runs in this thread, as the host calls it; '' outside of one."""
    context = get_executing_context()
    return "" if context is None else context.prompt_id


def blocked() -> ExecutionBlocker:
    """Return an output on which the nodes behind it do not run, without a word."""
    return ExecutionBlocker(None)


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
