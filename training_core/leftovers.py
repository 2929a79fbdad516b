"""Temporary files: their names, and what killed processes leave of them, which is swept when their folder is used again."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_IDLE = 600.0
"""Seconds without a write after which a temporary file is nobody's any more."""
_JUST_NOW = 5.0
"""Seconds in which one may be written although its process is not found: by a container that has the same name as this one."""
_TEMPORARY = re.compile(r"\.(.+)\.([0-9a-f]{4})([0-9a-f]{6})?[0-9a-f]{4}\.tmp")
_HOST = f"{zlib.crc32(socket.gethostname().encode()) & 0xFFFF:04x}"
_writing: set[Path] = set()  # by this process


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give the path of a temporary file in the folder of `path`, and delete it afterwards if it is still there.

    Its name tells the computer and the process (`.a.png.<host><process><number>.tmp`), by which `sweep` knows whether it is
    still being written.
    """
    temporary = path.with_name(f".{path.name}.{_HOST}{os.getpid() & 0xFFFFFF:06x}{secrets.token_hex(2)}.tmp")
    _writing.add(temporary)
    try:
        yield temporary
    finally:
        with suppress(OSError):  # a name that is too long for the disk cannot be looked for either
            temporary.unlink(missing_ok=True)
        _writing.discard(temporary)


def sweep(folders: Iterable[Path], own: str = "") -> None:
    """Delete the temporary files, and folders, that killed processes have left in folders.

    Args:
        own: a regular expression; files of these names cannot be anybody else's, for the caller holds a lock on them.
    """
    for folder in folders:
        with suppress(OSError):
            for entry in list(os.scandir(folder)):
                match = _TEMPORARY.fullmatch(entry.name)
                if match and Path(entry.path) not in _writing and (_is_own(match, own) or _is_dead(match, entry)):
                    with suppress(OSError):
                        if entry.is_dir(follow_symlinks=False):
                            shutil.rmtree(entry.path)
                        else:
                            Path(entry.path).unlink()


def sweep_run(folder: Path, places: Iterable[Path], stem: str) -> None:
    """Delete what killed sessions of a run have left: in its folder, and of its files.

    The caller holds the locks of the run and of its name: nobody else writes what is deleted.

    Args:
        folder: of the run.
        places: folders of its files, in which runs of other names may be writing just now.
        stem: name of its files, without ending.
    """
    sweep((folder, folder / "state", folder / "samples", folder / "files"), own=".*")
    name = rf"{re.escape(stem)}(-(step)?\d+)?(-ema|-diffusers)?\.safetensors"
    sweep(places, own=name)


def _is_own(match: re.Match[str], own: str) -> bool:
    return bool(own) and re.fullmatch(own, match[1]) is not None


def _is_dead(match: re.Match[str], entry: os.DirEntry[str]) -> bool:
    """Return whether the process that wrote a temporary file is gone; of another computer's, whether it has stopped to."""
    idle = time.time() - _last_write(entry)
    known = match[2] == _HOST and match[3] is not None
    return idle > _IDLE or (known and idle > _JUST_NOW and not _is_alive(int(match[3], 16)))


def _last_write(entry: os.DirEntry[str]) -> float:
    """Return when a file was written last, in seconds since 1970; of a folder, when a file in it was."""
    inside = list(os.scandir(entry.path)) if entry.is_dir(follow_symlinks=False) else []
    return max(each.stat().st_mtime for each in (entry, *inside))


def _is_alive(process: int) -> bool:
    """Return whether there is such a process; True where the system does not tell."""
    if os.name != "posix":  # elsewhere the signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return process != os.getpid()
