"""Routes that make a LoRA file of what a picture was drawn with, or of an average of a run's epochs: first what it would be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..training_core.compare.making import Busy, Maker
from ..training_core.errors import AthanorError
from ..training_core.host.redacted_paths import without_roots
from . import http, run_routes

if TYPE_CHECKING:
    from ..training_core.compare.keep import Mixture
    from ..training_core.compare.keep_file import Choice

_LONGEST = 5_000  # bytes of a request
_MORE = '"name": "my_average", "rank": 16, "precision": "fp16"}'
_MAKER = Maker()  # of this server


def register(folder_of: Callable[[web.Request], Path], plan_of: Callable[[Path], http.Json]) -> None:
    """Add the routes to the host's server.

    Args:
        folder_of: returns the folder of the comparison that a request names, or raises status 404.
        plan_of: returns its plan.json.
    """
    cell, run = "/athanor/compare/{name}/lora", "/athanor/runs/{run}/average"

    def of_cell(request: web.Request, key: str, part: Any) -> Mixture:
        return _of_cell(plan_of(folder_of(request)), key, part)

    http.get(
        f"{cell}/{{cell}}",
        lambda request: _offer(
            lambda: of_cell(request, request.match_info["cell"], request.query.get("part", "loras")), request
        ),
    )
    http.post(
        cell,
        lambda request, body: _make(of_cell(request, body["cell"], body.get("part", "loras")), body),
        {"cell": str},
        example=f'{{"cell": id, {_MORE}',
        longest=_LONGEST,
    )
    http.get(run, lambda request: _offer(lambda: _of_run(request, request.query.get("which", "mean(last 4)")), request))
    http.post(
        run,
        lambda request, body: _make(_of_run(request, body["which"]), body),
        {"which": str},
        example=f'{{"which": "mean(last 4)", {_MORE}',
        longest=_LONGEST,
    )
    http.get("/athanor/making", _state)
    http.post("/athanor/making/stop", _stop)


def _state(request: web.Request) -> http.Json:
    """Return how far the newest file is, or how one ended that was made since the server has started (`?id=`)."""
    number = request.query.get("id", "")
    if not re.fullmatch("[0-9]{0,9}", number):
        raise web.HTTPBadRequest(text="id must be a number, as the answer to making a file has it")
    state = _MAKER.state(int(number) if number else None)
    if state is None:
        raise http.missing("file that is made, or was lately")
    return state


def _stop(_: web.Request, __: http.Json) -> http.Json:
    _MAKER.stop()
    return _MAKER.state() or {}


def _of_cell(plan: http.Json, key: str, part: Any) -> Mixture:
    from ..training_core.compare import keep, virtual

    if key not in plan["sizes"]:
        raise http.missing("picture")
    if part not in (virtual.HIGH, virtual.LOW):
        raise web.HTTPBadRequest(text=f"part must be {virtual.HIGH} or {virtual.LOW}")
    return keep.of_cell(plan, key, part)


def _of_run(request: web.Request, which: str) -> Mixture:
    from ..training_core.compare import keep, runs

    return keep.of_average(runs.find(run_routes.record_of(request).run_id), which)


def _choice(values: Any) -> Choice:
    """Return the choices of a body or an address; what is left out, or empty, is chosen by the pack."""
    from ..training_core.compare.keep_file import Choice, no_rank

    rank, told = values.get("rank"), {name: values.get(name) for name in ("name", "precision")}
    if isinstance(rank, str):
        if not re.fullmatch("[0-9]{0,5}", rank):
            raise AthanorError(no_rank(rank))
        rank = int(rank) if rank else None
    if (rank is not None and type(rank) is not int) or not all(isinstance(x, str | None) for x in told.values()):
        raise web.HTTPBadRequest(text=f"the body must be JSON: {{{_MORE}")
    return Choice(rank=rank, **{name: text for name, text in told.items() if text})


def _offer(mixture: Callable[[], Mixture], request: web.Request) -> http.Json:
    """Return what the file would be with the choices of the address: `?name=`, `?rank=`, `?precision=`; "trouble" alone where there can
    be none, since that is asked while an average is typed."""
    from ..training_core.compare import keep_file

    try:
        return keep_file.offer(mixture(), _choice(request.query))
    except AthanorError as error:
        return {"trouble": without_roots(str(error))}


def _make(mixture: Mixture, body: http.Json) -> http.Json:
    """Begin to make the file, and return what is told of that: a large one takes minutes, after which a proxy has given up."""
    from ..training_core.compare import keep_file

    choice = _choice(body)
    try:
        choice = replace(choice, name=keep_file.check(mixture, choice))
        return _MAKER.start(choice.name, lambda progress: keep_file.make(mixture, choice, progress))
    except (keep_file.NameTaken, Busy) as error:
        raise web.HTTPConflict(text=str(error)) from None
