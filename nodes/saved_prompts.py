"""Adapts queued prompts of older and newer versions to this version of the pack, before the host checks them."""

from __future__ import annotations

import logging
from typing import Any

from server import PromptServer

from ..training_core.host import saved_prompts

log = logging.getLogger("athanor")


def register() -> None:
    """Let the host pass each prompt through `_fitted` when it is queued, by a page or by a script."""
    PromptServer.instance.add_on_prompt_handler(_fitted)


def _fitted(request: dict[str, Any]) -> dict[str, Any]:
    """Fit the prompt of a request to /prompt; what is ignored is logged, and shown on its node in the page that asked."""
    for node, text in saved_prompts.fit(request.get("prompt") or {}):
        log.warning("Athanor: %s", text)
        if page := request.get("client_id"):
            PromptServer.instance.send_progress_text(text, node, page)
    return request
