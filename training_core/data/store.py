"""Store encodings under the hash of what they were made from: in memory for one run, or on disk for all runs."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ..errors import AthanorError
from ..files import METADATA, safetensors_header, write_atomically

Tensors = dict[str, torch.Tensor]


class Store(Protocol):
    """Tensors and their metadata by key; an entry may disappear later (another process needed the room)."""

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of `key` without its tensors; None if there is no such entry or it is damaged."""

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return the tensors (on the CPU) and the metadata of `key`; None if there is no such entry or it is damaged."""

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Store tensors under `key`, with metadata that JSON can hold."""

    def trim(self, keep: Collection[str]) -> None:
        """Delete entries that are too many, but none of the keys in `keep`."""


class MemoryStore:
    """A store in main memory, for one run; it has no limit."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Tensors, dict[str, Any]]] = {}

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of `key`, or None; see Store."""
        entry = self._entries.get(key)
        return entry and entry[1]

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return the tensors and the metadata of `key`, or None; see Store."""
        return self._entries.get(key)

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Store tensors in memory under `key`; see Store."""
        self._entries[key] = (dict(tensors), {"key": key, **meta})

    def trim(self, keep: Collection[str]) -> None:
        """Delete all entries but those of the keys in `keep`."""
        self._entries = {key: entry for key, entry in self._entries.items() if key in keep}


class DiskStore:
    """A store of one safetensors file per key, of at most `limit` bytes in all; the least recently used are deleted first.

    Several processes may share the folder: files appear whole, and one that is missing, cut off or damaged in its header
    counts as never stored.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit, self._written = folder, limit, True

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of `key`, or None, and note the use of its file; see Store."""
        try:
            return self._used(key, safetensors_header(self._path(key)))
        except (ValueError, LookupError, TypeError):
            return None

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return the tensors and the metadata of `key`, or None, and note the use of its file; see Store."""
        try:
            data = self._path(key).read_bytes()
            tensors = load(data)  # compares the header with the file's length
            meta = self._used(key, json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]))
        except (OSError, SafetensorError, ValueError, LookupError, TypeError):
            return None
        return None if meta is None else (tensors, meta)

    def _used(self, key: str, header: dict[str, Any]) -> dict[str, Any] | None:
        meta = json.loads(header[METADATA]["athanor"])
        with contextlib.suppress(OSError):  # another process has deleted the file meanwhile: it was read whole
            os.utime(self._path(key))
        return meta if meta["key"] == key else None

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Write tensors to the file of `key`; see Store.

        Raises:
            AthanorError: the disk is full or read-only.
        """
        values = {name: value.contiguous() for name, value in tensors.items()}
        data = save(values, metadata={"athanor": json.dumps({"key": key, **meta})})
        try:
            write_atomically(self._path(key), lambda temporary: temporary.write_bytes(data), durable=False)
        except OSError as error:
            raise AthanorError(
                f"The cache folder {self._folder} cannot be written ({error.strerror}): free some disk space, or switch "
                "cache_to_disk off in Cache Config."
            ) from None
        self._written = True

    def trim(self, keep: Collection[str]) -> None:
        """Delete the least recently used files above the limit, and temporary files more than an hour old (of killed runs)."""
        if not self._written:
            return
        self._written, files = False, []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                if path.suffix == ".tmp" and stat.st_mtime < time.time() - 3600:
                    path.unlink()
                elif path.suffix == ".safetensors":
                    files.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                break
            if path.stem not in keep:
                with contextlib.suppress(OSError):  # Windows deletes no file that another process has open
                    path.unlink()
                    total -= size
