"""The host's job that a node runs for."""

from __future__ import annotations

from server import PromptServer

from ..training_core.history.events import Queued
from ..training_core.host import node_tools


def queued() -> Queued | None:
    """Return the id of the job whose node runs in this thread, and when it was queued; None from the command line."""
    prompt_id = node_tools.job_id()
    if not prompt_id:
        return None
    running, _ = PromptServer.instance.prompt_queue.get_current_queue_volatile()
    kept = next((job[3] for job in running if job[1] == prompt_id), {})
    return Queued(prompt_id, kept["create_time"] / 1000 if kept.get("create_time") else None)
