"""What a run leaves for those who fetch it: a place below its folder for every LoRA file, and the list of all of them.

The host delivers files below its output folder alone, and a worker in a container often keeps nothing else. So every file
that a run saves in a folder of LoRAs has a second name in `files`, in the run's folder: a hard link, which takes no room.
Where the two folders are on different file systems it is a copy, and then of the newest file alone.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import FileError
from ..files import is_file, link, link_or_copy, make_folder, write_atomically
from ..leftovers import temporary_beside
from . import epochs
from .events import Saved, Warned
from .registry import Record
from .run_files import companion, diffusers_copy, ever_saved, in_run, is_whole, run_id_of, second_name

log = logging.getLogger("athanor")

CURVE = "loss_curve.png"


def files(record: Record, output: Path, copies: Path) -> list[dict[str, Any]]:
    """Return what a run has left below the output folder: its LoRA files, the last one first, and its loss curve.

    Args:
        record: of the run.
        output: the host's output folder.
        copies: the folder of copies in diffusers' names.

    Returns:
        for each file filename, subfolder and type, by which the host's /view delivers it; kind: "lora" (with algo finetune the
        model), "ema", "diffusers" or "loss_curve"; the step and the epoch after which it was saved.
    """
    found, epoch_of = [], epochs.counter(record.events)
    for event in reversed(ever_saved(record.events)):
        for kind, path in _kinds(Path(event["path"]), copies):
            place = next((p for p in _places(path, record) if is_below(p, output)), None)
            if place is not None and is_whole(place):
                found.append(_entry(place, output, kind, event["step"], epoch_of(event)))
    curve = record.folder / CURVE
    if is_file(curve) and is_below(curve, output):
        step, epoch = next(((f["step"], f["epoch"]) for f in found), (0, 0))
        found.append(_entry(curve, output, "loss_curve", step, epoch))
    return found


def path_of(record: Record, name: str, copies: Path) -> Path | None:
    """Return a LoRA file of a run, or a companion of one, by its file name; None if the run has no such file any more."""
    for event in ever_saved(record.events):
        for _, path in _kinds(Path(event["path"]), copies):
            if name in (path.name, second_name(path, record.folder).name):
                return next(filter(is_whole, _places(path, record)), None)
    return None


def _kinds(path: Path, copies: Path) -> Iterator[tuple[str, Path]]:
    """Yield the kinds and paths of a saved file and of those that belong to it."""
    yield "lora", path
    yield "ema", companion(path, "ema")
    yield "diffusers", diffusers_copy(path, copies)


def _places(path: Path, record: Record) -> tuple[Path, Path]:
    """Return the names of a file: the second one first, for another run may have taken the first since."""
    return second_name(path, record.folder), path


def is_below(path: Path, output: Path) -> bool:
    """Return whether a path lies below a folder, and is a file there."""
    return path.is_relative_to(output) and ".." not in path.parts and is_file(path)


def _entry(path: Path, output: Path, kind: str, step: int, epoch: int) -> dict[str, Any]:
    place = {"filename": path.name, "subfolder": path.parent.relative_to(output).as_posix(), "type": "output"}
    return place | {"kind": kind, "step": step, "epoch": epoch}


def deliver(path: Path, run: Path, newest: bool = True) -> None:
    """Give a file that was just saved, and its running mean, their places in the folder of the run.

    Of copies the newest one stays: an older one goes, unless it is all that is left of its file.

    Args:
        path: of the file in a folder of LoRAs or models.
        run: the run's folder.
        newest: copy it if it cannot have a second name.

    Raises:
        FileError: there is no room for a copy, or the folder cannot be written.
    """
    folder, copied = in_run(run), False
    own = [file for file in _with_mean(path) if file.is_file()]
    for file in own:
        place = second_name(file, run)
        if not link(file, place) and newest:
            write_atomically(place, lambda temporary, file=file: shutil.copyfile(file, temporary))
            copied = True
    if copied:
        names = {second_name(file, run).name for file in own}
        for old in folder.glob("*.safetensors"):
            original = path.with_name(old.name)
            if old.name not in names and original.is_file() and not old.samefile(original):
                old.unlink(missing_ok=True)


def put_back(record: Record) -> str:
    """Give a finished run the file that it ends with back from its folder, where somebody has deleted, moved or renamed it.

    Returns:
        one sentence about that; "" where nothing is missing, or the run's folder has not got it either.

    Raises:
        FileError: it cannot be written.
    """
    target = record.target
    kept = second_name(target, record.folder)
    if record.state != "done" or target.exists() or not is_whole(kept) or run_id_of(kept) != record.run_id:
        return ""
    make_folder(target.parent)
    for file in (target, companion(target, "ema")):
        if is_file(second := second_name(file, record.folder)):
            link_or_copy(second, file)
    return f"{target.name} was deleted, moved or renamed: it is put back from the run's folder, and nothing is trained again."


def delivered(event: Saved, run: Path) -> list[Warned]:
    """Deliver the file of an event; return a warning where that fails, for the file itself is saved."""
    try:
        deliver(event.path, run)
    except FileError as error:
        return [Warned(f"{event.path.name} could not be copied to the run's folder, where clients fetch it: {error}")]
    return []


def complete(record: Record) -> None:
    """Deliver what an older version, a shorter run or a killed process has not; what cannot be is logged.

    Of a finished run, files that it does not name any more go: one that begins again keeps those of its earlier attempt till then.
    """
    whole = [Path(event["path"]) for event in record.saved]
    places = in_run(record.folder)
    try:
        for path in whole:
            if not is_whole(second_name(path, record.folder)):
                deliver(path, record.folder, newest=path == whole[-1])
    except FileError as error:
        log.warning("Athanor: files of run %s could not be copied to its folder (%s)", record.run_id, error)
    if record.status == "done":
        named = {
            second_name(file, record.folder).name
            for event in ever_saved(record.events)
            for file in _with_mean(Path(event["path"]))
        }
        for file in places.glob("*.safetensors"):
            if file.name not in named:
                file.unlink(missing_ok=True)


def _with_mean(path: Path) -> tuple[Path, Path]:
    """Return the paths of a file and of its running mean."""
    return path, companion(path, "ema")


def can_link(folder: Path, run: Path) -> bool:
    """Return whether a file of `folder` can have a second name in a run's folder: tried, for no system tells it beforehand.

    Two folders of one disk may be mounted separately, as volumes of a container are, and then it cannot.
    """
    target = in_run(run) / "trial"
    make_folder(target.parent)
    make_folder(folder)
    with temporary_beside(folder / target.name) as source, temporary_beside(target) as second:
        source.write_bytes(b"")
        return link(source, second)
