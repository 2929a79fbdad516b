"""The widgets of nodes that a training's graph has, by which a workflow of the page is read without a host (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...page_form import Inputs
from ...settings import BlockSettings, DatasetSettings, SettingInfo, Settings, TrainingSettings, info
from ...shared_graph import TRAIN_LORA
from ..from_prompt import LOADER, PORTS
from ..recipe import GROUPS

_KINDS = {"int": "INT", "float": "FLOAT", "bool": "BOOLEAN", "str": "STRING"}
_OF_SETTINGS: Mapping[str, type[Settings]] = {
    TRAIN_LORA: TrainingSettings,
    LOADER: DatasetSettings,
    "AthanorBlockConfig": BlockSettings,
    **{kind: GROUPS["sampling" if port == "samples" else port] for port, kind in PORTS.items()},
}
_CHOICE, _NUMBER, _SWITCH, _TEXT = "COMBO", "FLOAT", "BOOLEAN", "STRING"
_OF_THE_HOST: Mapping[str, Mapping[str, str]] = {
    "CheckpointLoaderSimple": {"ckpt_name": _CHOICE},
    "UNETLoader": {"unet_name": _CHOICE, "weight_dtype": _CHOICE},
    "VAELoader": {"vae_name": _CHOICE},
    "CLIPLoader": {"clip_name": _CHOICE, "type": _CHOICE, "device": _CHOICE},
    "DualCLIPLoader": {"clip_name1": _CHOICE, "clip_name2": _CHOICE, "type": _CHOICE, "device": _CHOICE},
    "TripleCLIPLoader": {f"clip_name{number}": _CHOICE for number in (1, 2, 3)},
    "QuadrupleCLIPLoader": {f"clip_name{number}": _CHOICE for number in (1, 2, 3, 4)},
    "CLIPSetLastLayer": {"stop_at_clip_layer": "INT"},
    "ModelSamplingDiscrete": {"sampling": _CHOICE, "zsnr": _SWITCH},
    "LoraLoader": {"lora_name": _CHOICE, "strength_model": _NUMBER, "strength_clip": _NUMBER},
    "LoraLoaderModelOnly": {"lora_name": _CHOICE, "strength_model": _NUMBER},
    "PrimitiveInt": {"value": "INT"},
    "PrimitiveFloat": {"value": _NUMBER},
    "PrimitiveBoolean": {"value": _SWITCH},
    "PrimitiveString": {"value": _TEXT},
    "PrimitiveStringMultiline": {"value": _TEXT},
}
"""ComfyUI's nodes that a recipe is read from -> their widgets in order."""


def inputs_of(kind: str) -> Inputs | None:
    """Return the widgets of a type of node in their order; None if a recipe reads nothing from such a node."""
    if kind in _OF_SETTINGS:
        return {each.name: _widget(each) for each in info(_OF_SETTINGS[kind])}
    own = _OF_THE_HOST.get(kind)
    more = {"control_after_generate": kind == "PrimitiveInt"}
    return None if own is None else {name: (type_, more) for name, type_ in own.items()}


def _widget(setting: SettingInfo) -> tuple[Any, Mapping[str, Any]]:
    """Return a setting's type as the host names it, and what the page keeps beside its value."""
    type_ = list(setting.choices) if setting.kind == "choice" else _KINDS[setting.kind]
    return type_, {"control_after_generate": setting.fixed_seed}
