"""Whole models as files, in the layout that the host's own loaders open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.model_detection
import comfy.sd
import torch

from ..families import Family
from . import folders
from .file_layout import as_in_files

PREFIX = "model.diffusion_model."


def compute_in_input_format(module: Any) -> None:
    """Let a layer of the host cast its weights to its input's number format."""
    if hasattr(module, "comfy_cast_weights") and not module.comfy_cast_weights:
        module.comfy_cast_weights = True


def _saved_prefix(model: Any) -> str:
    """Return what the host puts before a diffusion model's names: `PREFIX`, and of HunyuanVideo's kin `model.model.`."""
    (name,) = model.model_config.process_unet_state_dict_for_saving({"x": None})
    return name.removesuffix("x")


def tensors(model: Any, clip: Any, vae: Any, family: Family, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Return a model's tensors with those of what its family's files hold beside it, on the CPU; the VAE keeps its number format.

    Args:
        model: the host's model, whose diffusion model has been trained.
    """
    with torch.no_grad():
        text = clip.state_dict_for_saving() if "clip" in family.in_checkpoint else None
        pixels = vae.get_sd() if "vae" in family.in_checkpoint else None
        layers = as_in_files(model, model.diffusion_model.state_dict())
        state = model.state_dict_for_saving(layers, text, pixels)
        own = {id(value) for value in (pixels or {}).values()}
        prefix, result = _saved_prefix(model), {}
        for key, value in state.items():
            key = key if family.in_checkpoint else key.removeprefix(prefix)
            keep = id(value) in own or not value.is_floating_point()
            result[key] = value.detach().to("cpu", value.dtype if keep else dtype, copy=True).contiguous()
    return result


@dataclass(frozen=True, slots=True)
class CheckpointVerdict:
    """What is wrong with a checkpoint that is to be written: tensors that are missing, or another kind of model."""

    missing: tuple[str, ...]
    deviation: float = 0.0

    def trouble(self, precision: str) -> str:
        """Return what is wrong, in one sentence, or '' if nothing is."""
        if not self.missing:
            return ""
        return f"ComfyUI would not recognise the file as the model that was trained: {self.missing[0]}."


def check(model: Any, state: Mapping[str, torch.Tensor]) -> CheckpointVerdict:
    """Return whether ComfyUI's detection takes a checkpoint's tensors for the model that was trained."""
    prefix = PREFIX if any(key.startswith(PREFIX) for key in state) else ""
    config = comfy.model_detection.model_config_from_unet(dict(state), prefix)
    if type(config) is not type(model.model_config):
        return CheckpointVerdict((f"it is detected as {type(config).__name__}",))
    wanted = as_in_files(model, {k: v.to("meta") for k, v in model.diffusion_model.state_dict().items()})
    lost = [key for key in wanted if f"{prefix}{key}" not in state]
    return CheckpointVerdict(tuple(f"{key} is missing" for key in lost))


def is_whole_model(path: Path) -> bool:
    """Return whether a file is a whole model and no LoRA, by the folder in which it lies."""
    return any(path.is_relative_to(folder) for folder in folders.model_folders())


def merged(model: Any, path: Path, strength: float) -> Any:
    """Return MODEL moved towards the fine-tuned one of a file: strength 1 gives that model, 0.5 the mean of both."""
    if path.is_relative_to(folders.checkpoint_folder()):
        other: Any = comfy.sd.load_checkpoint_guess_config(str(path), output_vae=False, output_clip=False)[0]
    else:
        other = comfy.sd.load_diffusion_model(str(path))
    if strength == 1:
        return other
    result = model.clone()
    for key, patch in other.get_key_patches("diffusion_model.").items():
        result.add_patches({key: patch}, strength, 1.0 - strength)
    return result
