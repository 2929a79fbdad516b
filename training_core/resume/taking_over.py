"""What a run takes over from the one that it continues: logs, pictures, stars, and the file that one has ended with."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..files import link_or_copy, make_folder, write_atomically, write_json
from ..history.marks import stars
from ..history.registry import Record
from ..history.run_files import companion, diffusers_copy
from .progress import RunProgress
from .saving import SUFFIX


def take_over(before: Record, folder: Path, steps: int, steps_per_epoch: int, copies: Path) -> list[dict[str, Any]]:
    """Let a run begin with what the one that it continues has left.

    The last file of that one is copied under the name of its epoch, since the new run ends with a file of the same name. Where
    it has ended within an epoch the copy is named by its step: the epoch's own file is still to come. In a run of the same
    length it is the last file again, and not copied.

    Args:
        before: the run that is continued.
        folder: of the new run.
        steps: of the new run.
        copies: the folder of copies in diffusers' names.

    Returns:
        the events "saved" that the new run is to note: of the copied file, or none if it is gone.

    Raises:
        FileError: something cannot be written.
    """
    _logs_and_pictures(before.folder, folder)
    last = next((event for event in before.saved if Path(event["path"]) == before.target), None)
    renamed, events = {}, []
    if last and last["step"] != steps:
        kind, reached = named_by(last["step"], steps_per_epoch)
        copy = before.target.with_name(f"{before.target.stem}{SUFFIX[kind].format(p=reached)}.safetensors")
        _copy(before.target, copy, copies)
        values = {name: value for name, value in last.items() if name not in ("event", "time")}
        renamed = {last["path"]: str(copy)}
        events = [values | {"path": str(copy), "kind": kind, "epoch": reached.epoch, "reached": 0}]
    if starred := stars(before.folder):
        write_json(folder / "stars.json", sorted(renamed.get(path, path) for path in starred))
    return events


def named_by(step: int, steps_per_epoch: int) -> tuple[str, RunProgress]:
    """Return whether a file of `step` is named by its epoch or by its step (a key of SUFFIX), and the numbers for its name."""
    epochs, rest = divmod(step, steps_per_epoch)
    return "step" if rest else "epoch", RunProgress(step=step, epoch=epochs)


def _copy(target: Path, copy: Path, copies: Path) -> None:
    """Copy a file, its running mean and its copy in diffusers' names to the names that belong to `copy`, unless they are there."""
    ours, theirs = (
        (path, companion(path, "ema"), companion(path, "diffusers"), diffusers_copy(path, copies))
        for path in (target, copy)
    )
    for source, other in zip(ours, theirs, strict=True):
        if source.exists() and not other.exists():
            write_atomically(other, lambda temporary, source=source: shutil.copyfile(source, temporary))


def _logs_and_pictures(old: Path, new: Path) -> None:
    """Copy the logs of a run's folder into another, and let that have its sample pictures and TensorBoard's files as well."""
    make_folder(new)
    for name in ("events.jsonl", "metrics.jsonl"):
        if (old / name).is_file():
            shutil.copyfile(old / name, new / name)
    for place, pattern in (("samples", "*.png"), ("logs", "events.out.tfevents.*")):
        for path in (old / place).rglob(pattern) if (old / place).is_dir() else ():
            other = new / path.relative_to(old)
            with suppress(OSError):  # what is only shown is not worth the run
                other.unlink(missing_ok=True)
                link_or_copy(path, other)
