"""Routes that deliver the files of runs: LoRA files with their companions, the loss curve, the report and the job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from aiohttp import web

from ..training_core.files import is_file
from ..training_core.history import results
from ..training_core.history.registry import Record
from ..training_core.host import folders
from . import http, run_routes
from .run_files import run_files

_LORA = re.compile(r"[^/\\\x00-\x1f]{1,255}\.safetensors")
_KINDS = {results.CURVE: "image/png", "report.html": "text/html", "job.json": "application/json"}
"""Files of a run's folder that are delivered under their own names, and their media types."""


def register() -> None:
    """Add the routes to the host's server; what is asked for by HEAD, or in parts (Range), aiohttp answers by itself."""
    http.get("/athanor/runs/{run}/files", _listed)
    http.get("/athanor/runs/{run}/files/{name}", _file)


def _listed(request: web.Request) -> list[dict[str, Any]]:
    """Return what /view delivers of the run, as Train LoRA tells it in /history."""
    return run_files(run_routes.record_of(request))


def _file(request: web.Request) -> web.StreamResponse:
    """Return a file of the run, wherever it lies: one on another disk than the output folder as well."""
    record, name = run_routes.record_of(request), request.match_info["name"]
    kind = _KINDS.get(name)
    path = record.folder / name if kind else _lora(record, name)
    if path is None or not is_file(path):
        raise http.missing("file")
    # To be saved and not shown: a page of the host's is no place for the report of a run. The address ends in the file's name.
    return http.stored(path, {"Content-Type": kind or "application/octet-stream", "Content-Disposition": "attachment"})


def _lora(record: Record, name: str) -> Path | None:
    """Return a LoRA file of a run by its name. What a damaged log names outside of the folders of LoRAs and models is none."""
    if not _LORA.fullmatch(name):
        return None
    path = results.path_of(record, name, folders.diffusers_folder(record.target))
    return path if path and (results.is_below(path, folders.output_folder()) or folders.is_listed(path)) else None
