"""LyCORIS' presets in terms of ComfyUI's module classes (LyCORIS names diffusers' classes)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any, get_args

from .. import toml
from ..errors import AthanorError
from ..settings import NetworkSettings

TRANSFORMERS = [
    "SpatialTransformer",  # SD1, SD2, SDXL
    "JointBlock",  # SD3
    "DoubleStreamBlock",  # Flux, Chroma
    "SingleStreamBlock",
    "JointTransformerBlock",  # Lumina 2, Z-Image
    "QwenImageTransformerBlock",  # Qwen-Image
    "WanAttentionBlock",  # Wan
    "MMDiTBlock",  # AuraFlow
    "DiTBlock",
    "HiDreamImageBlock",  # HiDream-I1
]
"""Every Linear in them is trained, those of the adaLN modulation too, as sd-scripts does for SD3, Flux and Lumina."""

CONVOLUTIONS = ["ResBlock", "Downsample", "Upsample"]
ATTENTIONS = [
    "CrossAttention",  # SD1, SD2, SDXL
    "SelfAttention",  # SD3, the double blocks of Flux and Chroma (in single blocks attention and MLP are one layer)
    "JointAttention",  # Lumina 2, Z-Image
    "Attention",  # Qwen-Image
    "SingleAttention",  # AuraFlow
    "DoubleAttention",
    "WanSelfAttention",
    "WanT2VCrossAttention",
    "HiDreamAttention",
]
ENDS = ["input_blocks.0.0", r"out\.2", r"time_embed\.0", r"time_embed\.2"]
"""U-Net input and output convolutions and the time embedding: LyCORIS' conv_in, conv_out, time_embedding."""

PRESETS: dict[str, dict[str, Any]] = {
    "full": {"enable_conv": True, "target_module": TRANSFORMERS + CONVOLUTIONS, "target_name": ENDS},
    "full-lin": {"enable_conv": False, "target_module": [*TRANSFORMERS, "ResBlock"], "target_name": ENDS[2:]},
    "attn-mlp": {"enable_conv": True, "target_module": TRANSFORMERS, "target_name": []},
    "attn-only": {"enable_conv": False, "target_module": ATTENTIONS, "target_name": []},
    "unet-transformer-only": {"enable_conv": False, "target_module": TRANSFORMERS, "target_name": []},
    "unet-convblock-only": {"enable_conv": True, "target_module": CONVOLUTIONS, "target_name": []},
}

TEXT_ENCODERS = ["CLIPAttention", "CLIPMLP", "T5Attention", "T5DenseGatedActDense", "T5DenseActDense"]
"""Every Linear in them, as sd-scripts and LyCORIS do it."""

TEXT_PRESETS = {"attn-only": ["CLIPAttention", "T5Attention"], "unet-transformer-only": [], "unet-convblock-only": []}
"""Presets that mean less than all of the text encoders."""

_CLASSES = {
    "Transformer2DModel": "SpatialTransformer",
    "ResnetBlock2D": "ResBlock",
    "Downsample2D": "Downsample",
    "Upsample2D": "Upsample",
    "SingleDiTBlock": "JointBlock",
    "ZImageTransformerBlock": "JointTransformerBlock",
    "CLIPSdpaAttention": "CLIPAttention",
}
"""Classes as LyCORIS' presets name them -> ComfyUI's."""

_KEYS = {
    "enable_conv",
    "unet_target_module",
    "unet_target_name",
    "text_encoder_target_module",
    "text_encoder_target_name",
    "module_algo_map",
    "name_algo_map",
    "use_fnmatch",
    "exclude_name",
}


def attributes(settings: NetworkSettings, text: bool, names: Mapping[str, str]) -> dict[str, Any]:
    """What LyCORIS' class attributes must be for one module.

    Args:
        text: the module is a text encoder.
        names: the module's own layer names -> as LoRA files spell them; patterns may mean either.

    Raises:
        AthanorError: preset_toml cannot be read.
    """
    if settings.preset_toml.strip():
        return _from_toml(settings.preset_toml, text, names)
    if text:
        modules, targets, conv = TEXT_PRESETS.get(settings.preset, TEXT_ENCODERS), [], False
    else:
        preset = PRESETS[settings.preset]
        modules, targets, conv = list(preset["target_module"]), list(preset["target_name"]), preset["enable_conv"]
        if any(name.startswith("label_emb") for name in names):
            targets = []  # SDXL, where sd-scripts does not use the names that LyCORIS' presets know
        if settings.preset == "attn-mlp" and settings.conv_rank:
            modules += CONVOLUTIONS  # sd-scripts' networks.lora trains them as soon as conv_dim is given
    return _attributes(conv, modules, targets, [], {}, {})


def _attributes(
    conv: bool, modules: list[str], names: list[str], exclude: list[str], by_module: Any, by_name: Any
) -> dict[str, Any]:
    return {
        "ENABLE_CONV": conv,
        "TARGET_REPLACE_MODULE": modules,
        "TARGET_REPLACE_NAME": names,
        "TARGET_EXCLUDE_NAME": exclude,
        "MODULE_ALGO_MAP": by_module,
        "NAME_ALGO_MAP": by_name,
        "USE_FNMATCH": False,
    }


def _from_toml(source: str, text: bool, names: Mapping[str, str]) -> dict[str, Any]:
    try:
        preset = toml.loads(source)
    except toml.TOMLDecodeError as error:
        raise AthanorError(f"preset_toml is no TOML ({error}): paste the text of a LyCORIS preset file.") from None
    if unknown := sorted(set(preset) - _KEYS):
        raise AthanorError(
            f"preset_toml: '{unknown[0]}' is no key of a LyCORIS preset; it knows {', '.join(sorted(_KEYS))}."
        )
    side = "text_encoder" if text else "unet"
    match = fnmatch.fnmatch if preset.get("use_fnmatch") else lambda name, pattern: re.match(pattern, name)

    def exact(pattern: str) -> list[str]:
        """The layers that a pattern means in either spelling, as patterns for LyCORIS that match nothing else."""
        try:
            found = [ours for ours, theirs in names.items() if match(ours, pattern) or match(theirs, pattern)]
        except re.error as error:
            raise AthanorError(f"preset_toml: '{pattern}' is not a valid regular expression ({error}).") from None
        return [f"{re.escape(name)}$" for name in found]

    try:
        return _attributes(
            bool(preset.get("enable_conv", True)),
            [_CLASSES.get(name, name) for name in preset.get(f"{side}_target_module", [])],
            [name for pattern in preset.get(f"{side}_target_name", []) for name in exact(pattern)],
            [name for pattern in preset.get("exclude_name", []) for name in exact(pattern)],
            {_CLASSES.get(name, name): _options(o) for name, o in preset.get("module_algo_map", {}).items()},
            {name: _options(o) for p, o in preset.get("name_algo_map", {}).items() for name in exact(p)},
        )
    except (TypeError, AttributeError):
        raise AthanorError("preset_toml: a value is of the wrong kind; see LyCORIS' example presets.") from None


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of one kind of layer; algorithms that are not offered here would give files that do not load."""
    offered = get_args(NetworkSettings.model_fields["algo"].annotation)
    if (algo := options.get("algo", "lora")) not in offered:
        raise AthanorError(f"preset_toml: algo '{algo}' is not offered; use one of {', '.join(offered)}.")
    return dict(options)
