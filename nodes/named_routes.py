"""Routes of what users keep under a name: saved, renamed and deleted, the same for presets, lists of values and grids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aiohttp import web

from ..training_core.settings.named_files import Named, NamedFiles, TakenName
from . import http

LONGEST = 200_000
"""Bytes of what is kept."""

Kept = TypeVar("Kept", bound=Named)


def register(
    path: str,
    kept: Callable[[], NamedFiles[Kept]],
    told: Callable[[Kept], http.Json],
    fields: Mapping[str, type],
    example: str,
) -> None:
    """Add the routes that change what is kept to the host's server: `path`, `path`/rename and `path`/delete.

    Args:
        kept: returns the files.
        told: returns what is answered of one.
        fields, example: what a body to be saved has, see `http.post`.
    """

    def save(_: web.Request, body: http.Json) -> http.Json:
        return told(_or_conflict(lambda: kept().save(body, replace=body.get("replace") is True)))

    def rename(_: web.Request, body: http.Json) -> http.Json:
        renamed = _or_conflict(lambda: kept().rename(body["name"], body["to"]))
        if renamed is None:
            raise http.missing("file")
        return told(renamed)

    def delete(_: web.Request, body: http.Json) -> http.Json:
        if not kept().delete(body["name"]):
            raise http.missing("file")
        return {"deleted": body["name"]}

    http.post(path, save, fields, example=example, longest=LONGEST)
    http.post(f"{path}/rename", rename, {"name": str, "to": str}, example='{"name": "mine", "to": "better"}')
    http.post(f"{path}/delete", delete, {"name": str}, example='{"name": "mine"}')


def _or_conflict(act: Callable[[], Any]) -> Any:
    """Return what an act returns; status 409 where a name is taken."""
    try:
        return act()
    except TakenName as error:
        raise web.HTTPConflict(text=str(error)) from None
