"""Files whose metadata alone was changed keep the identities they had, so that runs and pictures made of them stay theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from ..files import read_json, write_json
from ..safetensors_copy import write_with_metadata
from . import folders

_MOST = 2000
"""Files that are remembered: those changed last."""


def content(path: Path) -> str:
    """Return the SHA-256 of a whole file in hex, or the one that it had before its metadata was changed."""
    return _was(path).get("content") or hashlib.sha256(path.read_bytes()).hexdigest()


def identity(path: Path, look: Callable[[Path], str]) -> str:
    """Return what `look` gives for a file, or what it gave before the file's metadata was changed."""
    return _was(path).get("identity") or look(path)


def write_metadata(path: Path, metadata: Mapping[str, str], look: Callable[[Path], str]) -> None:
    """Write other metadata into a safetensors file, whose identities stay. All files of runs come through here.

    Args:
        look: gives a file's identity, as `identity` takes it.

    Raises:
        FileError: it cannot be written; it is then as it was.
    """
    before = {"identity": identity(path, look)}
    if folders.is_lora(path):
        before["content"] = content(path)
    write_with_metadata(path, path, metadata)
    kept = _kept()
    known = read_json(kept, {})
    known.pop(str(path), None)
    known[str(path)] = {"stamp": _stamp(path), **before}
    with suppress(OSError):  # a user folder that cannot be written: what is made of the file is made again
        write_json(kept, dict(list(known.items())[-_MOST:]), durable=False)


def _kept() -> Path:
    return folders.cache_folder().parent / "rewritten_files.json"


def _stamp(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _was(path: Path) -> dict[str, str]:
    """Return the identities that a file had before; none if it was not changed here, or was written by others since."""
    known = read_json(_kept(), {}).get(str(path))
    if not isinstance(known, dict) or known.get("stamp") != _stamp(path):
        return {}
    return {name: value for name, value in known.items() if isinstance(value, str)}
