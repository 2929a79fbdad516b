"""Write LoRA files: names, number format, metadata, hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..files import METADATA, safetensors_header, write_atomically
from .metadata_choice import as_text

_HASHES = (
    ("modelspec.hash_sha256", "0x{digest}"),
    ("sshs_model_hash", "{digest}"),
    ("sshs_legacy_hash", "{legacy}"),
)
"""Fields of metadata -> the SHA-256 of all tensors' bytes, for the Stability model specification and sd-scripts, and its older one."""
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


def file_hash(path: Path) -> str:
    """Return the SHA-256 of the bytes that follow the header of a safetensors file: its sshs_model_hash.

    Raises:
        OSError: it cannot be read.
    """
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
        file.seek(min(8 + header, path.stat().st_size))  # a damaged file tells lengths that no file can have
        while part := file.read(1 << 24):
            hasher.update(part)
    return hasher.hexdigest()


def save_model(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> str:
    """Write a whole model or nothing, without a second copy in memory; return the SHA-256 of its tensors' bytes.

    Metadata values become strings.
    """
    return _save(path, tensors, as_text(metadata), _HASHES[:1])


def save_lora(path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, object]) -> str:
    """Write a LoRA file as `save_model` does, with the hashes of sd-scripts besides, and return its sshs_model_hash."""
    return _save(path, tensors, as_text(metadata), _HASHES)


def _save(
    path: Path, tensors: Mapping[str, torch.Tensor], text: dict[str, str], hashes: Sequence[tuple[str, str]]
) -> str:
    """Write a file whose metadata has its own hashes: they take the place of others as long, once there is a file to be read."""
    from ..safetensors_copy import legacy_hash  # nothing that ComfyUI's start needs

    digest, legacy = secrets.token_hex(32), secrets.token_hex(4)
    told = text | {key: pattern.format(digest=digest, legacy=legacy) for key, pattern in hashes}

    def write(temporary: Path) -> None:
        nonlocal digest
        save_file(dict(tensors), temporary, metadata=told)
        before, digest = digest, file_hash(temporary)
        entries = {name: entry for name, entry in safetensors_header(temporary).items() if name != METADATA}
        new = legacy_hash(temporary, entries, text)
        with temporary.open("rb+") as file:
            header = file.read(int.from_bytes(file.read(8), "little"))
            file.seek(8)
            file.write(
                header.replace(before.encode(), digest.encode()).replace(f'"{legacy}"'.encode(), f'"{new}"'.encode())
            )

    write_atomically(path, write)
    return digest
