"""The file that a run ends with: its name, which no other run has, in a folder that can be written to."""

from __future__ import annotations

import errno
from pathlib import Path

from .. import file_names
from ..errors import AthanorError, FileError
from ..families import Family
from ..files import file_errors, make_folder
from ..history import registry
from ..history.run_files import free_path, run_id_of
from ..host import folders
from ..leftovers import temporary_beside
from ..resume.continuing import StartPoint
from ..settings import Job


def target_of(job: Job, family: Family, start: StartPoint) -> Path:
    """Return the file that the run ends with: the one it has been writing towards, or else a name that is free.

    Args:
        job: that was asked for.
        family: of its model.
        start: where the run starts.

    Raises:
        AthanorError: the name is none, or its folder cannot be written to.
    """
    target = _target_so_far(job, start)
    if target is None:
        own = {job.run_id, *(start.before.trained_by if start.before else ())}
        wanted = _wanted(job, family)
        target = free_path(wanted, own, job.training.overwrite, folders.diffusers_folder(wanted))
    _check_writable(target)
    if job.training.save_diffusers_copy:
        _check_writable(folders.diffusers_folder(target) / target.name)
    return target


def _target_so_far(job: Job, start: StartPoint) -> Path | None:
    """Return the file that a run which goes on has been writing towards; None for a new one.

    A damaged run.json may name any file: one outside of the host's folders does not count. Nor does one that another run has
    made since, such as a longer one that has gone on from this one.
    """
    record = registry.read(folders.run_folder(job.run_id)) if start.state and not start.before else None
    if record is None or not folders.is_listed(record.target):
        return None
    free = job.training.overwrite or run_id_of(record.target) in (None, *record.trained_by)
    return record.target if free else None


def _wanted(job: Job, family: Family) -> Path:
    """Return the file that output_name asks for, whoever has written it."""
    name = file_names.plain(job.training.output_name)
    if job.training.own_folder:
        name = f"{name}/{name.replace(chr(92), '/').rpartition('/')[2]}"
    if job.network.algo == "finetune":
        return folders.model_path(name, alone=not family.in_checkpoint)
    return folders.lora_path(name)


def _check_writable(target: Path) -> None:
    """Write an empty temporary file beside `target` and take it away: no run is to fail at its end.

    Its name is as long as that of any file of the run.

    Raises:
        AthanorError: nothing can be written there.
    """
    longest = target.with_name(f"{target.stem}-step{0:08}-diffusers.safetensors")
    try:
        make_folder(target.parent)
        with file_errors(longest), temporary_beside(longest) as temporary:
            temporary.write_bytes(b"")
    except FileError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise AthanorError(
                "output_name is too long for the disk of the loras folder: choose a shorter one."
            ) from None
        raise AthanorError(
            f"output_name: nothing can be written to {target.parent} ({error.strerror}); {error.advice}."
        ) from None
