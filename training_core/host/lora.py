"""Read LoRA files and put them on models through the host's own loader."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import comfy.lora_convert
import comfy.sd
import comfy.utils

from .. import block_strengths, lora_blocks
from ..errors import AthanorError
from ..files import METADATA, UnreadableFile, safetensors_header
from . import checkpoint, folders, lora_fit

Tensors = tuple[dict[str, Any], dict[str, str] | None]
"""What is in a file: tensors by key, and the metadata."""


def read(path: Path) -> Tensors:
    """Read a LoRA file of the loras folders.

    Raises:
        AthanorError: it is gone, lies elsewhere, or cannot be read.
    """
    if not path.is_file() or not folders.is_lora(path):
        raise AthanorError(f"{path.name} is not in the loras folder any more; train it again.")
    try:
        if path.suffix == ".safetensors":
            safetensors_header(path)  # says in plain words what is wrong with most files
        content: Any = comfy.utils.load_torch_file(str(path), safe_load=True, return_metadata=True)
        return content
    except Exception as error:
        raise AthanorError(f"{path.name} cannot be read ({_in_words(error)}); choose another file.") from None


def _in_words(error: Exception) -> str:
    """Return the first line of an error of the host or of torch, of at most 150 characters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:150]


def apply(
    model: Any,
    clip: Any,
    path: Path,
    strength: float,
    strength_clip: float | None = None,
    tensors: Tensors | None = None,
    *,
    blocks: str = "",
) -> tuple[Any, Any]:
    """Return MODEL and CLIP with the file of a run on them, as Load LoRA does it exactly; or a fine-tuned model.

    Args:
        strength_clip: for the text encoder; None: the same.
        tensors: the file's content, if it is at hand.
        blocks: how much of that each block gets, see `block_strengths`; "": all of it.

    Raises:
        AthanorError: nothing of the file fits the model, it is broken, or it has not the blocks.
    """
    if checkpoint.is_whole_model(path):
        if blocks:
            raise AthanorError(
                f"LoRA blocks is for LoRA files, and {path.name} is a whole model: leave one of them out."
            )
        return (checkpoint.merged(model, path, strength) if strength else model), clip
    strength_clip = strength if strength_clip is None else strength_clip
    if strength == 0 and strength_clip == 0:
        return model, clip
    tensors = tensors or read(path)
    parts = _by_strength(tensors, path, blocks) if blocks else [(1.0, tensors)]
    if not parts:
        return model, clip
    patched, patched_clip = model, clip
    for factor, part in parts:
        patched, patched_clip = _load(patched, patched_clip, path, part, strength * factor, strength_clip * factor)
    changed = clip is not None and _count(patched_clip.patcher) != _count(clip.patcher)
    # Blocks that are on may be just those that the host leaves out: whether the file is for this model, all of it tells.
    whole = _load(model, clip, path, tensors, 1.0, 1.0) if blocks else (patched, patched_clip)
    if not lora_fit.compared((model, clip), whole, tensors[0]).fits:
        raise AthanorError(
            f"The LoRA {path.name} does not match this model (none of its layers fit): choose a LoRA of this kind of model."
        )
    # A LoRA without text-encoder part leaves CLIP alone: the same object keeps its prompts encoded.
    return patched, patched_clip if changed else clip


def _by_strength(tensors: Tensors, path: Path, blocks: str) -> list[tuple[float, Tensors]]:
    """Return the content of a file in parts with a strength each, so that the host's loader computes every layer as it does at that
    strength, whatever the algorithm; layers that are off are in none."""
    named: Any = comfy.lora_convert.convert_lora(
        tensors[0]
    )  # it knows some kinds of files by keys that a part may lack
    strengths = block_strengths.read(blocks).strengths(lora_blocks.layers_of(named), path.name)
    parts = block_strengths.split(named, strengths)
    return [(strength, ({key: named[key] for key in keys}, tensors[1])) for strength, keys in parts.items()]


def layers(name: str) -> list[str]:
    """Return the layers that a LoRA of the host's list changes, by their names in the file.

    Raises:
        AthanorError: it cannot be read, or is a whole model.
    """
    folder, path = folders.trained_file(name)
    if folder != "loras":
        raise AthanorError(_whole(path))
    try:
        keys = safetensors_header(path).keys() - {METADATA} if path.suffix == ".safetensors" else read(path)[0]
    except UnreadableFile:
        keys = read(path)[0]  # says what is wrong with it
    return lora_blocks.layers_of(sorted(keys))


def _whole(path: Path) -> str:
    return f"Blocks and steps are of LoRA files, and {path.name} is a whole model: leave one of them out."


def on_model(model: Any, tensors: dict[str, Any], name: str) -> Any:
    """Return MODEL with a LoRA's tensors on it, by their names in files.

    Args:
        name: of the LoRA, for messages.

    Raises:
        AthanorError: part of it does not fit.
    """
    patched: Any = comfy.sd.load_lora_for_models(model, None, dict(tensors), 1.0, 0.0)[0]
    if trouble := lora_fit.compared((model, None), (patched, None), tensors).trouble(name, "the model"):
        raise AthanorError(trouble)
    return patched


def fit(model: Any, clip: Any, path: Path, tensors: Tensors | None = None) -> lora_fit.Fit:
    """Return how much of a file the host puts on MODEL and CLIP (or on MODEL, if that is None); both stay as they are.

    Args:
        tensors: the file's content, if it is at hand.

    Raises:
        AthanorError: as `read`.
    """
    tensors = tensors or read(path)
    return lora_fit.compared((model, clip), _load(model, clip, path, tensors, 1.0, 1.0), tensors[0])


def _load(
    model: Any, clip: Any, path: Path, tensors: Tensors, strength: float, strength_clip: float
) -> tuple[Any, Any]:
    """Return MODEL and CLIP with a file's content on them.

    Raises:
        AthanorError: a layer is broken such that the host's loader stops at it.
    """
    load: Any = comfy.sd.load_lora_for_models
    try:
        return load(model, clip, tensors[0], strength, strength_clip, lora_metadata=tensors[1])
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
    ) as error:  # a piece missing, alpha of two numbers
        raise AthanorError(
            f"The LoRA {path.name} is broken: ComfyUI's loader stops at it ({_in_words(error)}); LoRA Info lists its broken layers."
        ) from None


def _count(patcher: Any) -> int:
    return sum(map(len, patcher.patches.values()))


class LoraFiles:
    """LoRA files that were read lately, up to `limit` bytes; the least recently used one goes first."""

    def __init__(self, limit: int = 2**30) -> None:
        self._limit, self._files, self.reads = limit, OrderedDict[tuple[Any, ...], tuple[Tensors, int]](), 0

    def get(self, path: Path) -> Tensors:
        """Return the file's content, read again if the file was replaced; {} for one of a whole model, which ComfyUI loads."""
        if checkpoint.is_whole_model(path):
            return {}, None
        stat = path.stat() if path.is_file() else None
        key = (str(path), stat and (stat.st_size, stat.st_mtime_ns))
        if key in self._files:
            self._files.move_to_end(key)
            return self._files[key][0]
        tensors = read(path)
        self.reads += 1
        size = sum(value.numel() * value.element_size() for value in tensors[0].values())
        while self._files and size + sum(kept_size for _, kept_size in self._files.values()) > self._limit:
            self._files.popitem(last=False)
        if size <= self._limit:
            self._files[key] = (tensors, size)
        return tensors
