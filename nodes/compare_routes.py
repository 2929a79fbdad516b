"""Routes of the viewer inside the page: comparisons and their pictures, and what the user thinks of them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from server import PromptServer

from ..training_core.compare import marks, viewer
from ..training_core.compare.store import newest, read_plan
from ..training_core.errors import AthanorError
from ..training_core.host import folders

_NAME = re.compile(r"[\w-][\w.-]{0,79}")
_CELL = re.compile(r"[0-9a-f]{24}")
_HEADERS = {"X-Content-Type-Options": "nosniff"}
_LONGEST = 20_000


def register() -> None:
    """Add the routes to the host's server; files are read and written in threads."""
    routes = PromptServer.instance.routes

    @routes.get("/athanor/compare")
    async def _all(request: web.Request) -> web.Response:
        """Answer with the newest comparisons."""
        return await _answer(_list)

    @routes.get("/athanor/compare/{name}")
    async def _one(request: web.Request) -> web.Response:
        """Answer with what the viewer shows of a comparison."""
        folder = _folder(request)
        return await _answer(lambda: viewer.data(folder, _plan(folder)))

    @routes.get("/athanor/compare/{name}/cells/{cell}.png")
    async def _cell_picture(request: web.Request) -> web.StreamResponse:
        path = _folder(request) / "cells" / f"{_cell(request.match_info['cell'])}.png"
        if not path.is_file():
            raise web.HTTPNotFound(text="there is no such picture")
        # A cell's name is its content: it never changes.
        headers = {"Content-Type": "image/png", "Cache-Control": "private, max-age=86400, immutable", **_HEADERS}
        return web.FileResponse(path, headers=headers)

    @routes.post("/athanor/compare/{name}/marks")
    async def _mark(request: web.Request) -> web.Response:
        """Body: {"cell": id, "star": true, "reject": false, "note": text}; it replaces the cell's mark."""
        folder, body = _folder(request), await _body(request)
        cell = _cell(body.get("cell"))
        return await _answer(lambda: _save_mark(folder, cell, body))

    @routes.post("/athanor/compare/{name}/portable")
    async def _portable(request: web.Request) -> web.Response:
        """Write the portable folder again, with the marks of now."""
        folder = _folder(request)
        return await _answer(lambda: {"file": str(viewer.write(folder, _plan(folder)))})


async def _answer(make: Callable[[], Any]) -> web.Response:
    text = await asyncio.to_thread(lambda: json.dumps(make(), ensure_ascii=False))
    return web.Response(text=text, content_type="application/json", headers=_HEADERS)


def _list() -> list[dict[str, Any]]:
    """Name, title, number of cells and time of the newest comparisons."""
    comparisons = []
    for folder in newest(folders.compare_folder("")):
        try:
            plan = read_plan(folder)
        except AthanorError:
            continue
        time = (folder / "plan.json").stat().st_mtime
        comparisons.append(
            {"name": folder.name, "title": plan.get("title", ""), "cells": len(plan.get("order", ())), "time": time}
        )
    return comparisons


def _folder(request: web.Request) -> Path:
    name = request.match_info["name"]
    try:
        if not _NAME.fullmatch(name):
            raise AthanorError("a comparison's name has other characters.")
        folder = folders.compare_folder(name)
    except AthanorError:
        raise web.HTTPNotFound(text="there is no such comparison") from None
    if not (folder / "plan.json").is_file():
        raise web.HTTPNotFound(text="there is no such comparison")
    return folder


def _cell(text: Any) -> str:
    if not isinstance(text, str) or not _CELL.fullmatch(text):
        raise web.HTTPNotFound(text="there is no such picture")
    return text


def _plan(folder: Path) -> dict[str, Any]:
    try:
        return read_plan(folder)
    except AthanorError as error:
        raise web.HTTPNotFound(text=str(error)) from None


def _save_mark(folder: Path, cell: str, mark: dict[str, Any]) -> dict[str, Any]:
    if cell not in _plan(folder)["sizes"]:
        raise web.HTTPNotFound(text="there is no such picture")
    return marks.save(folder, cell, mark)


async def _body(request: web.Request) -> dict[str, Any]:
    """The JSON object of a request."""
    wrong = web.HTTPBadRequest(text='the body must be JSON: {"cell": id, "star": true, "reject": false, "note": ""}')
    if request.content_type != "application/json" or (request.content_length or 0) > _LONGEST:
        raise wrong
    try:
        body = await request.json()
    except ValueError:
        raise wrong from None
    if not isinstance(body, dict):
        raise wrong
    return body
