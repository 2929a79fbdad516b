"""What diffusers calls a model's modules, by the maps of the host's own LoRA loader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import comfy.lora
import comfy.utils
import torch

from ..families import SAME, Family
from . import swap
from .detection import file_names

Rows = slice | torch.Tensor
"""Index into the first dimension of a weight: the rows that a module of diffusers stands for, in its own order."""


def modules(model: Any, family: Family) -> dict[str, dict[str, Rows]]:
    """Return module in our LoRA files -> diffusers' modules that it is made of: name -> the rows of its weight, or several names.

    Names begin with `unet.`, `transformer.` or `text_encoder.`. Empty for a family that the host has no map for.
    """
    base = model.model
    layers = {name: module for name, module in base.diffusion_model.named_modules() if hasattr(module, "weight")}
    config = base.model_config.unet_config
    raw = _host_map(family, config, layers)
    renamed = file_names(model, family)
    prefix = "unet" if "num_res_blocks" in config else "transformer"
    result: dict[str, dict[str, Rows]] = {}
    for theirs, target in raw.items():
        path, rows = _target(target, layers)
        if path in layers and theirs.endswith(".weight"):
            ours = "lora_unet_" + path.replace(".", "_")
            result.setdefault(renamed.get(ours, ours), {})[f"{prefix}.{theirs.removesuffix('.weight')}"] = rows
    return result | _text_encoders() if result else {}


def _host_map(family: Family, config: Mapping[str, Any], layers: Iterable[str]) -> Mapping[str, Any]:
    """Return diffusers' key -> ComfyUI's key, or what of it (see `_target`); {} for a family without a map."""
    if not family.diffusers_map:
        return {}
    if family.diffusers_map == SAME:
        return {f"{name}.weight": f"{name}.weight" for name in layers}
    names = getattr(comfy.utils, family.diffusers_map)(config)
    return dict(reversed(names.items())) if family.diffusers_newest else names


def _target(target: str | tuple[Any, ...], layers: Mapping[str, Any]) -> tuple[str, Rows]:
    """Return (path, rows) of a value of ComfyUI's maps: a key, perhaps with a range of rows, or with how rows are reordered."""
    if isinstance(target, str):
        return target.removesuffix(".weight"), slice(None)
    path = target[0].removesuffix(".weight")
    if target[1] is not None:
        _, start, length = target[1]
        return path, slice(start, start + length)
    if path not in layers:
        return path, slice(None)
    # The loader reorders diffusers' rows into the host's; here the host's row of each of diffusers' is wanted.
    return path, target[2](torch.arange(swap.parameters(layers[path])["weight"].shape[0])).argsort()


def _text_encoders() -> dict[str, dict[str, Rows]]:
    """Return the same for CLIP's layers; a single encoder is called `lora_te` in a file."""
    return {
        f"{ours}_text_model_encoder_layers_{layer}_{name}": {
            f"{theirs}.text_model.encoder.layers.{layer}.{path}": slice(None)
        }
        for ours, theirs in (("lora_te", "text_encoder"), ("lora_te1", "text_encoder"), ("lora_te2", "text_encoder_2"))
        for layer in range(32)
        for path, name in comfy.lora.LORA_CLIP_MAP.items()
    }
