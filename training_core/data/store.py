"""Where encodings are kept under the hash of what they were made from: in memory, or on disk for all runs."""

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
    """Small tensors by key; what was put may be gone later (another process needed the room)."""

    def meta(self, key: str) -> dict[str, Any] | None:
        """What was said when `key` was put; None if it is not there, or not whole."""

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Tensors and meta, or None."""

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Keep tensors; `meta` must be JSON."""

    def trim(self, keep: Collection[str]) -> None:
        """Make room; `keep` is still needed."""


class MemoryStore:
    """Main memory, for one run."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[Tensors, dict[str, Any]]] = {}

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return what was said of `key`; see Store."""
        entry = self._entries.get(key)
        return entry and entry[1]

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return tensors and meta; see Store."""
        return self._entries.get(key)

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Keep tensors in memory; see Store."""
        self._entries[key] = (dict(tensors), {"key": key, **meta})

    def trim(self, keep: Collection[str]) -> None:
        """Forget everything but the keys in `keep`."""
        self._entries = {key: entry for key, entry in self._entries.items() if key in keep}


class DiskStore:
    """One safetensors file per key, at most `limit` bytes in all; the least recently used go first.

    Several processes may share the folder: files appear whole, and a reader treats one that is cut off, damaged in
    its header or gone as never made.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit, self._written = folder, limit, True

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"

    def meta(self, key: str) -> dict[str, Any] | None:
        """See Store; counts as a use."""
        try:
            return self._used(key, safetensors_header(self._path(key)))
        except (ValueError, LookupError, TypeError):
            return None

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """See Store; counts as a use."""
        try:
            data = self._path(key).read_bytes()
            tensors = load(data)  # compares the header with the file's length
            meta = self._used(key, json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]))
        except (OSError, SafetensorError, ValueError, LookupError, TypeError):
            return None
        return None if meta is None else (tensors, meta)

    def _used(self, key: str, header: dict[str, Any]) -> dict[str, Any] | None:
        meta = json.loads(header[METADATA]["athanor"])
        with contextlib.suppress(OSError):  # gone by now: it was read whole
            os.utime(self._path(key))
        return meta if meta["key"] == key else None

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """See Store.

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
        """Remove the least recently used files above the limit, and what crashed writers left behind."""
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
                with contextlib.suppress(OSError):  # Windows: another process has it open
                    path.unlink()
                    total -= size
