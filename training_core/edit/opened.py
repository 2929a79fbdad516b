"""A LoRA file of any trainer as layers in kohya's spelling, read one by one so that a large file is never whole in memory."""

from __future__ import annotations

from collections import Counter
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

TEXT = ("lora_te1", "lora_te2", "lora_te3")
"""CLIP-L is te1 here, whether it stands alone (lora_te in SD1's files) or beside others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFile:
    """What a LoRA file holds, as long as it is open: names at once, tensors when they are asked for."""

    path: Path
    metadata: dict[str, str]
    layers: dict[str, str]  # layer in kohya's spelling (lora_unet_..., lora_te1_...) -> as the file calls it
    others: tuple[str, ...]  # keys that belong to no layer: bundled embeddings, and what has no known form
    keys: dict[str, dict[str, str]]  # layer -> piece -> key
    of_model: bool = False  # whether a model has been asked for the names of the layers
    _header: dict[str, Any]
    _file: Any

    def pieces(self, layer: str) -> dict[str, torch.Tensor]:
        """Return the tensors of a layer as the file has them; {} for one that it lacks."""
        return {piece: self.tensor(key) for piece, key in self.keys.get(layer, {}).items()}

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

    def shapes(self, layer: str) -> dict[str, tuple[int, ...]]:
        """Return piece -> shape of a layer, which is known without reading it; {} for one that the file lacks."""
        return {piece: tuple(self._header[key]["shape"]) for piece, key in self.keys.get(layer, {}).items()}

    @property
    def dtypes(self) -> Counter[str]:
        """Number formats as safetensors calls them (F16, BF16, F32 ...) -> how many tensors of layers have it."""
        return Counter(self._header[key]["dtype"] for pieces in self.keys.values() for key in pieces.values())


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
    keys: dict[str, dict[str, str]] = {}
    layers: dict[str, str] = {}
    others = []
    for key in header:
        found = None if lora_keys.embedding(key) else lora_keys.split(key)
        if found is None:
            others.append(key)
            continue
        layer = module_of(found[0], TEXT)
        if layers.get(layer, found[0]) != found[0]:
            names = " and ".join(shortened(name, 120) for name in (layers[layer], found[0]))
            raise AthanorError(
                f"{path.name} has {names}, one layer under two names, of which ComfyUI reads one: use another file."
            )
        keys.setdefault(layer, {})[found[1]] = key
        layers[layer] = found[0]
    keys = {layer: pieces for layer, pieces in keys.items() if pieces.keys() != {"alpha"}}  # alone it changes nothing
    layers = {layer: layers[layer] for layer in keys}
    if not keys:
        raise AthanorError(f"{path.name} contains no LoRA: none of its {len(header)} tensors has a known name.")
    return LoraFile(
        path=path, metadata=metadata, layers=layers, others=tuple(others), keys=keys, _header=header, _file=file
    )
