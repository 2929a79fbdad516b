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
from ..files import file_errors, make_folder, read_json
from ..history.taken import PATIENCE, taken

LAUNCH = "ATHANOR_LAUNCH"
"""Environment variable: a word that the process which launched this one has made up for it, see `holder`."""


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
    with file_errors(folder / "lock"):
        try:
            lock.acquire(timeout=PATIENCE, poll_interval=PATIENCE / 4)
        except Timeout:
            raise Fault(f"{what} {_owner(owner)}; wait until it is done, or stop it there.") from None
    try:
        owner_values = {
            "pid": os.getpid(),
            "computer": socket.gethostname(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "launch": os.environ.get(LAUNCH, ""),
        }
        with file_errors(owner):
            owner.write_text(json.dumps(owner_values), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # a folder in its place
            owner.unlink(missing_ok=True)
        lock.release()


def holder(folder: Path, launch: str) -> int | None:
    """Return the process id of who holds the lock of `folder`; None if nobody does, or none that was launched with this word.

    Only such an id may be signalled. owner.json of a process that was killed stays, and its id may be another program's by now;
    one of another launch or computer (a shared disk) is not ours to end.

    Args:
        launch: the value of LAUNCH that the caller gave to what it launched, and to nothing else.
    """
    owner = read_json(folder / "owner.json", {})
    process = owner.get("pid")
    if owner.get("launch") != launch or type(process) is not int or process <= 1:  # 0 and less are groups of processes
        return None
    return process if taken(folder) else None


def _owner(path: Path) -> str:
    owner = read_json(path, {})
    if not {"pid", "computer", "since"} <= owner.keys():
        return "is being trained by another process"
    return f"is being trained by process {owner['pid']} on {owner['computer']} since {owner['since']}"
