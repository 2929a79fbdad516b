"""LyCORIS' presets in terms of ComfyUI's module classes (LyCORIS names diffusers' classes)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import torch

from .. import toml
from ..errors import AthanorError, quoted
from ..families import LYCORIS_NAMES, Layers, class_path, diffusion_classes, guess, is_one_of, text_classes
from ..settings import NetworkSettings, expressions

ENDS = ["input_blocks.0.0", r"out\.2", r"time_embed\.0", r"time_embed\.2"]
"""U-Net input and output convolutions and the time embedding: LyCORIS' conv_in, conv_out, time_embedding."""

_BLOCKS = diffusion_classes("targets")
"""Every Linear in them is trained, those of the adaLN modulation too, as sd-scripts does for SD3, Flux and Lumina."""
_RESIDUAL = diffusion_classes("convolutions")
_CONVOLUTIONS = _RESIDUAL | diffusion_classes("resampling")


@dataclass(frozen=True, slots=True)
class Targets:
    """Which layers of a module get a network: those inside of modules of some classes, and those of some names."""

    classes: frozenset[str]  # as `module.Class`
    convolutions: bool = False  # larger than 1x1
    names: tuple[str, ...] = ()  # regular expressions that match a layer's name from its beginning
    within: frozenset[str] = frozenset()  # only those that lie in one of these, if the module has any


PRESETS = {
    "full": Targets(_BLOCKS | _CONVOLUTIONS, True, tuple(ENDS)),
    "full-lin": Targets(_BLOCKS | _RESIDUAL, False, tuple(ENDS[2:])),
    "attn-mlp": Targets(_BLOCKS, True),
    "attn-only": Targets(diffusion_classes("attentions"), within=_BLOCKS),
    "unet-transformer-only": Targets(_BLOCKS),
    "unet-convblock-only": Targets(_CONVOLUTIONS, True),
}
TEXT_PRESETS = {
    "attn-only": text_classes("attentions"),
    "unet-transformer-only": frozenset[str](),
    "unet-convblock-only": frozenset[str](),
}
"""Presets that mean less than all of the text encoders: every Linear in attention and MLP, as sd-scripts and LyCORIS do it."""

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


def attributes(
    settings: NetworkSettings, text: bool, module: torch.nn.Module, names: Mapping[str, str]
) -> dict[str, Any]:
    """Return the values that LyCORIS' class attributes must have for one module, by their names.

    Args:
        text: the module is a text encoder.
        module: the diffusion model or text encoder that gets a network.
        names: the module's own layer names -> as LoRA files spell them; patterns may mean either.

    Raises:
        AthanorError: preset_toml cannot be read.
    """
    if settings.preset_toml.strip():
        return _from_toml(settings.preset_toml, text, names)
    if text:
        targets = Targets(TEXT_PRESETS.get(settings.preset, text_classes("targets")))
    else:
        unknown = guess.layers_of(module)
        targets = PRESETS[settings.preset]
        if unknown is not None:
            targets = replace(targets, classes=targets.classes | _of_unknown(module, unknown)[settings.preset])
        if any(name.startswith("label_emb") for name in names.values()):
            targets = replace(targets, names=())  # SDXL, where sd-scripts lacks the names that LyCORIS' presets know
        if settings.preset == "attn-mlp" and settings.conv_rank:
            # sd-scripts' networks.lora trains them as soon as conv_dim is given
            targets = replace(targets, classes=targets.classes | _CONVOLUTIONS)
    bare = sorted({path.rpartition(".")[2] for path in targets.classes})
    return _attributes(targets.convolutions, bare, list(targets.names), _namesakes(module, targets), {}, {})


def _of_unknown(module: torch.nn.Module, layers: Layers) -> dict[str, frozenset[str]]:
    """Return the classes that presets mean in a model of no known family: with full and full-lin all of it."""
    whole, blocks = frozenset([class_path(type(module))]), frozenset(layers.targets or layers.blocks)
    return {
        "full": whole,
        "full-lin": whole,
        "attn-mlp": blocks,
        "attn-only": frozenset(layers.attentions),
        "unet-transformer-only": blocks,
        "unet-convblock-only": frozenset(),
    }


def _namesakes(module: torch.nn.Module, targets: Targets) -> list[str]:
    """Return the pattern of the modules that LyCORIS must leave out, if there are any: it goes by the bare name of a class.

    What lies in a namesake of a target class, but in no target itself: Anima's text adapter, say, whose class is called
    Attention as Qwen-Image's is; or the connectors of LTX-2's text, whose attention is the blocks' own but lies outside of them.
    """
    bare = {path.rpartition(".")[2] for path in targets.classes}
    modules = dict(module.named_modules())

    def inside(name: str, roots: list[str]) -> bool:
        return any(not root or name == root or name.startswith(f"{root}.") for root in roots)

    around = [name for name, child in modules.items() if is_one_of(child, targets.within)] or [""]
    wanted = [name for name, child in modules.items() if is_one_of(child, targets.classes) and inside(name, around)]
    strange = [name for name, child in modules.items() if type(child).__name__ in bare and name not in wanted]
    if not strange:
        return []
    out = [
        re.escape(name)
        for name in modules
        if name
        and inside(name, strange)
        and not inside(name, wanted)
        and not any(re.match(pattern, name) for pattern in targets.names)
    ]
    return (
        [f"(?:{'|'.join(out)})$"] if out else []
    )  # of SDXL's 2034 names LyCORIS asked each whether it is one of 255: 1.5 s


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
        preset: dict[str, Any] = toml.loads(source)
    except toml.TOMLDecodeError as error:
        raise AthanorError(
            f"preset_toml is not valid TOML ({error}): paste the text of a LyCORIS preset file."
        ) from None
    if unknown := sorted(set(preset) - _KEYS):
        raise AthanorError(
            f"preset_toml: {quoted(unknown[0])} is not a key of a LyCORIS preset; its keys are {', '.join(sorted(_KEYS))}."
        )
    side = "text_encoder" if text else "unet"

    def exact(pattern: str) -> list[str]:
        """Return the layers that a pattern means in either spelling, as patterns for LyCORIS that match nothing else."""
        source = fnmatch.translate(pattern) if preset.get("use_fnmatch") else pattern
        try:  # what fnmatch makes of a pattern always comes to an end
            fits = re.compile(source) if preset.get("use_fnmatch") else expressions.compiled("preset_toml", source)
        except (ValueError, re.error) as error:
            raise AthanorError(str(error)) from None
        return [f"{re.escape(ours)}$" for ours, theirs in names.items() if fits.match(ours) or fits.match(theirs)]

    try:
        return _attributes(
            bool(preset.get("enable_conv", True)),
            [str(LYCORIS_NAMES.get(name, name)) for name in preset.get(f"{side}_target_module", [])],
            [name for pattern in preset.get(f"{side}_target_name", []) for name in exact(pattern)],
            [name for pattern in preset.get("exclude_name", []) for name in exact(pattern)],
            {LYCORIS_NAMES.get(name, name): _options(o) for name, o in preset.get("module_algo_map", {}).items()},
            {name: _options(o) for p, o in preset.get("name_algo_map", {}).items() for name in exact(p)},
        )
    except (TypeError, AttributeError):
        raise AthanorError("preset_toml: a value has the wrong type; see LyCORIS' example presets.") from None


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of one kind of layer; an algorithm that is not offered would give files that do not load."""
    offered = get_args(NetworkSettings.model_fields["algo"].annotation)
    if (algo := options.get("algo", "lora")) not in offered:
        raise AthanorError(f"preset_toml: algo {quoted(algo)} is not supported; use one of {', '.join(offered)}.")
    return dict(options)
