"""Locks: two processes never write the same run, nor LoRA files of the same name; `history.taken` looks at them."""

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
from ..history.taken import PATIENCE


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
            lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 4)
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


def _owner(path: Path) -> str:
    owner = read_json(path, {})
    if not {"pid", "computer", "since"} <= owner.keys():
        return "is being trained by another process"
    return f"is being trained by process {owner['pid']} on {owner['computer']} since {owner['since']}"
