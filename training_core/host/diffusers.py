"""What diffusers calls a model's modules, by the maps of the host's own LoRA loader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import comfy.lora
import comfy.utils
import torch

from ..families import SAME, Family
from . import swap
from .detection import file_names, unet_names

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
    if family.diffusers_map in OWN_MAPS:
        return OWN_MAPS[family.diffusers_map](config, layers)
    if family.diffusers_map == "unet_to_diffusers":
        return unet_names(config, family)
    names = getattr(comfy.utils, family.diffusers_map)(config)
    return dict(reversed(names.items())) if family.diffusers_newest else names


_LUMINA2 = (
    (r"t_embedder\.mlp\.0", "time_caption_embed.timestep_embedder.linear_1"),
    (r"t_embedder\.mlp\.2", "time_caption_embed.timestep_embedder.linear_2"),
    (r"cap_embedder\.1", "time_caption_embed.caption_embedder.1"),
    (r"final_layer\.adaLN_modulation\.1", "norm_out.linear_1"),
    (r"final_layer\.linear", "norm_out.linear_2"),
    (r"(\w+\.\d+)\.attention\.out", r"\1.attn.to_out.0"),
    (r"(\w+\.\d+)\.feed_forward\.w([123])", r"\1.feed_forward.linear_\2"),
    (r"(\w+\.\d+)\.adaLN_modulation\.1", r"\1.norm1.linear"),
    (r"x_embedder", "x_embedder"),
)
"""Linear layers of Lumina 2 -> what diffusers' Lumina2Transformer2DModel calls them."""


def _lumina2(config: Mapping[str, Any], layers: Iterable[str]) -> dict[str, Any]:
    """Return the map of Lumina 2 as the host's maps are; there are fewer heads of k and v than of q."""
    head = config["dim"] // config["n_heads"]
    widths = [head * config[key] for key in ("n_heads", "n_kv_heads", "n_kv_heads")]
    result: dict[str, Any] = {}
    for path in layers:
        if match := re.fullmatch(r"(\w+\.\d+)\.attention\.qkv", path):
            for i, name in enumerate(("to_q", "to_k", "to_v")):
                result[f"{match[1]}.attn.{name}.weight"] = (f"{path}.weight", (0, sum(widths[:i]), widths[i]))
        for pattern, theirs in _LUMINA2:
            if match := re.fullmatch(pattern, path):
                result[f"{match.expand(theirs)}.weight"] = f"{path}.weight"
    return result


def _z_image_omni(config: Mapping[str, Any], _layers: Iterable[str]) -> dict[str, Any]:
    """Return the host's map of Z-Image with the layers for pictures seen by SigLIP, which are named as those for the caption."""

    def seen(name: str) -> str:
        return name.replace("context_refiner.", "siglip_refiner.")

    names: dict[str, Any] = dict(comfy.utils.z_image_to_diffusers(config))
    for theirs, target in tuple(names.items()):
        if seen(theirs) != theirs:
            names[seen(theirs)] = seen(target) if isinstance(target, str) else (seen(target[0]), *target[1:])
    return names | {"siglip_embedder.1.weight": "siglip_embedder.1.weight"}


OWN_MAPS = {"lumina2_to_diffusers": _lumina2, "z_image_omni_to_diffusers": _z_image_omni}
"""Maps that the host lacks, by their names in `Family.diffusers_map`."""


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
