"""Routes that show the pictures, captions and findings of a dataset."""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from aiohttp import web

from ..training_core.errors import AthanorError
from ..training_core.history import registry
from ..training_core.host import folders
from ..training_core.text_files import whole_characters
from . import caption_routes, folder_routes, graph_datasets, http

if TYPE_CHECKING:
    from ..training_core.data.view import DatasetView, Filter

_RUN, _VIEW = re.compile(r"[0-9a-f]{16}"), re.compile(r"d[0-9a-f]{16}")
_NUMBER = re.compile(r"[0-9]{1,7}")
_BUCKET = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
_SIDES = (256, 1280)  # pixels of a thumbnail and of a large picture
_OPEN = 8  # views that are kept


class _OpenViews:
    """The views that pages have open; of more than _OPEN the least recently used is closed."""

    def __init__(self) -> None:
        self._views: OrderedDict[str, DatasetView] = OrderedDict()
        self._checks: dict[str, http.Json] = {}  # progress of the doctor by view: done and total, or an error
        self._lock = Lock()
        self.readers = ThreadPoolExecutor(2, "athanor-thumbnails")
        self.doctors = ThreadPoolExecutor(1, "athanor-doctor")

    def get(self, name: str) -> DatasetView | None:
        with self._lock:
            if name in self._views:
                self._views.move_to_end(name)
            return self._views.get(name)

    def put(self, name: str, view: DatasetView) -> DatasetView:
        """Add a view and return it; if there is one of this name with these captions, return that one."""
        with self._lock:
            there = self._views.get(name)
            if there is None or there.dataset.fingerprint != view.dataset.fingerprint:  # captions were edited there
                self._views[name] = view
                self._checks.pop(name, None)
            view = self._views[name]
            self._views.move_to_end(name)
            while len(self._views) > _OPEN:
                self._checks.pop(self._views.popitem(last=False)[0], None)
            return view

    def check(self, name: str, view: DatasetView, again: bool = False) -> http.Json:
        """Return the findings of a view, or how far the doctor is with them; the first call starts it, and one with `again`."""
        with self._lock:
            if again and view.findings is not None:
                view.forget_findings()
                self._checks.pop(name, None)
            if view.findings is not None:
                return {"findings": view.findings_json()}
            progress = self._checks.get(name)
            if progress is None:
                progress = self._checks[name] = {"done": 0, "total": len(view.dataset.pictures)}
                self.doctors.submit(self._examine, view, progress)
            elif "error" in progress:
                del self._checks[name]
            return dict(progress)

    def _examine(self, view: DatasetView, progress: http.Json) -> None:
        try:
            view.examine(lambda _, done, total: progress.update(done=done, total=total))
        except Exception as error:  # of any kind: it is shown on the page
            progress["error"] = str(error) or type(error).__name__


def register() -> None:
    """Add the routes to the host's server."""
    views = _OpenViews()
    dataset = "/athanor/datasets/{id}"
    example = '{"prompt": graph in API form, "node": id of a Dataset Loader, Bucketer or Dataset Doctor}'
    fields = {"prompt": dict, "node": str}
    http.post(
        "/athanor/datasets", lambda _, body: _opened(views, body["prompt"], body["node"]), fields, example=example
    )
    http.get(dataset, lambda request: _told(request.match_info["id"], _view(request, views)))
    http.get(f"{dataset}/pictures", partial(_pictures, views))
    http.get(f"{dataset}/terms", partial(_terms, views))
    http.post(f"{dataset}/findings", partial(_findings, views))
    http.get(f"{dataset}/thumbnails/{{index}}", partial(_thumbnail, views), views.readers)
    caption_routes.register(lambda request: _of_a_node(request, views), _filter)


def _pictures(views: _OpenViews, request: web.Request) -> http.Json:
    """Return `count` pictures from `first` on, of those that match all of `tag`, `without`, `bucket` (WxH), `finding` and `text`."""
    from ..training_core.data.view import MOST_PICTURES

    first, count = http.number(request, "first", 0), http.number(request, "count", 100)
    return _view(request, views).page(_filter(request), first, min(count, MOST_PICTURES))


def _findings(views: _OpenViews, request: web.Request, _: http.Json) -> http.Json:
    """Return what the doctor finds, or how far it is; `?again=1` lets it look anew."""
    return views.check(request.match_info["id"], _view(request, views), request.query.get("again") == "1")


def _terms(views: _OpenViews, request: web.Request) -> http.Json:
    """Return the tags (or words) of the captions that contain `text`."""
    from ..training_core.data.view import MOST_TERMS

    most = min(http.number(request, "count", 200), MOST_TERMS)
    return _view(request, views).terms(request.query.get("text", ""), most)


def _thumbnail(views: _OpenViews, request: web.Request) -> web.Response:
    """Return a picture as JPEG, `side` pixels long at its longer side; with `control` one of its control pictures."""
    index, side = request.match_info["index"], http.number(request, "side", _SIDES[0])
    dataset, control = _view(request, views).dataset, request.query.get("control")
    if not _NUMBER.fullmatch(index) or side not in _SIDES or int(index) >= len(dataset.pictures):
        raise http.missing("picture")
    picture, made = dataset.pictures[int(index)], folder_routes.thumbnails()
    if control is not None and not (_NUMBER.fullmatch(control) and int(control) < len(picture.controls)):
        raise http.missing("control picture")
    try:
        data = (
            made.of(dataset, picture, side)
            if control is None
            else made.of_control(dataset, picture, int(control), side)
        )
    except AthanorError as error:
        raise web.HTTPNotFound(text=whole_characters(str(error))) from None
    return http.file(data, "image/jpeg", {"Cache-Control": "private, max-age=3600"})


def _opened(views: _OpenViews, prompt: http.Json, node: str) -> http.Json:
    from . import shown

    view = shown.view(prompt, node)
    state = [
        graph_datasets.digest(prompt, node),
        view.dataset.fingerprint,
        [str(p.path) for p in view.dataset.pictures],
    ]
    name = "d" + hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]
    return _told(name, views.put(name, view))


def _told(name: str, view: DatasetView) -> http.Json:
    return {"id": name, "can_edit": bool(_VIEW.fullmatch(name)) and caption_routes.can_edit(view), **view.overview()}


def _of_a_node(request: web.Request, views: _OpenViews) -> DatasetView:
    """Return an open view of a node's dataset, whose captions can be edited.

    Raises:
        AthanorError: it is a run's dataset.
    """
    if _RUN.fullmatch(request.match_info["id"]):
        raise AthanorError(
            "A run keeps the captions that it was trained on: open the dataset of a node to edit its files."
        )
    return _view(request, views)


def _view(request: web.Request, views: _OpenViews) -> DatasetView:
    """Return an open view by its id, or that of a run by the run's id."""
    from ..training_core.history import trained_on

    name = request.match_info["id"]
    if not _VIEW.fullmatch(name) and not _RUN.fullmatch(name):
        raise http.missing("dataset")
    view = views.get(name)
    if view is None:
        record = registry.read(folders.run_folder(name)) if _RUN.fullmatch(name) else None
        if record is None:
            raise web.HTTPNotFound(text="the dataset is not open any more; open it again")
        view = views.put(name, trained_on.view(record))
    return view


def _filter(request: web.Request) -> Filter:
    from ..training_core.data.view import Filter

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
