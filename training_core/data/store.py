"""Store encodings under the hash of what they were made from: in memory for one run, or on disk for all runs."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import zlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ..byte_size import GB
from ..errors import AthanorError
from ..files import METADATA, safetensors_header, write_atomically
from ..leftovers import sweep
from .leases import Lease

log = logging.getLogger("athanor")

Tensors = dict[str, torch.Tensor]
CHECKSUM = "crc32"
"""The key of a stored file's metadata that holds its checksum."""


class Overfull(NamedTuple):
    """What live runs need of a store that holds less, in bytes."""

    own: int  # of this run alone
    needed: int  # of all runs that share the store
    limit: int

    def advice(self) -> str:
        """Return a sentence on what does not fit, with a limit for Cache Config that does."""
        own, needed = (math.ceil(size / GB * 100) / 100 for size in (self.own, self.needed))  # rounded up: it must fit
        limit = f"{self.limit / GB:.3g}"
        if self.own > self.limit:
            return (
                f"This run's encodings take {own:g} GB, more than cache_limit_gb ({limit}) in Cache Config: they are kept until it "
                f"ends, but the next run may have to encode again; raise it to {needed:g} or more."
            )
        return (
            f"The runs that train now need {needed:g} GB of encodings together, more than cache_limit_gb ({limit}) in Cache "
            "Config: what they need is kept until they end; raise it if they are to go on later without encoding again."
        )


class Store(Protocol):
    """Tensors and their metadata by key; an entry may disappear later (another process needed the room)."""

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of `key` without its tensors; None if there is no such entry or it is damaged."""

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return the tensors (on the CPU) and the metadata of `key`; None if there is no such entry or it is damaged."""

    def put(self, key: str, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        """Store tensors under `key`, with metadata that JSON can hold."""

    def hold(self, keys: Collection[str]) -> None:
        """Need these keys from now on, instead of those held before: nobody deletes them until they are released."""

    def release(self) -> None:
        """Hold no keys any more."""

    def trim(self) -> Overfull | None:
        """Delete entries that are too many, but none that a live run holds; return what those take if it is too much."""


class MemoryStore:
    """A store in main memory, for one run: all that it holds, and of the rest what was made last, up to `limit` bytes.

    Crops and shuffled captions of one epoch come back in another.
    """

    def __init__(self, limit: int = 2 * 10**9) -> None:
        self._limit = limit
        self._entries: dict[str, tuple[Tensors, dict[str, Any]]] = {}
        self._held: frozenset[str] = frozenset()

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

    def hold(self, keys: Collection[str]) -> None:
        """Need these keys from now on; see Store."""
        self._held = frozenset(keys)

    def release(self) -> None:
        """Hold no keys any more."""
        self._held = frozenset()

    def trim(self) -> None:
        """Delete the oldest entries that are not held, if those take more than the limit."""
        loose = {key: _bytes(entry[0]) for key, entry in self._entries.items() if key not in self._held}
        total = sum(loose.values())
        for key, size in loose.items():
            if total <= self._limit:
                break
            del self._entries[key]
            total -= size


def _bytes(tensors: Tensors) -> int:
    return sum(value.nbytes for value in tensors.values())


class DiskStore:
    """A store of one safetensors file per key, of at most `limit` bytes in all; the least recently used are deleted first.

    Several processes may share the folder: files appear whole, and one that is missing, cut off or damaged anywhere counts
    as never stored. A file knows the checksum of its content; those of older versions have none and are taken as they are.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit, self._written = folder, limit, True
        self._held: frozenset[str] = frozenset()
        self._lease = Lease(folder / "leases")
        self._damaged: set[str] = set()  # keys of files that were read and found so: `meta` reads headers alone

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.safetensors"

    def meta(self, key: str) -> dict[str, Any] | None:
        """Return the metadata of `key`, or None, and note the use of its file; see Store."""
        try:
            return None if key in self._damaged else self._used(key, safetensors_header(self._path(key)))
        except (ValueError, LookupError, TypeError):
            return None

    def get(self, key: str) -> tuple[Tensors, dict[str, Any]] | None:
        """Return the tensors and the metadata of `key`, or None, and note the use of its file; see Store."""
        try:
            data = self._path(key).read_bytes()
        except OSError:
            return None
        try:
            header, content = _parts(data)
            if _is_intact(header, content) and (meta := self._used(key, header)) is not None:
                return load(data), meta  # compares the header with the file's length
        except (SafetensorError, ValueError, LookupError, TypeError, AttributeError):
            pass
        log.warning("Athanor: %s in the cache is damaged: it is encoded again.", self._path(key).name)
        self._damaged.add(key)
        return None

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
        data = _with_checksum(save(values, metadata={"athanor": json.dumps({"key": key, **meta})}))
        with self._writing():
            write_atomically(self._path(key), lambda temporary: temporary.write_bytes(data), durable=False)
        self._written = True
        self._damaged.discard(key)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise AthanorError(
                f"The cache folder {self._folder} cannot be written ({error.strerror}): free some disk space, or switch "
                "cache_to_disk off in Cache Config."
            ) from None

    def hold(self, keys: Collection[str]) -> None:
        """Need these keys from now on, and let other processes know; see Store.

        Raises:
            AthanorError: the disk is full or read-only.
        """
        if self._held != keys:
            self._held = frozenset(keys)
            with self._writing():
                self._lease.hold(self._held)

    def release(self) -> None:
        """Hold no keys any more; see Store."""
        self._held = frozenset()
        self._lease.release()

    def trim(self) -> Overfull | None:
        """Delete the least recently used files above the limit, and temporary files of killed runs.

        What live runs hold stays, here and in other processes; if that alone is above the limit, return what it takes.
        """
        if not self._written:
            return None
        self._written, files, unfinished = False, [], 0
        sweep((self._folder, *self._folder.glob("*")))
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                stat = path.stat()
                if path.suffix == ".tmp":
                    unfinished += stat.st_size
                elif path.suffix == ".safetensors":
                    files.append((stat.st_mtime_ns, stat.st_size, path))
        total, others = unfinished + sum(size for _, size, _ in files), self._lease.of_others()
        if total <= self._limit:
            return None
        for _, size, path in sorted(files):
            if total <= self._limit:
                break
            if path.stem not in self._held and path.stem not in others:
                with contextlib.suppress(OSError):  # Windows deletes no file that another process has open
                    path.unlink()
                    total -= size
        own = sum(size for _, size, path in files if path.stem in self._held)
        needed = sum(size for _, size, path in files if path.stem in self._held or path.stem in others)
        return Overfull(own, needed, self._limit) if needed > self._limit else None


def _parts(data: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the header of a safetensors file, and the bytes of its tensors."""
    begin = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:begin]), memoryview(data)[begin:]


def _checksum(header: Mapping[str, Any], content: memoryview) -> str:
    """Return the CRC-32 of a file's header, without what it says of the checksum, and of its tensors; 8 hex digits."""
    metadata = {name: value for name, value in header[METADATA].items() if name != CHECKSUM}
    text = json.dumps({**header, METADATA: metadata}, sort_keys=True)
    return f"{zlib.crc32(content, zlib.crc32(text.encode())):08x}"


def _with_checksum(data: bytes) -> bytes:
    """Return a safetensors file with its checksum in the metadata; the format pads a header to a multiple of 8 bytes."""
    header, content = _parts(data)
    header[METADATA][CHECKSUM] = _checksum(header, content)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((len(text).to_bytes(8, "little"), text, content))


def _is_intact(header: Mapping[str, Any], content: memoryview) -> bool:
    """Whether a file's content has the checksum that its header tells; one of an older version tells none."""
    told = header[METADATA].get(CHECKSUM)
    return told is None or told == _checksum(header, content)
