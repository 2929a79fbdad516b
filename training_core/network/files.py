"""Write LoRA files: names, number format, metadata, hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import save, save_file

from ..files import write_atomically
from .metadata_choice import as_text

HASH = "modelspec.hash_sha256"
"""Field of the same number as sshs_model_hash, as the Stability model specification writes it."""
DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "float": torch.float32}


def tensors_for_file(
    state: Mapping[str, torch.Tensor], precision: str, rename: Mapping[str, str]
) -> dict[str, torch.Tensor]:
    """Return detached CPU copies in the file's number format; `rename` maps module names to the names in the file.

    DoRA's few scales stay float32: they multiply the whole weight, and rounding them would drown a young change.
    """
    result = {}
    for key, value in state.items():
        module, _, rest = key.partition(".")
        value = value.detach().to("cpu", copy=True).contiguous()
        if rest == "dora_scale":
            value = value.float()
        elif value.is_floating_point():
            value = value.to(DTYPES[precision])
        result[f"{rename.get(module, module)}.{rest}"] = value
    return result


def model_hash(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return sshs_model_hash: SHA-256 of the bytes that follow a safetensors header."""
    data = save(dict(tensors))
    start = 8 + int.from_bytes(data[:8], "little")
    return hashlib.sha256(memoryview(data)[start:]).hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of the bytes that follow the header of a safetensors file: what `model_hash` gives for its tensors.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
        file.seek(min(8 + header, path.stat().st_size))  # a damaged file tells lengths that no file can have
        return _hash_of_the_rest(file)


def _hash_of_the_rest(file: BinaryIO) -> str:
    hasher = hashlib.sha256()
    while part := file.read(1 << 24):
        hasher.update(part)
    return hasher.hexdigest()


def legacy_hash(tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str]) -> str:
    """Return sshs_legacy_hash: the first 8 hex digits of SHA-256 over 64 KB at 1 MB of a file with only the ss_ metadata."""
    data = save(dict(tensors), metadata={key: value for key, value in metadata.items() if key.startswith("ss_")})
    return hashlib.sha256(data[0x100000 : 0x100000 + 0x10000]).hexdigest()[:8]


def save_model(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> str:
    """Write a whole model or nothing, without a second copy in memory; return the hash that `model_hash` would give."""
    text = as_text(metadata)
    unknown = secrets.token_hex(32)  # takes the place of the hash until the file is there to be read
    text[HASH] = f"0x{unknown}"
    digest = ""

    def write(temporary: Path) -> None:
        nonlocal digest
        save_file(dict(tensors), temporary, metadata=text)
        with temporary.open("rb+") as file:
            header = file.read(int.from_bytes(file.read(8), "little"))
            digest = _hash_of_the_rest(file)
            file.seek(8)
            file.write(header.replace(unknown.encode(), digest.encode()))

    write_atomically(path, write)
    return digest


def save_lora(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> str:
    """Write a LoRA file whole or not at all and return its sshs_model_hash; metadata values become strings."""
    digest = model_hash(tensors)
    text = as_text(metadata)
    text["sshs_model_hash"], text["sshs_legacy_hash"] = digest, legacy_hash(tensors, text)
    text[HASH] = f"0x{digest}"
    data = save(dict(tensors), metadata=text)
    write_atomically(path, lambda temporary: temporary.write_bytes(data))
    return digest
