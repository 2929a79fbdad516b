"""The network of a recipe in words of sd-scripts and of LyCORIS (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...settings import NetworkSettings, info
from ..forms.sd_scripts_family import ANIMA, FLUX_LIKE, HUNYUAN, LUMINA, SD3
from ..recipe import Recipe
from .words import Words, plain

_MODULES = {
    SD3: "networks.lora_sd3",
    **dict.fromkeys(FLUX_LIKE, "networks.lora_flux"),
    LUMINA: "networks.lora_lumina",
    ANIMA: "networks.lora_anima",
    HUNYUAN: "networks.lora_hunyuan_image",
}
"""Family -> sd-scripts' own LoRA, where that is not networks.lora."""
_LYCORIS = "lycoris.kohya"
_ALGOS = {"lora": "locon"}
"""Algorithms whose name means another one in LyCORIS."""
_SWITCHES = (
    ("train_norm", "train_norm", False),
    ("dora", "dora_wd", False),
    ("wd_on_output", "wd_on_output", True),
    ("rs_lora", "rs_lora", False),
    ("use_tucker", "use_tucker", False),
    ("decompose_both", "decompose_both", False),
    ("full_matrix", "full_matrix", False),
)
"""(setting, argument of LyCORIS, its default here)."""
_OWN_ONLY = ("rs_lora", "dora", "use_tucker", "factor", "constraint", "preset", "train_norm")
_BLOCKS = {
    "reg_dims": "network_reg_dims",
    "reg_lrs": "network_reg_lrs",
}


def network(words: Words, recipe: Recipe) -> None:
    """Say what is trained, and by which network."""
    values = recipe.group("network").model_dump()
    lycoris = is_lycoris(values)
    words.say("network_module", _LYCORIS if lycoris else _MODULES.get(recipe.model.family, "networks.lora"))
    words.say("network_dim", values["rank"])
    words.say("network_alpha", values["alpha"])
    words.say_if("network_dropout", values["dropout"], 0.0)
    arguments = [*(_lycoris(values) if lycoris else _own(values)), *_blocks(values)]
    if arguments:
        words.say("network_args", *arguments)
    words.switch("network_train_unet_only", values["train"] == "unet")
    words.switch("network_train_text_encoder_only", values["train"] == "text encoder")
    words.say_if("scale_weight_norms", values["scale_weight_norms"], 0.0)
    words.say_if("network_weights", values["network_weights"], "")


def is_lycoris(values: Mapping[str, Any]) -> bool:
    """Return whether sd-scripts needs LyCORIS for a network; `values`: of NetworkSettings."""
    defaults = {each.name: each.default for each in info(NetworkSettings)}
    return values["algo"] != "lora" or any(values[name] != defaults[name] for name in _OWN_ONLY)


def _lycoris(values: Mapping[str, Any]) -> list[str]:
    arguments = [f"algo={_ALGOS.get(values['algo'], values['algo'])}", f"preset={values['preset']}"]
    arguments += [f"conv_dim={values['conv_rank']}", f"conv_alpha={plain(values['conv_alpha'])}"]
    numbers = {"factor": -1, "rank_dropout": 0.0, "module_dropout": 0.0, "constraint": 0.0, "loraplus_lr_ratio": 0.0}
    arguments += [f"{name}={plain(values[name])}" for name, default in numbers.items() if values[name] != default]
    if values["algo"] == "dylora":
        arguments.append(f"block_size={values['block_size']}")
    return arguments + [f"{there}={values[name]}" for name, there, default in _SWITCHES if values[name] != default]


def _own(values: Mapping[str, Any]) -> list[str]:
    arguments = []
    if values["conv_rank"]:
        arguments += [f"conv_dim={values['conv_rank']}", f"conv_alpha={plain(values['conv_alpha'])}"]
    for name in ("rank_dropout", "module_dropout", "loraplus_lr_ratio"):
        arguments += [f"{name}={plain(values[name])}"] if values[name] else []
    return arguments


def _blocks(values: Mapping[str, Any]) -> list[str]:
    found = []
    for name, value in values["blocks"].items():
        if value:
            text = plain(value) if isinstance(value, float) else ",".join(value.split("\n"))
            found.append(f"{_BLOCKS.get(name, name)}={text}")
    return found
