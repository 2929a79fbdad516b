"""Locks: two processes never write the same run, nor LoRA files of the same name."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import Fault
from ..files import make_folder, read_json, told


@contextmanager
def held(folder: Path, what: str) -> Iterator[None]:
    """Hold the lock of `folder`; the operating system releases it when the process ends, however it ends.

    Args:
        what: the thing that is locked, in words, for the message of a process that finds it locked.

    Raises:
        Fault: another process has it; says which. Or the folder cannot be written (FileError).
    """
    make_folder(folder)
    lock, owner = FileLock(folder / "lock"), folder / "owner.json"
    with told(folder / "lock"):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Fault(f"{what} {_owner(owner)}; wait until it is done, or stop it there.") from None
    try:
        owner_values = {
            "pid": os.getpid(),
            "computer": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with told(owner):
            owner.write_text(json.dumps(owner_values), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # a folder in its place
            owner.unlink(missing_ok=True)
        lock.release()


def taken(folder: Path) -> bool:
    """Whether another process holds the lock of `folder` right now. A lock file that a killed process left does not count."""
    if not (folder / "owner.json").is_file():
        return False
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:  # what stands there cannot be locked, by nobody
        return False
    lock.release()
    return False


def _owner(path: Path) -> str:
    owner = read_json(path, {})
    if not {"pid", "computer", "since"} <= owner.keys():
        return "is being trained by another process"
    return f"is being trained by process {owner['pid']} on {owner['computer']} since {owner['since']}"
