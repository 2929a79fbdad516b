"""Remember what was found in picture files, so that each is decoded once and not again after every restart."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from ..files import read_json, write_atomically
from ..pictures import UnreadablePicture
from . import decode
from .decode import Inspected

VERSION = 1
"""Of what is remembered; another one is not read. It is raised when `decode.inspect` finds other things than before."""

_WRITING = Lock()
"""Held by the thread that adds to a file; of two processes that write at once the last one's rows stay."""

Inspect = Callable[[Path], Inspected]


class Inspections:
    """What was found in the picture files of one dataset folder, in a file of JSON; without a file nothing is remembered.

    A file counts as unchanged while its size and both of its times (content, and name or rights) stay as they were. The
    file may be deleted at any time, and several processes may write it: what is missing is found again.
    """

    def __init__(self, folder: Path | None, dataset: Path) -> None:
        """Name the file.

        Args:
            folder: where such files are kept; None: nowhere.
            dataset: the folder of pictures.
        """
        name = hashlib.sha256(os.fsencode(os.path.abspath(dataset))).hexdigest()[:16]
        self._file = folder / f"{name}.json" if folder else None

    def of(self, paths: Sequence[Path], inspect: Inspect = decode.inspect) -> list[Inspected | str]:
        """Inspect picture files in threads; return the results, or why a file cannot be read, in the order of `paths`.

        Args:
            inspect: looks at one file; its name is part of what is remembered.
        """
        known, stamps = self._read(), [_stamp(path) for path in paths]
        keys = [f"{inspect.__name__} {path}" for path in paths]
        result = [_remembered(known.get(key), stamp) for key, stamp in zip(keys, stamps, strict=True)]
        missing = [i for i, found in enumerate(result) if found is None]
        # Threads are enough: Pillow decodes without holding Python's lock. 8 keep the memory of large pictures bounded.
        with decode.strict(), ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            found = list(pool.map(lambda i: _reason_or(inspect, paths[i]), missing))
        for i, new in zip(missing, found, strict=True):
            result[i] = new
        new = {
            keys[i]: [stamps[i], *_row(one)]
            for i, one in zip(missing, found, strict=True)
            if isinstance(one, Inspected)
        }
        if new:
            self._write(new)
        return [one for one in result if one is not None]

    def _read(self) -> dict[str, Any]:
        """Return the rows by key; {} if the file is missing, damaged, or of another version."""
        if self._file is None:
            return {}
        kept = read_json(self._file, {})
        rows = kept.get("files")
        return rows if isinstance(rows, dict) and kept.get("check") == _check(rows) else {}

    def _write(self, new: Mapping[str, Any]) -> None:
        """Add rows to those that the file has now, and leave out those of files that are gone."""
        if self._file is None:
            return
        with _WRITING:
            known = self._read().items()
            old = {key: row for key, row in known if key not in new and Path(key.partition(" ")[2]).exists()}
            rows = {**old, **new}
            text = json.dumps({"check": _check(rows), "files": rows}, separators=(",", ":"))
            with suppress(OSError):  # the disk is full or read-only: next time the pictures are looked at again
                write_atomically(
                    self._file, lambda temporary: temporary.write_text(text, encoding="utf-8"), durable=False
                )


def _check(rows: Mapping[str, Any]) -> str:
    """Return a checksum of what is remembered, so that no flipped bit becomes the size of a picture."""
    return hashlib.sha256(f"{VERSION} {json.dumps(rows, sort_keys=True)}".encode()).hexdigest()[:16]


def _stamp(path: Path) -> list[int]:
    """Return the size and the times of a file; [] if it is gone."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _row(found: Inspected) -> list[Any]:
    return [found.content, found.size, found.has_alpha, found.animated, found.middle]


def _remembered(row: Any, stamp: list[int]) -> Inspected | str | None:
    """Return what a row holds of a file with this stamp; None if there is no row, or it is of an older file."""
    if not row or not stamp or row[0] != stamp:
        return None
    _, content, (width, height), has_alpha, animated, middle = row
    return Inspected(
        content=content,
        size=(width, height),
        has_alpha=has_alpha,
        animated=animated,
        middle=(middle[0], middle[1]) if middle else None,
    )


def _reason_or(inspect: Inspect, path: Path) -> Inspected | str:
    try:
        return inspect(path)
    except UnreadablePicture as error:
        return str(error)
