"""Routes: the pictures, captions and findings of a dataset, read only."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from aiohttp import web
from server import PromptServer

from ..training_core.data.thumbnails import Thumbnails
from ..training_core.data.view import MOST_PICTURES, MOST_TERMS, Filter, View
from ..training_core.errors import AthanorError
from ..training_core.history import registry, trained_on
from ..training_core.host import folders
from . import graph_datasets, shown

_RUN, _VIEW = re.compile(r"[0-9a-f]{16}"), re.compile(r"d[0-9a-f]{16}")
_NUMBER = re.compile(r"[0-9]{1,7}")
_BUCKET = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_SIDES, _OPEN = (256, 1280), 8


class _Shelf:
    """The views that pages have open; the one that was not asked for longest goes first."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, View] = OrderedDict()
        self._looks: dict[str, dict[str, Any]] = {}  # examinations that are under way or have failed
        self._lock = Lock()
        self.readers = ThreadPoolExecutor(2, "athanor-thumbnails")
        self.doctors = ThreadPoolExecutor(1, "athanor-doctor")

    def get(self, name: str) -> View | None:
        with self._lock:
            if name in self._views:
                self._views.move_to_end(name)
            return self._views.get(name)

    def put(self, name: str, view: View) -> View:
        """Keep a view; of two made at once, the first."""
        with self._lock:
            view = self._views.setdefault(name, view)
            self._views.move_to_end(name)
            while len(self._views) > _OPEN:
                self._looks.pop(self._views.popitem(last=False)[0], None)
            return view

    def look(self, name: str, view: View) -> dict[str, Any]:
        """How far the doctor is; the first call sends for one."""
        with self._lock:
            if view.findings is not None:
                return {"findings": view.findings_told()}
            told = self._looks.get(name)
            if told is None:
                told = self._looks[name] = {"done": 0, "total": len(view.dataset.pictures)}
                self.doctors.submit(self._examine, view, told)
            elif "error" in told:
                del self._looks[name]
            return dict(told)

    def _examine(self, view: View, told: dict[str, Any]) -> None:
        try:
            view.examine(lambda done, total: told.update(done=done, total=total))
        except Exception as error:  # whatever it is, the page is told
            told["error"] = str(error) or type(error).__name__


def register() -> None:
    """Add the routes to the host's server; whatever reads a file does so in a thread."""
    routes, shelf = PromptServer.instance.routes, _Shelf()
    thumbnails = Thumbnails(folders.temporary_folder() / "thumbnails")

    @routes.post("/athanor/datasets")
    async def _open(request: web.Request) -> web.Response:
        """Body: {"prompt": the graph in API form, "node": the id of a Dataset Loader, Bucketer or Dataset Doctor}."""
        prompt, node = await _asked(request)
        return await _answer(lambda: _opened(shelf, prompt, node))

    @routes.get("/athanor/datasets/{id}")
    async def _overview(request: web.Request) -> web.Response:
        return await _answer(lambda: {"id": request.match_info["id"], **_view(request, shelf).overview()})

    @routes.get("/athanor/datasets/{id}/pictures")
    async def _pictures(request: web.Request) -> web.Response:
        """From `first`, `count` of those that `tag`s, `without`s, `bucket` (WxH), `finding` and `text` let through."""
        first, count = _number(request, "first", 0), _number(request, "count", 100)
        wanted = _filter(request)
        return await _answer(lambda: _view(request, shelf).page(wanted, first, min(count, MOST_PICTURES)))

    @routes.get("/athanor/datasets/{id}/terms")
    async def _terms(request: web.Request) -> web.Response:
        """Tags (or words) that contain `text`."""
        most = min(_number(request, "count", 200), MOST_TERMS)
        return await _answer(lambda: _view(request, shelf).terms(request.query.get("text", ""), most))

    @routes.post("/athanor/datasets/{id}/findings")
    async def _findings(request: web.Request) -> web.Response:
        """The doctor's findings; while he looks, how far he is."""
        return await _answer(lambda: shelf.look(request.match_info["id"], _view(request, shelf)))

    @routes.get("/athanor/datasets/{id}/thumbnails/{index}")
    async def _thumbnail(request: web.Request) -> web.Response:
        index, side = request.match_info["index"], _number(request, "side", _SIDES[0])
        if not _NUMBER.fullmatch(index) or side not in _SIDES:
            raise web.HTTPNotFound(text="there is no such picture")
        view = await asyncio.to_thread(_view, request, shelf)
        if int(index) >= len(view.dataset.pictures):
            raise web.HTTPNotFound(text="there is no such picture")
        picture = view.dataset.pictures[int(index)]
        loop = asyncio.get_running_loop()
        try:
            data = await loop.run_in_executor(shelf.readers, thumbnails.of, view.dataset, picture, side)
        except AthanorError as error:
            raise web.HTTPNotFound(text=str(error)) from None
        headers = {"Cache-Control": "private, max-age=3600", **_NO_SNIFFING}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)


async def _answer(make: Callable[[], Any]) -> web.Response:
    try:
        text = await asyncio.to_thread(lambda: json.dumps(make()))
    except AthanorError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from None
    return web.Response(text=text, content_type="application/json")


async def _asked(request: web.Request) -> tuple[dict[str, Any], str]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if request.content_type != "application/json" or not isinstance(body, dict):
        body = {}
    prompt, node = body.get("prompt"), body.get("node")
    if not isinstance(prompt, dict) or not isinstance(node, str):
        raise web.HTTPBadRequest(text='the body must be JSON: {"prompt": graph in API form, "node": id}')
    return prompt, node


def _opened(shelf: _Shelf, prompt: dict[str, Any], node: str) -> dict[str, Any]:
    view = shown.view(prompt, node)
    state = [
        graph_datasets.digest(prompt, node),
        view.dataset.fingerprint,
        [str(p.path) for p in view.dataset.pictures],
    ]
    name = "d" + hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
    return {"id": name, **shelf.put(name, view).overview()}


def _view(request: web.Request, shelf: _Shelf) -> View:
    """An open view, or that of a run, by its id."""
    name = request.match_info["id"]
    if not _VIEW.fullmatch(name) and not _RUN.fullmatch(name):
        raise web.HTTPNotFound(text="there is no such dataset")
    found = shelf.get(name)
    if found is None:
        record = registry.read(folders.run_folder(name)) if _RUN.fullmatch(name) else None
        if record is None:
            raise web.HTTPNotFound(text="the dataset is not open any more; open it again")
        found = shelf.put(name, trained_on.view(record))
    return found


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not _NUMBER.fullmatch(text):
        raise web.HTTPBadRequest(text=f"{name} is no number")
    return int(text)


def _filter(request: web.Request) -> Filter:
    query = request.query
    bucket, finding = query.get("bucket", ""), query.get("finding", "")
    size = _BUCKET.fullmatch(bucket)
    if (bucket and not size) or (finding and not _NUMBER.fullmatch(finding)):
        raise web.HTTPBadRequest(text="bucket must be like 512x768, finding a number")
    return Filter(
        tuple(query.getall("tag", [])),
        tuple(query.getall("without", [])),
        (int(size[1]), int(size[2])) if size else None,
        int(finding) if finding else None,
        query.get("text", ""),
    )
