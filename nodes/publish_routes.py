"""Routes to publish a LoRA of a run: what can go with it, what it would tell, and the folder that is written."""

from __future__ import annotations

import io
import mimetypes
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web

from ..training_core.errors import AthanorError
from ..training_core.files import is_file
from ..training_core.history import epochs, marks
from ..training_core.host import folders
from . import http, run_routes, run_rows

if TYPE_CHECKING:
    from ..training_core.history.registry import Record
    from ..training_core.publish.publishing import Draft, Source
    from ..training_core.publish.wanted import Wanted

_NAME = re.compile(r"[^/\\:\x00-\x1f]{1,120}")
"""No colon: on Windows "C:x" is on another drive, wherever it is looked for."""
_LONGEST = 100_000  # bytes of a request, whose texts are the user's
_SIDE = 320  # pixels of the longer side of a preview
_EXAMPLE = '{"file": as the run lists it, "name": of the copy, "metadata": "recipe", "title": "", "pictures": []}'


def register() -> None:
    """Add the routes to the host's server."""
    run, published = "/athanor/runs/{run}/publish", "/athanor/published"
    fields = {"file": str, "name": str, "metadata": str}
    http.get(run, _offer)
    http.get(f"{run}/picture", _picture)
    http.post(f"{run}/preview", _preview, fields, example=_EXAMPLE, longest=_LONGEST)
    http.post(run, _publish, fields, example=_EXAMPLE, longest=_LONGEST)
    http.get(published, _all)
    http.get(f"{published}/{{name}}", lambda request: _listed(_folder(request)))
    http.get(f"{published}/{{name}}/{{file}}", _file)


def _offer(request: web.Request) -> http.Json:
    """Return what can be published of a run: its files (those with a star first), and for one of them (`?file=`, else the first)
    a free name, the texts that are known, pictures and strengths."""
    from ..training_core.files import safetensors_metadata
    from ..training_core.publish import publishing, wanted

    record = run_routes.record_of(request)
    files = files_of(record)
    if not files:
        raise AthanorError(
            f"The run {record.title} has no LoRA file yet: wait for its first checkpoint, or press Save now."
        )
    name = request.query.get("file", files[0]["file"])
    source = source_of(record, name)
    return {
        "files": files,
        "file": name,
        "name": publishing.free_name(folders.published_folder(), wanted.name_of(record.title)),
        "choices": list(wanted.CHOICES),
        "texts": wanted.known_texts(safetensors_metadata(source.path)),
        "strengths": list(source.strengths),
        "pictures": [{"id": p.id, "kind": p.kind, "label": p.label, "chosen": p.chosen} for p in source.pictures],
    }


def files_of(record: Record) -> list[http.Json]:
    """Return the files of a run: those with a star first, and in both parts the last of the training first."""
    starred, epoch_of = marks.stars(record.folder), epochs.counter(record.events)
    rows = [
        {"file": run_rows.listed(event["path"]), "starred": event["path"] in starred}
        | {"step": event["step"], "epoch": epoch_of(event), "kind": event["kind"]}
        for event in reversed(record.saved)
    ]
    return sorted(rows, key=lambda row: not row["starred"])


def source_of(record: Record, file: str) -> Source:
    """Return a saved file of a run with the pictures that may go with it."""
    from ..training_core.host import fingerprint
    from ..training_core.publish import offered, publishing

    path = run_routes.saved(record, file)
    event = next(event for event in record.saved if Path(event["path"]) == path)
    compared = offered.comparisons(folders.compare_folder(""), fingerprint.file(path))
    return publishing.Source(
        record=record,
        path=path,
        pictures=tuple(offered.pictures(record, event, compared)),
        strengths=tuple(sorted({strength for one in compared for strength in one.strengths})),
    )


def _picture(request: web.Request) -> web.Response:
    """Return a small JPEG of a picture that is offered: `?file=` of the run, `?id=` as it was offered."""
    from ..training_core.history import report
    from ..training_core.publish import publishing

    record = run_routes.record_of(request)
    source = source_of(record, request.query.get("file", ""))
    found = next((picture for picture in source.pictures if picture.id == request.query.get("id")), None)
    if found is None:
        raise http.missing("picture")
    if found.path is None:
        data = io.BytesIO()
        publishing.curve(record, "").save(data, "JPEG", quality=85)
        return http.file(data.getvalue(), "image/jpeg")
    try:
        return http.file(report.thumbnail(found.path, _SIDE), "image/jpeg")
    except (OSError, ValueError):
        raise web.HTTPNotFound(text="the picture was deleted or cannot be read") from None


def _asked(request: web.Request, body: http.Json) -> tuple[Source, Wanted]:
    """Return what a request means; texts that it leaves out are those that the file's metadata has."""
    from ..training_core.publish.wanted import CHOICES, TEXTS, Wanted

    if body["metadata"] not in CHOICES:
        raise web.HTTPBadRequest(text=f"metadata must be one of {', '.join(CHOICES)}")
    source = source_of(run_routes.record_of(request), body["file"])
    texts = {name: body[name] for name in TEXTS if name in body}
    ids = body.get("pictures", [picture.id for picture in source.pictures if picture.chosen])
    if not isinstance(ids, list) or not all(isinstance(text, str) for text in (*texts.values(), *ids)):
        raise web.HTTPBadRequest(text=f"the body must be JSON: {_EXAMPLE}")
    name = body["name"].strip().removesuffix(".safetensors").strip()  # as some type it: that of the file
    return source, Wanted(name=name, choice=body["metadata"], texts=texts, pictures=tuple(ids))


def _preview(request: web.Request, body: http.Json) -> http.Json:
    """Return what publishing would write and tell, and what is wrong with the name, if anything is; nothing is written."""
    from ..training_core.publish import publishing

    source, wanted = _asked(request, body)
    draft = publishing.draft(source, wanted)
    return _told(draft, wanted) | {
        "folder": f"output/athanor/published/{wanted.name}",
        "trouble": publishing.trouble(folders.published_folder(), wanted.name),
    }


def _publish(request: web.Request, body: http.Json) -> http.Json:
    """Write the folder, and return it with its files."""
    from ..training_core.publish import publishing

    source, wanted = _asked(request, body)
    try:
        folder, draft = publishing.write(source, wanted, folders.published_folder())
    except publishing.NameTaken as error:
        raise web.HTTPConflict(text=str(error)) from None
    return _listed(folder) | _told(draft, wanted)


def _told(draft: Draft, wanted: Wanted) -> http.Json:
    from ..training_core.publish import publishing

    return {"tells": publishing.told_by(draft, wanted.choice), "readme": draft.readme, "names": draft.names}


def _all(_: web.Request) -> list[http.Json]:
    """Return everything that was published, by name."""
    root = folders.published_folder()
    found = sorted(path for path in root.iterdir() if _is_published(path)) if root.is_dir() else []
    return [_listed(folder) for folder in found]


def _listed(folder: Path) -> http.Json:
    """Return a published folder with its files: their names, sizes, and addresses; `filename`, `subfolder` and `type` are those
    of the host's own /view."""
    files = [
        {
            "filename": path.name,
            "subfolder": f"athanor/published/{folder.name}",
            "type": "output",
            "bytes": path.stat().st_size,
            "address": f"/athanor/published/{quote(folder.name)}/{quote(path.name)}",
        }
        for path in sorted(folder.iterdir(), key=lambda path: (path.suffix != ".safetensors", path.name))
        if path.is_file() and not path.name.startswith(".")
    ]
    return {"name": folder.name, "folder": f"output/athanor/published/{folder.name}", "files": files}


def _is_published(folder: Path) -> bool:
    return not folder.name.startswith(".") and is_file(folder / "README.md")


def _folder(request: web.Request) -> Path:
    name = request.match_info["name"]
    folder = folders.published_folder() / name
    if not _NAME.fullmatch(name) or not _is_published(folder):
        raise http.missing("published LoRA")
    return folder


def _file(request: web.Request) -> web.StreamResponse:
    """Return a file of a published folder, as a download; ranges of bytes are answered."""
    name = request.match_info["file"]
    path = _folder(request) / name
    if not _NAME.fullmatch(name) or name.startswith(".") or not is_file(path):
        raise http.missing("file")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    download = f"attachment; filename*=UTF-8''{quote(name)}"
    return http.stored(path, {"Content-Type": kind, "Content-Disposition": download})
