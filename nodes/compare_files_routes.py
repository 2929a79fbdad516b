"""Routes that deliver the files of comparisons: pages of their grids, and the portable viewer as a ZIP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from ..training_core.compare.store import PAGE
from ..training_core.files import is_file
from ..training_core.host import folders
from . import http

VIEWER = "viewer.zip"


def register(folder_of: Callable[[web.Request], Path], plan_of: Callable[[Path], http.Json]) -> None:
    """Add the routes to the host's server.

    Args:
        folder_of: returns the folder of the comparison that a request names, or raises status 404.
        plan_of: returns its plan.json.
    """
    files = "/athanor/compare/{name}/files"
    http.get(files, lambda request: pages(folder_of(request)))
    http.get(f"{files}/{{file}}", lambda request: _file(request.match_info["file"], folder_of(request), plan_of))


def pages(folder: Path) -> list[dict[str, Any]]:
    """Return the pages of a comparison's grid and of its last redrawn one, as the host's /view delivers them."""
    names = sorted(path.name for path in folder.iterdir() if PAGE.fullmatch(path.name) and path.is_file())
    place = {"subfolder": f"athanor/compare/{folder.name}", "type": "output"}
    return [{"filename": name, **place, "kind": name.partition(".")[0].partition("-")[0]} for name in names]


def _file(name: str, folder: Path, plan_of: Callable[[Path], http.Json]) -> web.StreamResponse:
    """Return a page of the grid, or the portable viewer with the marks as they are now."""
    from ..training_core.compare.archive import archive

    if name == VIEWER:
        path = archive(folder, plan_of(folder), folders.temporary_folder() / "viewers")
        kind = "application/zip"
    else:
        path = folder / name
        kind = f"image/{path.suffix[1:].replace('jpg', 'jpeg')}"
        if not PAGE.fullmatch(name) or not is_file(path):
            raise http.missing("file")
    return http.stored(path, {"Content-Type": kind, "Content-Disposition": "attachment"})
