"""The exceptions that users meet: a sentence that names the field or file and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal


class AthanorError(ValueError):
    """An input or state that the pack cannot work with; the message is one sentence that users read in ComfyUI.

    Its page shows the exception's full name in front, and the host calls modules of a pack by the path of its folder: the
    name is `athanor.AthanorError` wherever the pack lies.
    """

    __module__ = "athanor"

    def __init_subclass__(cls) -> None:
        """Give its kinds a short name, too."""
        cls.__module__ = "athanor"


class Fault(AthanorError):
    """What no input is to blame for: memory or a disk that is full, a process that has ended, another one that trains the same."""


class ForeignFault(Fault):
    """What code of others has raised: a model's own, ComfyUI's, torch's, a node pack's. Its cause is their exception."""


def quoted(text: object, most: int = 60) -> str:
    """Return in quotes what a user typed, for a message: on one line, and its middle left out above `most` characters."""
    return f"'{shortened(text, most)}'"


def shortened(text: object, most: int = 60) -> str:
    """Return a text on one line, its middle left out above `most` characters; signs that cannot be shown are replaced."""
    text = str(text)
    if len(text) > most:
        head = most * 2 // 3
        text = f"{text[:head]} … {text[head + 3 - most :]}"
    return "".join(c if c.isprintable() else " " if c.isspace() or c < " " else "\ufffd" for c in text)


_FULL = (errno.ENOSPC, errno.EDQUOT)
_GONE = (errno.ENOENT, errno.ENOTDIR)
_FORBIDDEN = (errno.EACCES, errno.EPERM)


class FileError(OSError, Fault):
    """A file that could not be written or read: the system's error, told as one sentence that names the file."""

    def __init__(self, code: int | None, reason: str, path: str, access: Literal["written", "read"]) -> None:
        """`code`: of errno, None where the system gave none; `reason`: its own words; `path`: the file that failed."""
        super().__init__(code, reason, path)
        self.access = access

    @classmethod
    def of(cls, error: OSError, path: Path | None = None, access: Literal["written", "read"] = "written") -> FileError:
        """Return `error` with its sentence; `path`: the file that it is about, if it does not name the right one itself."""
        if isinstance(error, FileError):
            return error
        where = os.fsdecode(path or error.filename or "a file")
        return cls(error.errno, error.strerror or str(error), where, access)

    @property
    def full(self) -> bool:
        """Whether the disk, or what a user may have of it, is full."""
        return self.errno in _FULL

    @property
    def what(self) -> str:
        """What is wrong, without a full stop: "The disk is full (/models/loras/a.safetensors)"."""
        path = str(self.filename)
        where = path if len(path) <= 300 else f"{path[:150]}...{path[-140:]}"
        if self.full:
            return f"The disk is full ({where})"
        if self.errno == errno.ENAMETOOLONG:
            return f"The name of {where} is too long for its disk"
        if self.errno in _GONE and self.access == "written":
            return f"{where} cannot be written, because its folder is not there any more"
        return f"{where} cannot be {self.access} ({self.strerror})"

    @property
    def advice(self) -> str:
        """What to do about it: "free some space"."""
        if self.full:
            return "free some space"
        if self.errno == errno.ENAMETOOLONG:
            return "choose a shorter one"
        if self.errno in _GONE:
            return "leave it where it is while it is in use"
        if self.errno == errno.EROFS:
            return "mount it for writing, or start ComfyUI with other folders (--output-directory, --base-directory)"
        if self.errno in _FORBIDDEN:
            return "change its permissions, or close the program that holds it"
        return "look at the disk or network drive that it is on"

    def __str__(self) -> str:
        return f"{self.what}: {self.advice}."
