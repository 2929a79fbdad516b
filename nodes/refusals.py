"""What is wrong with a queued prompt is said, and once: the host repeats a node's sentence for each input that its check names.

A value that `json_values` refuses it calls a bad link, with the sentence beside it as the value; what is not connected it only
names. Of this pack's nodes every error has a sentence in `details`, behind "input - " as a check's has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from server import PromptServer

from .sentences import sentence

_ADDRESSES = ("/prompt", "/api/prompt")
_KIND = "custom_validation_failed"


def register() -> None:
    """Let the host pass its answers to queued prompts through `_answer`, for a page and for scripts alike."""
    PromptServer.instance.app.middlewares.append(_answer)


@web.middleware
async def _answer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response = await handler(request)
    is_queued = request.method == "POST" and request.path in _ADDRESSES
    if is_queued and isinstance(response, web.Response):
        text = response.text or ""
        if '"Athanor' in text:
            response.text = said_once(text)
    return response


def said_once(text: str) -> str:
    """Return the host's JSON answer with each sentence of a node of this pack once, at the input that it names first.

    An answer of another form is returned as it is: the route is that of all packs.
    """
    answer = json.loads(text)
    nodes = answer.get("node_errors") if isinstance(answer, dict) else None
    if not isinstance(nodes, dict):
        return text
    for node in nodes.values():
        if node["class_type"].startswith("Athanor"):
            node["errors"] = _once([_said(node["class_type"], error) for error in node["errors"]])
    return json.dumps(answer)


def _said(kind: str, error: dict[str, Any]) -> dict[str, Any]:
    """Return an error of a node of the class `kind` with its sentence; that of a `json_values.Refused` as a check's."""
    match error:
        case {"type": "bad_linked_input", "extra_info": {"input_name": name, "received_value": [str(said)]}}:
            message = "Custom validation failed for node"
            return {
                "type": _KIND,
                "message": message,
                "details": f"{name} - {said}",
                "extra_info": {"input_name": name},
            }
    said, name = sentence(kind, error), _input(error)
    return error | {"details": f"{name} - {said}" if name else said} if said else error


def _once(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the errors without those that repeat a check's sentence for other inputs."""
    best: dict[str, dict[str, Any]] = {}
    for error in errors:
        key = _sentence(error) if error["type"] == _KIND else json.dumps(error)
        if key not in best or _place(error) < _place(best[key]):
            best[key] = error
    return list(best.values())


def _sentence(error: dict[str, Any]) -> str:
    """Return what the check has said; the host puts "input - " in front of it."""
    return error["details"].removeprefix(f"{_input(error)} - ")


def _input(error: dict[str, Any]) -> str:
    """Return the name of the error's input; '' where it is about none."""
    return error.get("extra_info", {}).get("input_name", "")


def _place(error: dict[str, Any]) -> int:
    """Return where the sentence names the error's input; behind its end if it does not."""
    sentence, name = _sentence(error), _input(error)
    found = re.search(rf"\b{re.escape(name)}\b", sentence)
    return found.start() if found else len(sentence)
