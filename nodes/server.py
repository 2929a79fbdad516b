"""Routes: what runs have done, read from their folders, and what a live one is asked to do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from server import PromptServer

from ..training_core.errors import AthanorError
from ..training_core.history import graph, marks, registry, report, review, series
from ..training_core.host import folders
from ..training_core.resume import lock
from ..training_core.run import control

_ID = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"[^/\\\x00-\x1f]{1,255}\.png")
_INDEX = re.compile(r"[0-9]{1,7}")
_NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
_MOST_POINTS, _THUMBNAIL = 10_000, 192
_OF_SAMPLES = frozenset({"pictures", "timesteps", "losses"})


def register() -> None:
    """Add the routes to the host's server; every answer is made in a thread, for files may be large."""
    routes = PromptServer.instance.routes

    @routes.get("/athanor/runs")
    async def _runs(request: web.Request) -> web.Response:
        """All runs, or those of `?name=`, the newest first; with `?short=1` without their files and samples."""
        wanted = {"output_name": request.query["name"]} if "name" in request.query else {}
        if request.query.get("short") == "1":
            return await _answer(lambda: [_short(run) for run in registry.summaries(folders.runs_folder(), **wanted)])
        return await _answer(lambda: [_brief(record) for record in registry.records(folders.runs_folder(), **wanted)])

    @routes.get("/athanor/runs/{run}")
    async def _run(request: web.Request) -> web.Response:
        folder = _folder(request)
        return await _answer(lambda: _full(_record(folder)))

    @routes.get("/athanor/runs/{run}/metrics")
    async def _metrics(request: web.Request) -> web.Response:
        folder, after = _folder(request), _number(request, "after", 0)
        most = min(_MOST_POINTS, max(2, _number(request, "points", 2000)))
        return await _answer(lambda: [_curve(point) for point in series.points(folder, after, most)])

    @routes.get("/athanor/runs/{run}/review")
    async def _review(request: web.Request) -> web.Response:
        folder = _folder(request)
        return await _answer(lambda: _reviewed(_record(folder)))

    @routes.get("/athanor/runs/{run}/graph")
    async def _graph(request: web.Request) -> web.Response:
        folder = _folder(request)
        return await _answer(lambda: graph.read_graph(folder))

    @routes.get("/athanor/runs/{run}/report")
    async def _report(request: web.Request) -> web.Response:
        folder = _folder(request)
        page = await asyncio.to_thread(lambda: report.page(_record(folder)))
        # It has no script, and its own policy forbids all; the sandbox keeps it apart from the host's pages as well (a host
        # that is shut off from the network puts its own policy in this place).
        policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        return web.Response(
            text=page, content_type="text/html", headers={"Content-Security-Policy": policy, **_NO_SNIFFING}
        )

    @routes.get("/athanor/runs/{run}/samples/{file}")
    async def _sample(request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"]
        path = _folder(request) / "samples" / name
        if not _FILE.fullmatch(name) or not path.is_file():
            raise web.HTTPNotFound(text="there is no such picture")
        return web.FileResponse(path, headers={"Content-Type": "image/png", **_NO_SNIFFING})

    @routes.get("/athanor/runs/{run}/pictures/{index}")
    async def _picture(request: web.Request) -> web.Response:
        folder, index = _folder(request), request.match_info["index"]
        if not _INDEX.fullmatch(index):
            raise web.HTTPNotFound(text="there is no such picture")
        data = await asyncio.to_thread(_thumbnail, folder, int(index))
        headers = {"Cache-Control": "private, max-age=3600", **_NO_SNIFFING}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)

    @routes.post("/athanor/runs/{run}/{command:stop|save|sample}")
    async def _command(request: web.Request) -> web.Response:
        run, command = _folder(request).name, request.match_info["command"]
        if not control.give(run, command):
            raise web.HTTPConflict(text=f"run {run} does not train in this ComfyUI")
        return web.json_response({"run_id": run, "asked": command})

    @routes.post("/athanor/runs/{run}/discard")
    async def _discard(request: web.Request) -> web.Response:
        """Body: {"file": a checkpoint's file as the run lists it}."""
        folder, name = _folder(request), (await _body(request))["file"]
        if folder.name in control.live():
            raise web.HTTPConflict(text=f"run {folder.name} is training; stop it first")
        return await _answer(lambda: _discarded(_record(folder), name))

    @routes.post("/athanor/runs/{run}/star")
    async def _star(request: web.Request) -> web.Response:
        """Body: {"file": a checkpoint's file, "on": whether it has a star}."""
        folder, body = _folder(request), await _body(request)
        return await _answer(lambda: _starred(_record(folder), body["file"], body.get("on") is True))

    @routes.post("/athanor/runs/{run}/copy")
    async def _copy(request: web.Request) -> web.Response:
        """Body: {"file": a checkpoint's file, "name": of its copy, in the folder that the file is in}."""
        folder, body = _folder(request), await _body(request)
        return await _answer(lambda: _copied(_record(folder), body["file"], body.get("name")))


async def _answer(make: Callable[[], Any]) -> web.Response:
    return web.Response(text=await asyncio.to_thread(lambda: json.dumps(make())), content_type="application/json")


def _folder(request: web.Request) -> Path:
    run = request.match_info["run"]
    if not _ID.fullmatch(run):
        raise web.HTTPNotFound(text="there is no such run")
    folder = folders.run_folder(run)
    if not (folder / "run.json").is_file():
        raise web.HTTPNotFound(text="there is no such run")
    return folder


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not _INDEX.fullmatch(text) and not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise web.HTTPBadRequest(text=f"{name} is no number")
    return int(text)


async def _body(request: web.Request) -> dict[str, Any]:
    """A request's body, which names a file."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if (
        request.content_type != "application/json"
        or not isinstance(body, dict)
        or not isinstance(body.get("file"), str)
    ):
        raise web.HTTPBadRequest(text='the body must be JSON: {"file": name}')
    return body


def _record(folder: Path) -> registry.Record:
    record = registry.read(folder)
    if record is None:
        raise web.HTTPNotFound(text="there is no such run")
    return record


def _listed(path: str) -> str:
    """A saved file as the host lists it; of a folder that the host has no more, its plain name."""
    try:
        return folders.lora_name(Path(path))
    except AthanorError:
        return Path(path).name


def _short(run: registry.RunSummary) -> dict[str, Any]:
    """A run in a few fields; status is what its folder says, `live` whether it trains here and now."""
    live = run.run_id in control.live()
    return {
        "run_id": run.run_id,
        "name": run.output_name,
        "status": run.status,
        "live": live,
        "elsewhere": not live and run.status not in registry.ENDS and lock.taken(run.folder),
        "why": run.why,
        "steps": run.steps,
        "step": run.step,
        "time": run.time,
    }


def _brief(record: registry.Record) -> dict[str, Any]:
    """The same with the files that are there, and the samples."""
    return _short(registry.RunSummary.of(record)) | {
        "checkpoints": [
            {"file": _listed(e["path"]), "step": e["step"], "epoch": e["epoch"], "kind": e["kind"]}
            for e in record.saved
        ],
        "samples": [
            {"file": Path(e["path"]).name, **{name: e[name] for name in ("step", "epoch", "prompt", "index")}}
            for e in record.samples
        ],
    }


def _curve(point: dict[str, Any]) -> dict[str, Any]:
    """What of a step is drawn; what belongs to its samples stays here."""
    return {name: value for name, value in point.items() if name not in _OF_SAMPLES}


def _full(record: registry.Record) -> dict[str, Any]:
    """A run with its events, and the node that trains it."""
    return _brief(record) | {"events": list(record.events), "node": graph.read_graph(record.folder).get("node")}


def _reviewed(record: registry.Record) -> dict[str, Any]:
    """The look back, with the files as the host lists them."""
    reviewed = review.review(record)
    for checkpoint in reviewed["checkpoints"]:
        checkpoint["file"] = _listed(checkpoint.pop("path"))
    return reviewed


def _thumbnail(folder: Path, index: int) -> bytes:
    """A picture of the dataset, small; only what the run's own list names is read."""
    pictures = registry.dataset(folder)
    if index >= len(pictures):
        raise web.HTTPNotFound(text="there is no such picture")
    try:
        return report.thumbnail(Path(str(pictures[index].get("path", ""))), _THUMBNAIL)
    except (OSError, ValueError):
        raise web.HTTPNotFound(text="the picture is gone, or cannot be read") from None


def _saved(record: registry.Record, name: str) -> Path:
    """A file of a run by the name that the host lists it under."""
    path = next((Path(e["path"]) for e in record.saved if _listed(e["path"]) == name), None)
    if path is None:
        raise web.HTTPNotFound(text="the run has no such file")
    return path


def _discarded(record: registry.Record, name: str) -> dict[str, Any]:
    marks.discard(record, _saved(record, name))
    return {"run_id": record.run_id, "discarded": name}


def _starred(record: registry.Record, name: str, on: bool) -> dict[str, Any]:
    marks.star(record, _saved(record, name), on)
    return {"run_id": record.run_id, "file": name, "starred": on}


def _copied(record: registry.Record, name: str, copy: Any) -> dict[str, Any]:
    path = _saved(record, name)
    try:
        target = folders.beside(path, copy if isinstance(copy, str) else "")
        marks.copy(path, target)
    except AthanorError as error:
        raise web.HTTPUnprocessableEntity(text=str(error)) from None
    return {"run_id": record.run_id, "file": _listed(str(target))}
