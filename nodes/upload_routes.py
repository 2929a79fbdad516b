"""Routes that take pictures and captions into a folder of ComfyUI's input: what is to come, and each file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from ..training_core.errors import AthanorError, quoted
from ..training_core.files import make_folder
from ..training_core.host import folders
from ..training_core.leftovers import sweep
from . import folder_routes, http

_LONGEST = 16_000_000  # bytes of a plan
_EXAMPLE = '{"folder": name, "files": [[name with its sub-folders, bytes], ...]}'


def register() -> None:
    """Add the routes to the host's server."""
    http.post("/athanor/upload/plan", _plan, {"folder": str, "files": list}, example=_EXAMPLE, longest=_LONGEST)
    fields = {"folder": str, "files": list}
    http.post(
        "/athanor/upload/there", _there, fields, example='{"folder": name, "files": [name, ...]}', longest=_LONGEST
    )
    http.receive("/athanor/upload", _begin)


def _root(folder: str) -> tuple[str, Path]:
    """Return the safe name of a folder of the host's input, and its place.

    Raises:
        AthanorError: the name is empty or leads out; or a Dataset Loader finds a folder of it among the `datasets`.
    """
    from ..training_core.data import upload

    name = upload.folder_name(folder)
    path = folders.below(folders.input_folder(), name)
    if path is None:
        raise AthanorError(f"folder {quoted(folder)} is outside ComfyUI's input folder: use a plain name.")
    if path.exists() and not path.is_dir():
        raise AthanorError(f"folder {quoted(folder)} is a file in ComfyUI's input folder: use another name.")
    if not path.exists() and folders.is_dataset(name):
        raise AthanorError(
            f"folder {quoted(folder)} is one of the datasets already, which the new one would hide: use another name."
        )
    return name, path


def _plan(request: web.Request, body: http.Json) -> http.Json:
    """Return where each file will lie, or why it is left out; nothing is written. What killed uploads have left is swept."""
    from ..training_core.data import upload

    files = [(each[0], each[1]) for each in body["files"] if _is_entry(each)]
    if len(files) != len(body["files"]):
        raise web.HTTPBadRequest(text=f"the body must be JSON: {_EXAMPLE}")
    if len(files) > upload.MOST_FILES:
        raise AthanorError(
            f"These are {len(files):,} files, and {upload.MOST_FILES:,} are the most of one upload: send fewer at once."
        )
    name, root = _root(body["folder"])
    keep = body.get("keep")
    kept = {each for each in keep if isinstance(each, str)} if isinstance(keep, list) else set[str]()
    plan = upload.planned(root, files, http.longest_file(request), kept)
    sweep({(root / each.file).parent for each in plan if each.file})
    coming = sum(size for (_, size), each in zip(files, plan, strict=True) if each.file)
    held = folder_routes.summary(root) if root.is_dir() else {"pictures": 0, "captions": 0}
    rows = [{"file": each.file, "why": each.why, "there": each.there, "caption": each.caption} for each in plan]
    return {
        "folder": name,
        "pictures": held["pictures"],
        "captions": held["captions"],
        "room": upload.room(root, coming),
        "files": rows,
    }


def _is_entry(entry: Any) -> bool:
    """Whether an entry of a plan is a name and a number of bytes."""
    if not isinstance(entry, list) or len(entry) != 2:
        return False
    name, size = entry
    return isinstance(name, str) and isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**53


def _named(folder: str, name: str) -> tuple[str, Path]:
    """Return the safe name of a file, and its place in a folder of the host's input."""
    from ..training_core.data import upload

    _, root = _root(folder)
    file = upload.checked_name(name)
    target = folders.below(root, file)
    if target is None:
        raise AthanorError(f"file {quoted(file)} leads out of its folder.")
    return file, target


def _there(_: web.Request, body: http.Json) -> http.Json:
    """Return the checksums (CRC-32) of files that are there, by their names: what has the same need not be sent."""
    from ..training_core.data import upload

    found = {}
    for name in body["files"][: upload.MOST_FILES]:
        file, target = _named(body["folder"], str(name))
        if target.is_file():
            found[file] = upload.checksum(target)
    return {"crc32": found}


def _begin(request: web.Request) -> tuple[Path, Any]:
    from ..training_core.data import upload

    file, target = _named(request.query.get("folder", ""), request.query.get("file", ""))
    may_replace = request.query.get("replace") == "1"
    make_folder(target.parent)

    def finish(received: Path) -> http.Json:
        upload.check_content(file, received)
        try:
            state = upload.place(received, target, may_replace)
        except upload.InTheWay as error:
            raise web.HTTPConflict(text=str(error)) from None
        return {"file": file, "state": state}

    return target, finish
