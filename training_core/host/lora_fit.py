"""How much of a LoRA file fits a model: what the host's loader does not know, it leaves out with a line in the console."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import comfy.utils
import torch

from .. import lora_keys
from ..errors import AthanorError
from ..files import METADATA, UnreadableFile, safetensors_header
from . import folders

_UNREAD = re.compile(r"unet\..*\.attn\d\.to_(q|k|v|out\.0)[._]")
"""A U-Net's attentions as diffusers calls them: the host knows them by the names of old attention processors alone."""


_COMPUTED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """How many of the weights that a LoRA file changes a model has, in the same shape."""

    fits: int
    of: int

    def words(self, name: str, model: str) -> str:
        """Return this as one sentence about a file and a model."""
        said = f"{self.fits} of {self.of} weights of {name} fit {model}"
        return f"{said}; ComfyUI leaves the others out." if self.fits < self.of else f"{said}."

    def trouble(self, name: str, model: str) -> str:
        """Return the same if the file is not applied whole, else ''."""
        return self.words(name, model) if self.fits < self.of else ""


def compared(before: tuple[Any, Any], after: tuple[Any, Any], keys: Iterable[str]) -> Fit:
    """Return how much of a LoRA file has come onto MODEL and CLIP.

    Args:
        before: MODEL and CLIP without it. None for CLIP: what is for text encoders is not counted.
        after: both with it.
        keys: of the file.
    """
    pairs = [
        (getattr(one, "patcher", one), getattr(other, "patcher", other))
        for one, other in zip(before, after, strict=True)
    ]
    fits = sum(_new_patches(one, other) for one, other in pairs if other is not None and other is not one)
    changed = _weights(keys)
    if after[1] is None:
        changed = {(layer, bias) for layer, bias in changed if lora_keys.place(layer).part == "unet"}
    return Fit(fits, max(len(changed), fits))


def without_numbers(name: str, tensors: Mapping[str, torch.Tensor]) -> str:
    """Return one sentence about a LoRA file with NaN or infinity in it, else ''. The host draws black pictures with it."""
    looked = [value for value in tensors.values() if value.dtype in _COMPUTED]
    broken = sum(not value.isfinite().all() for value in looked)
    if not broken:
        return ""
    return (
        f"{name} holds NaN or infinity in {broken} of {len(looked)} weights, and its pictures may be black: "
        "choose another file; LoRA Info names the layers."
    )


def read_in_part(name: str) -> str:
    """Return one sentence about a LoRA of the host's list whose names tell that its loader reads only part of it, else ''."""
    try:
        keys = safetensors_header(folders.existing_lora(name)).keys() - {METADATA}
    except (UnreadableFile, AthanorError):  # that is said where the file is used
        return ""
    return by_names(keys).trouble(name, "ComfyUI's names")


def by_names(keys: Iterable[str]) -> Fit:
    """Return how much of a file the host reads whatever the model; not all of diffusers' names of a U-Net (64 of 192 for SD1)."""
    keys = list(keys)
    return Fit(len(_weights(key for key in keys if not _UNREAD.match(key))), len(_weights(keys)))


def _weights(keys: Iterable[str]) -> set[tuple[str, bool]]:
    """Return what a file with these keys changes: (layer, whether its bias). Embeddings that lie in it are no part of that."""
    found = (lora_keys.split(key) for key in keys if not lora_keys.embedding(key))
    return {(layer, piece in ("diff_b", "b_norm")) for layer, piece in filter(None, found)}


def _new_patches(before: Any, after: Any) -> int:
    """Return how many patches of the right shape `after` has more than `before`."""
    count = 0
    for key, patches in after.patches.items():
        new = patches[len(before.patches.get(key, ())) :]
        weight = comfy.utils.get_attr(after.model, key) if new else None
        count += sum(_in_shape(patch, weight, offset) for _, patch, _, offset, *_ in new)
    return count


def _in_shape(patch: Any, weight: Any, offset: tuple[int, int, int] | None) -> bool:
    """Whether a patch changes as many numbers as there are in the weight, or in its rows of `offset` (dim, start, length).

    The host notices others only while it samples, and writes a line into the console then.
    """
    numbers = _numbers(patch)
    if numbers is None or not weight.is_floating_point():  # packed weights have another shape
        return True
    return numbers == (weight.numel() if offset is None else weight.numel() // weight.shape[offset[0]] * offset[2])


def _numbers(patch: Any) -> int | None:
    """Return how many numbers a patch changes; None where its form does not say so simply."""
    if isinstance(patch, tuple):
        kind, values = (patch[0], patch[1]) if len(patch) == 2 else ("diff", patch)
        return values[0].numel() if kind == "diff" and len(values) == 1 else None
    if isinstance(patch, list):  # a whole model's weight, mixed with the base model's
        return None
    parts = patch.weights
    if patch.name == "lora" and parts[3] is None and parts[5] is None:
        return _product(parts[0], parts[1])
    if patch.name == "loha" and parts[5] is None:
        return _product(parts[0], parts[1])
    if patch.name == "lokr" and parts[7] is None:
        return _block(parts[0], parts[3], parts[4]) * _block(parts[1], parts[5], parts[6])
    return None


def _block(whole: torch.Tensor | None, left: torch.Tensor | None, right: torch.Tensor | None) -> int:
    if whole is not None:
        return whole.numel()
    return _product(left, right) if left is not None and right is not None else 0


def _product(left: torch.Tensor, right: torch.Tensor) -> int:
    """Return how many numbers the product of an up and a down weight has."""
    return left.shape[:1].numel() * right.shape[1:].numel()
