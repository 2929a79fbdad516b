"""Routes of runs: their state and results, read from their folders, and commands to those that are training."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

from aiohttp import web

from ..training_core.files import is_file
from ..training_core.history import graph, marks, registry, series, table
from ..training_core.history.changes import Changes
from ..training_core.host import folders
from ..training_core.run import control
from . import http, run_rows, streamed

_ID = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"[^/\\:\x00-\x1f]{1,255}\.png")  # no colon, for "C:x" is on another drive
_INDEX = re.compile(r"[0-9]{1,7}")
_MOST_POINTS = 10_000  # steps of one answer
_MOST_RUNS = 20  # in one table
_THUMBNAIL = 192  # pixels of the longer side
_FILTERS = {"name": "output_name", "prompt_id": "prompt_id"}
"""Names in the address of the list of runs, and the fields that they choose by."""
_listing = Changes("run_id")


def register() -> None:
    """Add the routes to the host's server."""
    run = "/athanor/runs/{run}"
    http.get("/athanor/runs", _runs)
    http.get("/athanor/metrics.csv", _table)
    http.get(run, lambda request: run_rows.full(_record(_folder(request))))
    http.get(f"{run}/metrics", _if_still_there(_metrics))
    http.get(f"{run}/review", lambda request: run_rows.reviewed(_record(_folder(request))))
    http.get(f"{run}/graph", _if_still_there(lambda request: graph.read_graph(_folder(request))))
    http.get(f"{run}/report", _report)
    http.get(f"{run}/samples/{{file}}", _sample)
    http.get(f"{run}/pictures/{{index}}", _picture)
    for command in get_args(control.Command):
        http.post(f"{run}/{command}", partial(_command, command))
    _post(f"{run}/discard", _discard, '{"file": a checkpoint\'s file as the run lists it}')
    _post(f"{run}/star", _star, '{"file": a checkpoint\'s file, "on": whether it has a star}')
    _post(f"{run}/copy", _copy, '{"file": a checkpoint\'s file, "name": of its copy, in the folder of that file}')


def _post(path: str, answer: Callable[[web.Request, http.Json], Any], example: str) -> None:
    """Add a route whose body names a file of the run."""
    http.post(path, answer, {"file": str}, example=example)


def _if_still_there(answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    """Return `answer` with a look behind it: a folder that was deleted meanwhile reads as a run without steps and graph."""

    def checked(request: web.Request) -> Any:
        found = answer(request)
        _folder(request)
        return found

    return checked


def _runs(request: web.Request) -> list[http.Json] | http.Json:
    """Return all runs, the newest first, or those with `?name=`, `?prompt_id=` and one of `?status=`, `?limit=` at most.

    With `?short=1` they are told without files, samples, settings and times. With `?since=` they are short, and only those
    that have changed after that revision of the list (see `Changes.since`).
    """
    if "since" in request.query:
        revision = http.number(request, "since", 0, digits=17)
        return _listing.since(
            revision, lambda: [run_rows.short(run) for run in registry.summaries(folders.runs_folder())]
        )
    wanted = {field: request.query[name] for name, field in _FILTERS.items() if name in request.query}
    found = registry.summaries(folders.runs_folder(), **wanted)
    if statuses := [status for given in request.query.getall("status", []) for status in given.split(",")]:
        if not set(statuses) <= set(registry.STATUSES):
            raise web.HTTPBadRequest(text=f"status must be one or more of {','.join(registry.STATUSES)}")
        found = [run for run in found if run.status in statuses]
    found = found[: http.number(request, "limit", len(found))]
    if request.query.get("short") == "1":
        return [run_rows.short(summary) for summary in found]
    return [run_rows.brief(record) for run in found if (record := registry.read(run.folder))]


def _metrics(request: web.Request) -> list[http.Json]:
    """Return the steps after `?after=` and up to `?until=`, thinned out to `?points=`."""
    folder, after = _folder(request), http.number(request, "after", 0, digits=15)
    most = min(_MOST_POINTS, max(2, http.number(request, "points", 2000, digits=15)))
    until = http.number(request, "until", 0, digits=15) if "until" in request.query else None
    return [run_rows.curve(point) for point in series.points(folder, after, most, until)]


def _table(request: web.Request) -> web.Response:
    """Return all steps of the runs `?runs=` names, one after the other, as CSV; it is read as it is sent."""
    ids = request.query.get("runs", "").split(",")
    if len(ids) > _MOST_RUNS or not all(map(_ID.fullmatch, ids)):
        raise web.HTTPBadRequest(text=f"runs must be ids of runs, with commas between them, at most {_MOST_RUNS}")
    records = [_record(_folder_of(one)) for one in ids]
    return streamed.download(table.pieces(records), "text/csv; charset=utf-8")


def _report(request: web.Request) -> web.Response:
    """Return the run's page. It has no script, and its own policy forbids all; the sandbox keeps it apart from the host's pages as
    well (a host that is shut off from the network puts its own policy in this place)."""
    from ..training_core.history import report

    policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return http.file(report.page(_record(_folder(request))), "text/html", {"Content-Security-Policy": policy})


def _sample(request: web.Request) -> web.StreamResponse:
    name = request.match_info["file"]
    path = _folder(request) / "samples" / name
    if not _FILE.fullmatch(name) or not is_file(path):
        raise http.missing("picture")
    return http.stored(path, {"Content-Type": "image/png"})


def _picture(request: web.Request) -> web.Response:
    """Return a thumbnail of a dataset's picture; only files that the run's own list names are read."""
    from ..training_core.history import report

    folder, index = _folder(request), request.match_info["index"]
    pictures = registry.dataset(folder)
    if not _INDEX.fullmatch(index) or int(index) >= len(pictures):
        raise http.missing("picture")
    try:
        data = report.thumbnail(Path(str(pictures[int(index)].get("path", ""))), _THUMBNAIL)
    except (OSError, ValueError):
        raise web.HTTPNotFound(text="the picture was deleted or cannot be read") from None
    return http.file(data, "image/jpeg", {"Cache-Control": "private, max-age=3600"})


def _command(command: control.Command, request: web.Request, _: http.Json) -> http.Json:
    """Ask a run to stop, to save or to draw samples, whichever process trains it: to another one its folder brings the command."""
    folder = _folder(request)
    run = run_rows.short(registry.RunSummary.of(_record(folder)))
    if not run_rows.trains(run):
        raise web.HTTPConflict(text=f"run {folder.name} is not training: it is {run['status']}")
    if command == "sample" and not registry.job(folder).get("sampling"):
        raise web.HTTPConflict(text=f"run {folder.name} has no Sample Config: connect one to Train LoRA's samples")
    if not control.give(folder.name, command):
        control.leave(folder, command)
    return {"run_id": folder.name, "asked": command}


def _discard(request: web.Request, body: http.Json) -> http.Json:
    """Delete a LoRA file of a run that is not training."""
    record = _record(_folder(request))
    if run_rows.trains(run_rows.short(registry.RunSummary.of(record))):
        raise web.HTTPConflict(text=f"run {record.run_id} is training; stop it first")
    path = saved(record, body["file"])
    marks.discard(record, path, folders.diffusers_folder(path))
    return {"run_id": record.run_id, "discarded": body["file"]}


def _star(request: web.Request, body: http.Json) -> http.Json:
    """Give a LoRA file of a run a star, or take it away."""
    record, starred = _record(_folder(request)), body.get("on") is True
    marks.star(record, saved(record, body["file"]), starred)
    return {"run_id": record.run_id, "file": body["file"], "starred": starred}


def _copy(request: web.Request, body: http.Json) -> http.Json:
    """Copy a LoRA file of a run to another name in the same folder."""
    record, name = _record(_folder(request)), body.get("name")
    path = saved(record, body["file"])
    target = folders.beside(path, name if isinstance(name, str) else "")
    marks.copy(path, target)
    return {"run_id": record.run_id, "file": run_rows.listed(str(target))}


def folder_of(run: object) -> Path | None:
    """Return the folder of the run with an id; None if there is none."""
    folder = folders.run_folder(run) if isinstance(run, str) and _ID.fullmatch(run) else None
    return folder if folder and registry.is_run(folder) else None


def _folder(request: web.Request) -> Path:
    return _folder_of(request.match_info["run"])


def _folder_of(run: str) -> Path:
    folder = folder_of(run)
    if folder is None:
        raise http.missing("run")
    return folder


def record_of(request: web.Request) -> registry.Record:
    """Return the run that a request's address names; status 404 if there is none."""
    return _record(_folder(request))


def _record(folder: Path) -> registry.Record:
    record = registry.read(folder)
    if record is None:
        raise http.missing("run")
    return record


def saved(record: registry.Record, name: str) -> Path:
    """Return the path of a run's file by the name under which the host lists it."""
    path = next((Path(e["path"]) for e in record.saved if run_rows.listed(e["path"]) == name), None)
    if path is None:
        raise web.HTTPNotFound(text="the run has no such file")
    return path
