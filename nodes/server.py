"""Routes: what runs have done, read from their folders, and what a live one is asked to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from server import PromptServer

from ..training_core.host import folders
from ..training_core.run import control, registry

_ID = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"[^/\\\x00-\x1f]{1,255}\.png")


def register() -> None:
    """Add the routes to the host's server; every answer is made in a thread, for files may be large."""
    routes = PromptServer.instance.routes

    @routes.get("/athanor/runs")
    async def _runs(_request: web.Request) -> web.Response:
        return await _answer(lambda: [_brief(record) for record in registry.records(folders.runs_folder())])

    @routes.get("/athanor/runs/{run}")
    async def _run(request: web.Request) -> web.Response:
        folder = _folder(request)
        return await _answer(lambda: _brief(_record(folder)) | {"events": list(_record(folder).events)})

    @routes.get("/athanor/runs/{run}/metrics")
    async def _metrics(request: web.Request) -> web.Response:
        folder, after = _folder(request), _number(request, "after", 0)
        most = max(2, _number(request, "points", 2000))
        return await _answer(lambda: registry.thinned(registry.metrics(folder, after), most))

    @routes.get("/athanor/runs/{run}/samples/{file}")
    async def _sample(request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"]
        path = _folder(request) / "samples" / name
        if not _FILE.fullmatch(name) or not path.is_file():
            raise web.HTTPNotFound(text="there is no such picture")
        return web.FileResponse(path, headers={"Content-Type": "image/png", "X-Content-Type-Options": "nosniff"})

    @routes.post("/athanor/runs/{run}/{command:stop|save|sample}")
    async def _command(request: web.Request) -> web.Response:
        run, command = _folder(request).name, request.match_info["command"]
        if not control.give(run, command):
            raise web.HTTPConflict(text=f"run {run} does not train in this ComfyUI")
        return web.json_response({"run_id": run, "asked": command})


async def _answer(make: Callable[[], Any]) -> web.Response:
    return web.json_response(await asyncio.to_thread(make))


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
    if not text.isdecimal():
        raise web.HTTPBadRequest(text=f"{name} is no number")
    return int(text)


def _record(folder: Path) -> registry.Record:
    record = registry.read(folder)
    if record is None:
        raise web.HTTPNotFound(text="there is no such run")
    return record


def _brief(record: registry.Record) -> dict[str, Any]:
    """A run in a few fields; status is what its folder says, `live` whether it trains here and now."""
    return {
        "run_id": record.run_id,
        "name": record.output_name,
        "status": record.status,
        "live": record.run_id in control.live(),
        "why": record.why,
        "steps": record.steps,
        "step": max((e.get("step", 0) for e in record.events), default=0),
        "time": record.events[-1]["time"] if record.events else None,
        "checkpoints": [
            {"file": folders.lora_name(Path(e["path"])), "step": e["step"], "epoch": e["epoch"], "kind": e["kind"]}
            for e in record.saved
        ],
        "samples": [
            {"file": Path(e["path"]).name, "step": e["step"], "epoch": e["epoch"], "prompt": e["prompt"]}
            for e in record.events
            if e["event"] == "sampled"
        ],
    }
