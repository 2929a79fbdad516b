"""Whether a process holds a run right now: what its log does not tell, since a process that is killed writes no end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from filelock import FileLock, Timeout

from .run_files import stamp

PATIENCE = 0.2
"""Seconds in which a lock is tried again: whoever looks holds it for an instant."""
_free: dict[str, object] = {}  # folder -> stamp of the owner.json that a killed process has left there
_one_look = Lock()  # two at once would each take the other for the process that trains


def taken(folder: Path | str) -> bool:
    """Return whether a process holds the lock of `folder` right now. One that a killed process left does not count.

    Who takes the lock writes owner.json anew, so of a killed run this is a look at that file and no more.
    """
    now, known = stamp(f"{folder}/owner.json"), str(folder)
    if now is None:
        _free.pop(known, None)
        return False
    if _free.get(known) == now:
        return False
    lock = FileLock(f"{folder}/lock")
    with _one_look:
        try:
            lock.acquire(timeout=PATIENCE / 10, poll_interval=PATIENCE / 40)
        except Timeout:
            return True
        except OSError:  # what stands there cannot be locked, by nobody
            return False
        lock.release()
    _free[known] = now
    return False


@contextmanager
def kept_free(folder: Path) -> Iterator[bool]:
    """Keep processes from taking the lock of `folder` while its files are moved; gives False if one has it already.

    On Windows a folder in which a file is open cannot be moved: the lock is only tried there, and then a process that takes it
    makes the move fail instead.
    """
    lock = FileLock(folder / "lock")
    try:
        with _one_look:
            lock.acquire(timeout=PATIENCE / 10, poll_interval=PATIENCE / 40)
    except Timeout:
        yield False
        return
    if os.name == "nt":
        lock.release()
    try:
        yield True
    finally:
        lock.release()
