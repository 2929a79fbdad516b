"""The route of the help pages, which answers in the page's language."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from ..training_core.files import is_file
from . import http

PACK = Path(os.path.abspath(__file__)).parent.parent
"""The pack's folder under its name in custom_nodes, links not resolved: that name is part of the page's addresses."""


def register() -> None:
    """Add a route that answers docs/<node>/<locale>.md for every locale.

    Without it the page would get an error before it asks for docs/<node>.md. zh-TW gets the page of zh, and a language
    without a page of its own the English one.
    """
    address = f"/extensions/{quote(PACK.name)}/docs/{{node:[A-Za-z]+}}/{{locale:[A-Za-z-]+}}.md"

    http.get(address, _page)


def _page(request: web.Request) -> web.StreamResponse:
    page = _best(request.match_info["node"], request.match_info["locale"])
    return http.stored(page, {"Content-Type": "text/markdown; charset=utf-8"})


def _best(node: str, locale: str) -> Path:
    docs = PACK / "web" / "docs"
    language = locale.partition("-")[0]
    for path in (docs / node / f"{locale}.md", docs / node / f"{language}.md", docs / f"{node}.md"):
        if is_file(path):
            return path
    raise http.missing("help page")
