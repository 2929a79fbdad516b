"""A LoRA file of any trainer as layers in kohya's spelling, read one by one so that a large file is never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .. import lora_keys
from ..errors import AthanorError, shortened
from ..files import METADATA, UnreadableFile, safetensors_header
from ..network.weights import module_of

Pieces = dict[str, torch.Tensor]
"""Piece of a layer in kohya's or LyCORIS' spelling (lora_up.weight, alpha, hada_w1_a ...) -> tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFile:
    """What a LoRA file holds, as long as it is open: names at once, tensors when they are asked for."""

    path: Path
    metadata: dict[str, str]
    layers: dict[str, str]  # layer in kohya's spelling (lora_unet_..., lora_te1_...) -> as the file calls it
    others: tuple[str, ...]  # keys that belong to no layer: bundled embeddings, and what has no known form
    _keys: dict[str, dict[str, str]]  # layer -> piece -> key
    _file: Any

    def pieces(self, layer: str) -> Pieces:
        """Return the tensors of a layer as the file has them; {} for one that it lacks."""
        return {piece: self.tensor(key) for piece, key in self._keys.get(layer, {}).items()}

    def tensor(self, key: str) -> torch.Tensor:
        """Return a tensor by its key in the file.

        Raises:
            AthanorError: it cannot be read.
        """
        try:
            return self._file.get_tensor(key)
        except (SafetensorError, OSError, RuntimeError, TypeError) as error:
            words = (str(error).splitlines() or [""])[0][:150]
            raise AthanorError(
                f"{self.path.name}: {shortened(key)} cannot be read ({words}); choose another file."
            ) from None

    def kohya_pieces(self, layer: str) -> bool:
        """Return whether the file writes this layer's pieces as kohya and LyCORIS do, not as PEFT (lora_A, lora_B)."""
        keys = self._keys.get(layer, {})
        return all(key.endswith(f".{piece}") for piece, key in keys.items())


@contextmanager
def opened(paths: Sequence[Path]) -> Iterator[list[LoraFile]]:
    """Open LoRA files to read from inside of a `with`.

    Raises:
        AthanorError: one is no safetensors file, or holds no LoRA.
    """
    with ExitStack() as stack:
        files = []
        for path in paths:
            try:
                header = safetensors_header(path)
                file = stack.enter_context(safe_open(path, "pt"))
            except (UnreadableFile, SafetensorError, OSError) as error:
                raise AthanorError(
                    f"{path.name} cannot be read as safetensors ({error}); choose another file."
                ) from None
            files.append(_of(path, header, file))
        yield files


def _of(path: Path, header: dict[str, Any], file: Any) -> LoraFile:
    metadata = header.pop(METADATA, None) or {}
    prefixes = _text_prefixes(header)
    keys: dict[str, dict[str, str]] = {}
    layers: dict[str, str] = {}
    others = []
    for key in header:
        found = None if lora_keys.embedding(key) else lora_keys.split(key)
        if found is None:
            others.append(key)
            continue
        layer = module_of(found[0], prefixes)
        keys.setdefault(layer, {})[found[1]] = key
        layers[layer] = found[0]
    keys = {layer: pieces for layer, pieces in keys.items() if pieces.keys() != {"alpha"}}  # alone it changes nothing
    layers = {layer: layers[layer] for layer in keys}
    if not keys:
        raise AthanorError(f"{path.name} contains no LoRA: none of its {len(header)} tensors has a known name.")
    return LoraFile(path=path, metadata=metadata, layers=layers, others=tuple(others), _keys=keys, _file=file)


def _text_prefixes(keys: Any) -> set[str]:
    """Return how the file's text encoders are called: CLIP-L alone is lora_te, beside another one lora_te1."""
    found = (lora_keys.split(key) for key in keys)
    parts = {lora_keys.place(layer[0]).part for layer in found if layer} - {"unet"}
    single = parts == {"te1"} and not any(key.startswith(("lora_te1_", "text_encoders.", "clip_l")) for key in keys)
    return {"lora_te"} if single else {f"lora_{part}" for part in parts}
