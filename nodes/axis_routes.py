"""Routes of XYZ Axis and XYZ Compare in the page: lists of values and grids that users keep, all names of a type, pictures of a graph."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from ..training_core.host import folders, nodegraph, sampling
from ..training_core.settings.named_files import NamedFiles
from . import http, named_routes

if TYPE_CHECKING:
    from ..training_core.compare.own_grids import Grid
    from ..training_core.compare.own_lists import ValueList

_LIST = '{"name": "mine", "about": "", "type": "sampler", "values": "euler, heun"}'
_GRID = '{"name": "mine", "about": "", "node": "9", "nodes": {"9": {"class_type": "AthanorXYZCompare", "inputs": {}}}}'


def register() -> None:
    """Add the routes to the host's server."""
    http.get("/athanor/lists", lambda _: _listed(_lists()))
    http.get("/athanor/grids", lambda _: _listed(_grids()))
    named_routes.register("/athanor/lists", _lists, asdict, {"name": str, "type": str, "values": str}, _LIST)
    named_routes.register("/athanor/grids", _grids, asdict, {"name": str, "node": str, "nodes": dict}, _GRID)
    http.get("/athanor/axis/names", _names)
    example = '{"graph": {"3": {"class_type": "AthanorXYZAxis", "inputs": {}}}, "node": "3", "values": 40}'
    http.post("/athanor/axis/pictures", _pictures, {"graph": dict, "node": str, "values": int}, example=example)


def _lists() -> NamedFiles[ValueList]:
    from ..training_core.compare import own_lists

    return own_lists.kept(folders.own_folder("lists"))


def _grids() -> NamedFiles[Grid]:
    from ..training_core.compare import own_grids

    return own_grids.kept(folders.own_folder("grids"))


def _listed(kept: NamedFiles[Grid] | NamedFiles[ValueList]) -> http.Json:
    """Return all that is kept, and the files that are none."""
    found, unread = kept.listed()
    return {"kept": [asdict(each) for each in found], "unread": unread}


def _names(request: web.Request) -> http.Json:
    """Return all values that an axis of `?type=` can have, if they are names."""
    from ..training_core.compare import kinds

    return {"names": kinds.every_name(request.query.get("type", ""), sampling.known())}


def _pictures(_: web.Request, body: http.Json) -> http.Json:
    """Return how many pictures the comparison behind an axis would have if that had so many values."""
    from ..training_core.compare import counting
    from ..training_core.compare.widgets import Widget

    graph = {
        node: each
        for node, each in body["graph"].items()
        if isinstance(each, dict) and isinstance(each.get("class_type"), str) and isinstance(each.get("inputs"), dict)
        if isinstance(each.get("_meta"), dict | None)
    }
    widgets = [Widget(**each) for each in nodegraph.widgets(graph)]
    pictures, exact = counting.pictures(graph, body["node"], body["values"], sampling.known(), widgets)
    return {"pictures": pictures, "exact": exact}
