"""A safetensors file with other metadata: its tensors are copied byte by byte, and never read into memory."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import METADATA, safetensors_header, write_atomically

LEGACY_HASH = "sshs_legacy_hash"
_AT, _LONG = 0x100000, 0x10000
"""Where the bytes begin that the legacy hash is of, and how many they are."""
_PART = 1 << 22
"""Bytes that are copied at a time."""


def write_with_metadata(source: Path, target: Path, metadata: Mapping[str, str]) -> None:
    """Write a copy of a safetensors file with `metadata` instead of its own, whole or not at all; `target` may be `source`.

    If the metadata has an sshs_legacy_hash, that of the new file takes its place, since it depends on the ss_ fields; the hashes
    of the tensors stay right.

    Raises:
        UnreadableFile: the source is missing, cut off or no safetensors file.
        FileError: the target cannot be written.
    """
    tensors = {name: entry for name, entry in safetensors_header(source).items() if name != METADATA}
    told = dict(metadata)
    if LEGACY_HASH in told:
        told[LEGACY_HASH] = legacy_hash(source, tensors, told)
    head = _head(tensors, told)

    def write(temporary: Path) -> None:
        with source.open("rb") as old, temporary.open("wb") as new:
            old.seek(8 + int.from_bytes(old.read(8), "little"))
            new.write(head)
            shutil.copyfileobj(old, new, _PART)

    write_atomically(target, write)


def legacy_hash(source: Path, tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Return the first 8 hex digits of SHA-256 over 64 KB at 1 MB of the file with these tensors and only the ss_ metadata.

    Args:
        source: a file with the same tensors.
        tensors: the entries of its header.
    """
    head = _head(tensors, {key: value for key, value in metadata.items() if key.startswith("ss_")})
    with source.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        file.seek(start + max(0, _AT - len(head)))
        data = head[_AT:] + file.read(_LONG)
    return hashlib.sha256(data[:_LONG]).hexdigest()[:8]


def _head(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Return the first bytes of a safetensors file: the length of its header, and the header as safetensors writes it."""
    header = {METADATA: dict(metadata), **tensors} if metadata else tensors
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text
