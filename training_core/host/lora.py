"""Read LoRA files and put them on models through the host's own loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import comfy.sd
import comfy.utils
import folder_paths

from ..errors import AthanorError
from . import checkpoint


def apply(model: Any, clip: Any, path: Path, strength: float) -> tuple[Any, Any]:
    """MODEL and CLIP with the LoRA at `strength`, exactly as the host's Load LoRA node does it; or with a fine-tuned model."""
    if strength == 0:
        return model, clip
    if checkpoint.is_one(path):
        return checkpoint.merged(model, path, strength), clip
    if not path.is_file() or not folder_paths.is_within_directory(folder_paths.get_folder_paths("loras")[0], str(path)):
        raise AthanorError(f"{path.name} is not in the loras folder any more; train it again.")
    tensors, metadata = comfy.utils.load_torch_file(str(path), safe_load=True, return_metadata=True)
    patched, patched_clip = comfy.sd.load_lora_for_models(
        model, clip, tensors, strength, strength, lora_metadata=metadata
    )
    # A LoRA without text-encoder part leaves CLIP alone: the same object keeps its prompts encoded.
    return patched, clip if clip is None or _count(patched_clip) == _count(clip) else patched_clip


def _count(clip: Any) -> int:
    return sum(map(len, clip.patcher.patches.values()))
