"""Routes of the comparison viewer in the page: comparisons, their pictures, and the user's stars and notes."""

from __future__ import annotations

import re
from pathlib import Path

from aiohttp import web

from ..training_core.compare import marks
from ..training_core.compare.plan_file import read_whole_plan
from ..training_core.compare.store import newest
from ..training_core.errors import AthanorError
from ..training_core.files import is_file
from ..training_core.history.run_files import stamp
from ..training_core.host import folders
from ..training_core.text_files import whole_characters
from . import compare_files_routes, http, keep_routes

_NAME = re.compile(r"[\w-][\w.-]{0,79}")
_CELL = re.compile(r"[0-9a-f]{24}")
_LONGEST = 20_000  # bytes of a mark, whose note is the user's


def register() -> None:
    """Add the routes to the host's server."""
    comparison = "/athanor/compare/{name}"
    http.get("/athanor/compare", _all)
    http.get(comparison, _shown)
    http.get(f"{comparison}/grid", _grid)
    http.get(f"{comparison}/cells/{{cell}}.png", _picture)
    example = '{"cell": id, "star": true, "reject": false, "note": ""}'
    http.post(f"{comparison}/marks", _mark, {"cell": str}, example=example, longest=_LONGEST)
    http.post(f"{comparison}/portable", _portable)
    compare_files_routes.register(_folder, _plan)
    keep_routes.register(_folder, _plan)


def _all(_: web.Request) -> list[http.Json]:
    """Return the newest comparisons: name, title, number of cells, time of the plan."""
    rows = []
    for folder in newest(folders.compare_folder("")):
        try:
            plan = read_whole_plan(folder)
        except AthanorError:
            continue
        time = (stamp(folder / "plan.json") or (0, 0))[1] / 1e9
        rows.append({"name": folder.name, "title": plan["title"], "cells": len(plan["order"]), "time": time})
    return rows


def _shown(request: web.Request) -> http.Json:
    """Return what the viewer shows of a comparison besides its pictures."""
    from ..training_core.compare import viewer

    folder = _folder(request)
    return viewer.data(folder, _plan(folder))


def _grid(request: web.Request) -> http.Json:
    """Return the settings of a comparison as XYZ Compare and the axes in front of it had them, see own_grids.py."""
    from ..training_core.compare import own_grids

    plan = _plan(_folder(request))
    graph = plan.get("prompt") or {}
    node = own_grids.comparing(graph, plan.get("node", ""))
    if not node:
        raise http.missing("node in the graph of this comparison")
    return {"node": node, "nodes": own_grids.part_of(graph, node)}


def _picture(request: web.Request) -> web.StreamResponse:
    path = _folder(request) / "cells" / f"{_cell(request.match_info['cell'])}.png"
    if not is_file(path):
        raise http.missing("picture")
    # A cell's name is its content: it never changes.
    caching = {"Content-Type": "image/png", "Cache-Control": "private, max-age=86400, immutable"}
    return http.stored(path, caching)


def _mark(request: web.Request, body: http.Json) -> http.Json:
    """Replace the star, reject mark and note of a cell, and return them."""
    folder, cell = _folder(request), _cell(body["cell"])
    if cell not in _plan(folder)["sizes"]:
        raise http.missing("picture")
    return marks.save(folder, cell, body)


def _portable(request: web.Request, _: http.Json) -> http.Json:
    """Write the portable viewer folder again with the current marks, and return its file."""
    from ..training_core.compare import viewer

    folder = _folder(request)
    return {"file": str(viewer.write(folder, _plan(folder)))}


def _folder(request: web.Request) -> Path:
    name = request.match_info["name"]
    try:
        if not _NAME.fullmatch(name):
            raise AthanorError("the name of a comparison has other characters.")
        folder = folders.compare_folder(name)
    except AthanorError:
        raise http.missing("comparison") from None
    if not is_file(folder / "plan.json"):
        raise http.missing("comparison")
    return folder


def _cell(text: str) -> str:
    if not _CELL.fullmatch(text):
        raise http.missing("picture")
    return text


def _plan(folder: Path) -> http.Json:
    try:
        return read_whole_plan(folder)
    except AthanorError as error:
        raise web.HTTPNotFound(text=whole_characters(str(error))) from None
