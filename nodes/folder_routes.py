"""Routes that list the folders a Dataset Loader can read, with what they hold, and show what one of them holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ..training_core.errors import AthanorError
from ..training_core.host import folders
from ..training_core.host.dataset_places import control_folder
from ..training_core.text_files import whole_characters
from . import http

if TYPE_CHECKING:
    from ..training_core.data.listing import Holding, Listings
    from ..training_core.data.thumbnails import Thumbnails

_SHOWN = 6  # pictures that stand for a folder
_SIDE = 256  # pixels of a thumbnail


def register() -> None:
    """Add the routes to the host's server."""
    http.get("/athanor/folders", lambda request: _listed(_extension(request)))
    http.get("/athanor/folders/one", _one)
    http.get("/athanor/folders/thumbnail", _thumbnail)


@cache
def listings() -> Listings:
    """Return what is remembered of folders."""
    from ..training_core.data.listing import Listings

    return Listings()


@cache
def thumbnails() -> Thumbnails:
    """Return the store of small pictures, which all routes share."""
    from ..training_core.data.thumbnails import Thumbnails

    return Thumbnails(folders.temporary_folder() / "thumbnails")


def _extension(request: web.Request) -> str:
    """Return the ending of caption files, as `caption_extension` of the node has it."""
    ending = request.query.get("caption_extension", ".txt")
    return ending if ending.startswith(".") else f".{ending}"


def _listed(extension: str) -> http.Json:
    """Return the folders with pictures, the newest first; `more`: there are further ones."""
    found: dict[str, http.Json] = {}
    cut = False
    for root in folders.dataset_roots():
        holdings, more = listings().below(root, extension)
        cut = cut or more
        for holding in holdings:  # the first place wins, as for a Dataset Loader
            if whole_characters(holding.folder) == holding.folder:
                found.setdefault(holding.folder, {"place": root.name, **_told(holding)})
    return {"folders": sorted(found.values(), key=lambda row: -row["time"]), "more": cut}


def _told(holding: Holding) -> http.Json:
    return {
        "folder": holding.folder,
        "pictures": holding.pictures,
        "captions": holding.captions,
        "below": holding.below,
        "captions_below": holding.captions_below,
        "time": holding.time,
    }


def _one(request: web.Request) -> http.Json:
    """Return what one folder holds and the names of some of its pictures; of one that is not there why, and the nearest names."""
    name = request.query.get("folder", "")
    try:
        root = folders.dataset_folder(name)
    except AthanorError as error:
        return {"folder": name, "why": whole_characters(str(error)), "nearest": folders.near(name)}
    return {
        **summary(root, _extension(request)),
        "folder": name,
        **_controls(request.query.get("control_folder", ""), root),
    }


def _controls(name: str, root: Path) -> http.Json:
    """Return under `controls` how many pictures a dataset's control_folder holds; {} where there is none, which the node tells."""
    try:
        place = control_folder(name, root)
    except AthanorError:
        return {}
    if place is None or root.is_relative_to(place):  # around the dataset: its own pictures are none
        return {}
    held = listings().of(place)
    return {"controls": held.pictures + held.below}


def summary(root: Path, extension: str = ".txt") -> http.Json:
    """Return what a folder holds: numbers, and under `shown` the names of some of its pictures below it."""
    from ..training_core.data.listing import spread

    held = listings().of(root, extension)
    pictures: list[str] = []
    for folder in ("", *held.repeated):
        inside = listings().inside(root / folder, extension)
        pictures += [f"{folder}/{name}" if folder else name for name in (inside.pictures if inside else ())]
    shown = [name for name in spread(pictures, _SHOWN) if whole_characters(name) == name]
    return {**_told(held), "shown": shown}


def _thumbnail(request: web.Request) -> web.Response:
    """Return a small JPEG of the picture `file` of `folder`; nothing else is opened."""
    from ..training_core.data.decode import SUFFIXES

    try:
        path = folders.below(folders.dataset_folder(request.query.get("folder", "")), request.query.get("file", ""))
        if path is None or path.suffix.lower() not in SUFFIXES or not path.is_file():
            raise http.missing("picture")
        data = thumbnails().of_file(path, _SIDE)
    except (AthanorError, OSError, ValueError):  # also a name that no file can have
        raise http.missing("picture") from None
    return http.file(data, "image/jpeg", {"Cache-Control": "private, max-age=3600"})
