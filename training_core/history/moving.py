"""Move a file or folder so that a crash at any moment leaves it whole in one place at least."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from pathlib import Path

from ..files import file_errors, make_folder
from ..leftovers import temporary_beside


def move(source: Path, target: Path) -> None:
    """Move a file or folder to where nothing is: in one step on the same disk, else it is copied whole before it is deleted.

    Raises:
        FileError: it cannot be moved, or something is at `target`. What was moved up to then is whole.
    """
    make_folder(target.parent)
    with file_errors(target):
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target))
    with file_errors(source):
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV and getattr(error, "winerror", None) != 17:
                raise
            _copy(source, target)
            _delete(source)


def _copy(source: Path, target: Path) -> None:
    """Copy to another disk under a temporary name, and give it its name once it is whole."""
    with temporary_beside(target) as temporary:
        try:
            if source.is_dir():
                shutil.copytree(source, temporary, symlinks=True)
            else:
                shutil.copy2(source, temporary)
            temporary.rename(target)
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)


def _delete(source: Path) -> None:
    """Delete what was copied; of a run's folder first the files that make it one, so that half of it is no run."""
    if not source.is_dir():
        source.unlink()
        return
    for name in ("events.jsonl", "run.json"):
        (source / name).unlink(missing_ok=True)
    shutil.rmtree(source)


def is_same(one: Path, other: Path) -> bool:
    """Return whether two files hold the same bytes: a move to another disk was killed before it deleted the first."""
    try:
        return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
