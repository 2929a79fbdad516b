"""SHA-256 of whole model files, by which other programs know them: read in a thread, and remembered while a file stays the same."""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

from ..files import read_json, write_json
from . import folders

_MOST = 500
"""Files that are remembered: those read last."""


class FileHash:
    """The hash of a file that a thread reads meanwhile: 10 GB take some seconds from memory, a minute from a disk."""

    def __init__(self, path: Path | None) -> None:
        """Begin to read; `path`: None if there is no file, whose hash is ''."""
        self._path, self._digest = path, ""
        self._thread = threading.Thread(target=self._read, daemon=True, name="athanor file hash")
        self._thread.start()

    def wait(self) -> str:
        """Return the hash in hex once it is known; '' for a file that cannot be read."""
        self._thread.join()
        return self._digest

    def _read(self) -> None:
        try:
            self._digest = sha256(self._path) if self._path else ""
        except OSError:  # deleted meanwhile, or its drive is gone
            self._digest = ""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a whole file in hex: from athanor/file_hashes.json in ComfyUI's user folder if it is known.

    Raises:
        OSError: the file cannot be read.
    """
    stat, kept, name = path.stat(), folders.cache_folder().parent / "file_hashes.json", str(path)
    stamp, known = [stat.st_size, stat.st_mtime_ns], read_json(kept, {})
    match known.pop(name, None):
        case [size, time, str(digest)] if [size, time] == stamp:
            return digest
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 22):
            hasher.update(part)
    known[name] = [*stamp, hasher.hexdigest()]
    with suppress(OSError):  # a user folder that cannot be written: the file is read again next time
        write_json(kept, dict(list(known.items())[-_MOST:]), durable=False)
    return hasher.hexdigest()
