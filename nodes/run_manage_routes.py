"""Routes that put runs in order: their labels, what they take on the disk, in what they differ, and the trash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from ..training_core.errors import AthanorError
from ..training_core.files import file_errors
from ..training_core.history import disk, labels, registry, run_differences, trash, trashed
from ..training_core.history.registry import Record
from ..training_core.host import folders
from ..training_core.host.redacted_paths import without_roots
from ..training_core.run import control
from . import http, run_routes, run_rows

_MOST = 1000
"""Runs or entries of one request; a page asks again for more."""
_MOST_COMPARED = 20
"""Runs side by side: more columns are read by nobody."""


def register() -> None:
    """Add the routes to the host's server."""
    runs = '"runs": ids of runs'
    http.post(
        "/athanor/runs/{run}/labels",
        _labels,
        {},
        example='{"label", "note", "rating", "tags", "archived"}, or some of them',
    )
    http.get("/athanor/disk", _disk)
    http.post("/athanor/averages/delete", _delete_averages)
    http.post("/athanor/differences", _differences, {"runs": list}, example=f"{{{runs}}}")
    http.get("/athanor/trash", _trash)
    http.post(
        "/athanor/trash", _throw, {"runs": list}, example=f'{{{runs}, "loras": whether their LoRA files go along}}'
    )
    http.post("/athanor/trash/states", _throw_states, {"runs": list}, example=f"{{{runs}}}")
    http.post("/athanor/trash/restore", _restore, {"names": list}, example='{"names": of entries}')
    http.post("/athanor/trash/empty", _empty, {"names": list}, example='{"names": of entries}')


def _copies(record: Record) -> Path:
    return folders.diffusers_folder(record.target)


def _labels(request: web.Request, body: http.Json) -> http.Json:
    """Change some labels of a run; returns its row."""
    record = run_routes.record_of(request)
    labels.change(record.folder, body)
    return run_rows.short(registry.RunSummary.of(record))


def _disk(_: web.Request) -> http.Json:
    """Return what each run takes on the disk, files that were made of averages (of DoRA), and what the trash would free."""
    from ..training_core.compare import made_average

    found, root = {}, folders.runs_folder()
    for run in registry.summaries(root):
        if room := disk.room(run.folder, _copies):
            found[run.run_id] = {"bytes": room.whole, "states": room.states, "loras": room.loras}
    disk.forget(str(root / run_id) for run_id in found)
    averages = sum(path.stat().st_size for path in made_average.files())
    return {"runs": found, "trash": disk.freed([folders.trash_folder()]).all, "averages": averages}


def _delete_averages(_: web.Request, __: http.Json) -> http.Json:
    """Delete the files that were made of averages for good, as they are made again where an axis needs them; returns how many."""
    from ..training_core.compare import made_average

    paths = made_average.files()
    for path in paths:
        with file_errors(path):
            path.unlink(missing_ok=True)
    return {"deleted": len(paths)}


def _differences(_: web.Request, body: http.Json) -> http.Json:
    """Return the settings in which runs differ, one column for each run in the order in which they are asked for."""
    ids = body["runs"][:_MOST_COMPARED]
    records = [_known(run) for run in ids]
    return {"runs": [record.run_id for record in records], "rows": run_differences.table(records)}


def _known(run: Any) -> Record:
    folder = run_routes.folder_of(run)
    record = registry.read(folder) if folder else None
    if record is None:
        raise http.missing("run")
    return record


def _trash(_: web.Request) -> http.Json:
    """Return what is in the trash, the newest first, and how many bytes emptying it would free."""
    entries = trashed.entries(folders.trash_folder())
    freed = disk.freed(entry.folder for entry in entries)
    return {
        "entries": [_entry(entry, size) for entry, size in zip(entries, freed.each, strict=True)],
        "bytes": freed.all,
    }


def _entry(entry: trashed.Entry, size: int) -> http.Json:
    return {
        "name": entry.name,
        "run_id": entry.run_id,
        "kind": entry.kind,
        "title": entry.title,
        "label": entry.label,
        "time": entry.time,
        "loras": [Path(path).name for path in entry.files],
        "bytes": size,
    }


def _throw(_: web.Request, body: http.Json) -> http.Json:
    """Move runs into the trash, with their LoRA files if `loras` is true."""
    along = body.get("loras") is True

    def throw(record: Record) -> trashed.Entry:
        files = disk.own_loras(record, _copies(record)) if along else []
        return trash.throw_run(folders.trash_folder(), record, files)

    return _thrown(body["runs"], throw)


def _throw_states(_: web.Request, body: http.Json) -> http.Json:
    """Move the states of runs into the trash."""
    return _thrown(body["runs"], lambda record: trash.throw_states(folders.trash_folder(), record))


def _thrown(runs: Sequence[Any], throw: Callable[[Record], trashed.Entry]) -> http.Json:
    """Throw away what can be; returns the entries, and of every other run why it stays."""
    entries, refused = [], []
    for run in runs[:_MOST]:
        try:
            record = _known(run)
            if record.run_id in control.live():  # its processes may not have its lock yet
                raise AthanorError(f"The run {record.title} is being trained: stop it first.")
            entry = throw(record)
            entries.append(_entry(entry, disk.freed([entry.folder]).all))
        except web.HTTPNotFound:
            refused.append({"run_id": str(run)[:16], "why": "there is no such run"})
        except AthanorError as error:
            refused.append({"run_id": str(run)[:16], "why": without_roots(str(error))})
    return {"entries": entries, "refused": refused}


def _restore(_: web.Request, body: http.Json) -> http.Json:
    """Bring entries back, runs before states; returns their runs, and of every other entry why it stays."""
    restored, refused = [], []
    for name in _in_order(body["names"]):
        try:
            entry = trash.restore(folders.trash_folder(), folders.runs_folder(), name, _is_place)
            restored.append({"name": name, "run_id": entry.run_id, "kind": entry.kind})
        except AthanorError as error:
            refused.append({"name": name, "why": without_roots(str(error))})
    return {"restored": restored, "refused": refused}


def _in_order(names: Sequence[Any]) -> list[str]:
    """Return names of entries, those of states last: their run may be among the others."""
    root = folders.trash_folder()
    wanted = dict.fromkeys(name for name in names[:_MOST] if isinstance(name, str))

    def is_part(name: str) -> bool:
        entry = trashed.read(root / name)
        return entry is not None and entry.kind == "states"

    return sorted(wanted, key=is_part)


def _is_place(path: Path) -> bool:
    """Return whether a LoRA file may lie at a path: in a folder of LoRAs or models, or in that of copies in diffusers' names."""
    return folders.is_listed(path) or folders.below(folders.output_folder() / "athanor" / "diffusers", path) is not None


def _empty(_: web.Request, body: http.Json) -> http.Json:
    """Delete entries for good."""
    names = [name for name in body["names"][:_MOST] if isinstance(name, str)]
    return {"deleted": trash.empty(folders.trash_folder(), names)}
