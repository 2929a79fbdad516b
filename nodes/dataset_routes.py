"""Routes: the pictures, captions and findings of a dataset, read only."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock

from aiohttp import web

from ..training_core.data.thumbnails import Thumbnails
from ..training_core.data.view import MOST_PICTURES, MOST_TERMS, DatasetView, Filter
from ..training_core.errors import AthanorError
from ..training_core.history import registry, trained_on
from ..training_core.host import folders
from . import graph_datasets, http, shown

_RUN, _VIEW = re.compile(r"[0-9a-f]{16}"), re.compile(r"d[0-9a-f]{16}")
_NUMBER = re.compile(r"[0-9]{1,7}")
_BUCKET = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_SIDES, _OPEN = (256, 1280), 8


class _Shelf:
    """The views that pages have open; the one that was not asked for longest goes first."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, DatasetView] = OrderedDict()
        self._looks: dict[str, http.Json] = {}  # examinations that are under way or have failed
        self._lock = Lock()
        self.readers = ThreadPoolExecutor(2, "athanor-thumbnails")
        self.doctors = ThreadPoolExecutor(1, "athanor-doctor")

    def get(self, name: str) -> DatasetView | None:
        with self._lock:
            if name in self._views:
                self._views.move_to_end(name)
            return self._views.get(name)

    def put(self, name: str, view: DatasetView) -> DatasetView:
        """Keep a view; of two made at once, the first."""
        with self._lock:
            view = self._views.setdefault(name, view)
            self._views.move_to_end(name)
            while len(self._views) > _OPEN:
                self._looks.pop(self._views.popitem(last=False)[0], None)
            return view

    def look(self, name: str, view: DatasetView) -> http.Json:
        """How far the doctor is; the first call sends for one."""
        with self._lock:
            if view.findings is not None:
                return {"findings": view.findings_json()}
            told = self._looks.get(name)
            if told is None:
                told = self._looks[name] = {"done": 0, "total": len(view.dataset.pictures)}
                self.doctors.submit(self._examine, view, told)
            elif "error" in told:
                del self._looks[name]
            return dict(told)

    def _examine(self, view: DatasetView, told: http.Json) -> None:
        try:
            view.examine(lambda done, total: told.update(done=done, total=total))
        except Exception as error:  # whatever it is, the page is told
            told["error"] = str(error) or type(error).__name__


def register() -> None:
    """Add the routes to the host's server."""
    shelf, thumbnails = _Shelf(), Thumbnails(folders.temporary_folder() / "thumbnails")
    dataset = "/athanor/datasets/{id}"
    example = '{"prompt": graph in API form, "node": id of a Dataset Loader, Bucketer or Dataset Doctor}'
    fields = {"prompt": dict, "node": str}
    http.post(
        "/athanor/datasets", lambda _, body: _opened(shelf, body["prompt"], body["node"]), fields, example=example
    )
    http.get(dataset, lambda request: {"id": request.match_info["id"], **_view(request, shelf).overview()})
    http.get(f"{dataset}/pictures", partial(_pictures, shelf))
    http.get(f"{dataset}/terms", partial(_terms, shelf))
    http.post(f"{dataset}/findings", lambda request, _: shelf.look(request.match_info["id"], _view(request, shelf)))
    http.get(f"{dataset}/thumbnails/{{index}}", partial(_thumbnail, shelf, thumbnails), shelf.readers)


def _pictures(shelf: _Shelf, request: web.Request) -> http.Json:
    """From `first`, `count` of those that `tag`s, `without`s, `bucket` (WxH), `finding` and `text` let through."""
    first, count = http.number(request, "first", 0), http.number(request, "count", 100)
    return _view(request, shelf).page(_filter(request), first, min(count, MOST_PICTURES))


def _terms(shelf: _Shelf, request: web.Request) -> http.Json:
    """Tags (or words) that contain `text`."""
    most = min(http.number(request, "count", 200), MOST_TERMS)
    return _view(request, shelf).terms(request.query.get("text", ""), most)


def _thumbnail(shelf: _Shelf, thumbnails: Thumbnails, request: web.Request) -> web.Response:
    """A picture as JPEG whose longer side has `side` pixels."""
    index, side = request.match_info["index"], http.number(request, "side", _SIDES[0])
    pictures = _view(request, shelf).dataset.pictures
    if not _NUMBER.fullmatch(index) or side not in _SIDES or int(index) >= len(pictures):
        raise http.missing("picture")
    try:
        data = thumbnails.of(_view(request, shelf).dataset, pictures[int(index)], side)
    except AthanorError as error:
        raise web.HTTPNotFound(text=str(error)) from None
    return http.file(data, "image/jpeg", {"Cache-Control": "private, max-age=3600"})


def _opened(shelf: _Shelf, prompt: http.Json, node: str) -> http.Json:
    view = shown.view(prompt, node)
    state = [
        graph_datasets.digest(prompt, node),
        view.dataset.fingerprint,
        [str(p.path) for p in view.dataset.pictures],
    ]
    name = "d" + hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
    return {"id": name, **shelf.put(name, view).overview()}


def _view(request: web.Request, shelf: _Shelf) -> DatasetView:
    """Return an open view, or that of a run, by its id."""
    name = request.match_info["id"]
    if not _VIEW.fullmatch(name) and not _RUN.fullmatch(name):
        raise http.missing("dataset")
    view = shelf.get(name)
    if view is None:
        record = registry.read(folders.run_folder(name)) if _RUN.fullmatch(name) else None
        if record is None:
            raise web.HTTPNotFound(text="the dataset is not open any more; open it again")
        view = shelf.put(name, trained_on.view(record))
    return view


def _filter(request: web.Request) -> Filter:
    query = request.query
    bucket, finding = query.get("bucket", ""), query.get("finding", "")
    size = _BUCKET.fullmatch(bucket)
    if (bucket and not size) or (finding and not _NUMBER.fullmatch(finding)):
        raise web.HTTPBadRequest(text="bucket must be like 512x768, finding a number")
    return Filter(
        terms=tuple(query.getall("tag", [])),
        without=tuple(query.getall("without", [])),
        bucket=(int(size[1]), int(size[2])) if size else None,
        finding=int(finding) if finding else None,
        text=query.get("text", ""),
    )
