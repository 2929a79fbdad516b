"""ComfyUI's own module `nodes` (the pack has a folder of that name): nobody else imports it."""

from pathlib import Path
from typing import Any

import nodes

host_nodes: Any = nodes
"""Any: a type checker takes the name for the pack's folder."""


def inputs_of(kind: Any) -> dict[str, Any]:
    """Return the inputs of a node's class in its order, required ones first: name -> (type or choices, options).

    Lists of files are read anew where their folder has changed.
    """
    return joined(kind.INPUT_TYPES())


def joined(types: Any) -> dict[str, Any]:
    """Return required and optional inputs of what a node's INPUT_TYPES gives, by name."""
    return {**types.get("required", {}), **types.get("optional", {})}


def serve_instead(folder: Path, other: Path, why: str) -> None:
    """Let the page have the scripts of `other` where it would have those of `folder`, and the sentence `why` at /athanor/why;
    before the host has made its routes."""
    from aiohttp import web
    from server import PromptServer

    served = host_nodes.EXTENSION_WEB_DIRS
    served.update({name: str(other) for name, path in served.items() if Path(path) == folder})

    async def tell(_: web.Request) -> web.Response:
        return web.json_response({"text": why})

    server = getattr(PromptServer, "instance", None)
    if server is not None:
        server.routes.get("/athanor/why")(tell)
