"""Write files whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object], durable: bool = True) -> None:
    """Let `write(temporary)` fill a new file in the folder of `path`, then rename it to `path` in one step.

    A reader, or a process killed at any moment, sees the old file or the new one, never a part. Missing folders are made.

    Args:
        durable: flush file and folder to disk, so that the new file survives a power cut; a cache need not.

    Raises:
        OSError: the disk is full, or the folder cannot be written. `path` is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        try:
            write(temporary)
        except Exception as error:
            raise _system_error(error, path) or error from None
        if durable:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _system_error(error: Exception, path: Path) -> OSError | None:
    """What safetensors' writer (Rust) tells of the system only in words - a full disk, say -, as Python's own error."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    if isinstance(error, OSError) or not found:
        return None
    code = int(found[1])
    return OSError(0, str(error), str(path), code) if os.name == "nt" else OSError(code, os.strerror(code), str(path))


def _flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to disk, so that a renamed file survives a power cut (Windows needs no such call)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError:  # some network drives cannot flush a folder; the file itself is flushed
            pass
        finally:
            os.close(handle)


def remove_leftovers(folder: Path, stem: str) -> None:
    """Delete the temporary files that a killed run named `stem` left in `folder`.

    Only names that `write_atomically` makes for that run's LoRA and state files match: runs of other names may be
    writing into the same folder now.
    """
    leftover = re.compile(rf"\.{re.escape(stem)}(-(step)?\d+)?(-ema|-diffusers)?\.safetensors\.[0-9a-f]+\.tmp")
    for path in folder.glob(".*.tmp"):
        if leftover.fullmatch(path.name):
            path.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Append `line` and a line break to a text file; if a killed process left an unfinished line, begin a new one first."""
    with path.open("ab+") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")
