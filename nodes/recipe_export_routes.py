"""The route that writes an open graph, or a run, as a command, a job, JSON of the API, a table or a description."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..training_core.files import is_file, read_json
from ..training_core.history import registry, run_facts
from . import http, model_files, publish_routes, run_routes

if TYPE_CHECKING:
    from ..training_core.history.registry import Record
    from ..training_core.publish.publishing import Source as Published
    from ..training_core.recipes.exported import Source

_EXAMPLE = '{"form": "command", "prompt": graph, "node": "5"}, or "run" in place of "prompt" and "node"'
_LONGEST = 16_000_000
_SIDE = 1600  # pixels of the longer side of a grid: as large as sites show
_MOST_GRIDS = 3


def register() -> None:
    """Add the route to the host's server."""
    http.post(
        "/athanor/recipes/export",
        lambda _, body: _export(body),
        {"form": str},
        example=_EXAMPLE,
        longest=_LONGEST,
    )


def _export(body: http.Json) -> http.Json:
    """Return the files of an export, as texts or base64, and a sentence for each thing that they leave out."""
    from ..training_core.recipes.exported import FORMS, export, of_prompt

    form, run = body["form"], body.get("run")
    if form not in FORMS:
        raise web.HTTPBadRequest(text=f"form must be one of {', '.join(FORMS)}")
    if run is not None:
        record = _record(run)
        source, pictures = _of_run(record, with_pictures=form == "table")
    else:
        prompt, node = body.get("prompt"), body.get("node", "")
        if not isinstance(prompt, dict) or not isinstance(node, str):
            raise web.HTTPBadRequest(text=f"the body must be JSON: {_EXAMPLE}")
        source, pictures = of_prompt(prompt, node, family=_family(prompt)), []
    written = export(form, source)
    files = [{"name": file.name, "text": file.text} for file in written.files]
    return {"files": [*files, *pictures], "left_out": list(written.left_out)}


def _family(prompt: http.Json) -> str:
    """Return the title of the family of the one model that a graph's loaders name, by its file's header; '' if it is not known."""
    inputs = [node.get("inputs") for node in prompt.values() if isinstance(node, dict)]
    found = {each.title for one in inputs if isinstance(one, dict) and (each := model_files.family(one))}
    return found.pop() if len(found) == 1 else ""


def _record(run: Any) -> Record:
    folder = run_routes.folder_of(run)
    record = registry.read(folder) if folder else None
    if record is None:
        raise http.missing("run")
    return record


def _of_run(record: Record, *, with_pictures: bool) -> tuple[Source, list[http.Json]]:
    """Return what a run has trained by, with what is known of it, and the pictures that go with a table."""
    from ..training_core.recipes.exported import of_run
    from ..training_core.recipes.forms import lora_family
    from ..training_core.recipes.writers.summary import Trained

    fields = read_json(record.folder / "metadata.json", {}).get("fields")
    family = lora_family.of_metadata(fields) if isinstance(fields, dict) else ""
    source = of_run(registry.job(record.folder), family=family)
    rows = publish_routes.files_of(record)
    files = [row for row in rows if is_file(run_routes.saved(record, row["file"]))]
    published = publish_routes.source_of(record, files[0]["file"]) if files else None
    trained = Trained(
        file=Path(files[0]["file"]).name if files else "",
        steps=files[0]["step"] if files else 0,
        epochs=int(files[0]["epoch"] or 0) if files else 0,
        pictures=run_facts.dataset(record.folder).get("pictures") or 0,
        strengths=published.strengths if published else (),
    )
    pictures = _pictures(record, published) if with_pictures else []
    shown = [(name, label) for name, label, _ in pictures]
    sent = [{"name": name, "base64": base64.b64encode(data).decode()} for name, _, data in pictures]
    return replace(source, trained=trained, pictures=shown), sent


def _pictures(record: Record, published: Published | None) -> list[tuple[str, str, bytes]]:
    """Return (name, label, data) of the pages of the newest comparison of the run's file, and of its loss curve."""
    from ..training_core.history import report
    from ..training_core.pictures import UnreadablePicture
    from ..training_core.publish import publishing

    found: list[tuple[str, str, bytes]] = []
    offered = [each for each in (published.pictures if published else ()) if each.kind == "grid" and each.chosen]
    grids = [each for each in offered if each.path is not None and is_file(each.path)][:_MOST_GRIDS]
    for number, grid in enumerate(grids, 1):
        name = "grid.jpg" if len(grids) == 1 else f"grid-{number}.jpg"
        with suppress(UnreadablePicture):
            found.append((name, grid.label, report.thumbnail(Path(grid.path or ""), _SIDE)))
    if is_file(record.folder / "metrics.jsonl"):
        data = io.BytesIO()
        publishing.curve(record, record.title).save(data, "PNG")
        found.append(("loss_curve.png", "Loss over the steps of the training", data.getvalue()))
    return found
