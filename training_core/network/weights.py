"""Continue from a LoRA file: ours, kohya's, LyCORIS', ComfyUI's own or PEFT's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ..errors import AthanorError
from ..settings import NetworkSettings
from .parts import PREFIX
from .portable import dora_ratio

_PARTS = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}
_PARTS |= {"lora_A.default.weight": "lora_down.weight", "lora_B.default.weight": "lora_up.weight"}
_PARTS |= {"lora.down.weight": "lora_down.weight", "lora.up.weight": "lora_up.weight"}
_PREFIXES = re.compile(r"(?:base_model\.model\.)?(?:diffusion_model|transformer|unet)\.")
_PART = re.compile(r"(.*?)\.((?:lora_|hada_|lokr_|oft_|alpha|dora_|diff|w_norm|b_norm|[ab][12]\.).*)")

CANNOT = ("full", "ia3", "dylora", "finetune")
"""Algorithms whose files are not what is trained."""


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Tensors and metadata of a LoRA file.

    Raises:
        AthanorError: it is no safetensors file.
    """
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise AthanorError(f"network_weights: {path.name} cannot be read as safetensors ({error}).") from None


def load_into(
    network: torch.nn.Module,
    settings: NetworkSettings,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    names: Mapping[str, str],
) -> None:
    """Give a network the values of a LoRA file; every layer must be in both, in the same shape.

    A file of another alpha is brought to this one's scale. Text encoder keys are left alone.

    Args:
        names: network module -> name in the file, where they differ.

    Raises:
        AthanorError: lists what does not match; nothing has been changed then.
    """
    if settings.algo in CANNOT:
        raise AthanorError(
            f"network_weights: a network of algo {settings.algo} cannot be continued; choose another algo."
        )
    back = {theirs: ours for ours, theirs in names.items()}
    given: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if not re.match(r"lora_te|text_encoder", key):
            module, part = _split(key)
            given.setdefault(back.get(module, module), {})[part] = value
    loras = {lora.lora_name: lora for lora in network.loras}
    wrong = [f"{name} is not trained here" for name in given if name not in loras]
    wrong += [f"{name} is not in the file" for name in loras if name not in given]
    for name in given.keys() & loras.keys():
        own = {key: value for key, value in loras[name].state_dict().items() if key != "alpha"}
        theirs = {key: value for key, value in given[name].items() if key != "alpha"}
        wrong += [f"{name}.{key} is missing in one of them" for key in own.keys() ^ theirs.keys()]
        wrong += [
            f"{name}.{key} is {list(theirs[key].shape)}, here {list(own[key].shape)}"
            for key in own.keys() & theirs.keys()
            if own[key].shape != theirs[key].shape
        ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise AthanorError(
            f"network_weights: the file does not fit this network ({'; '.join(sorted(wrong)[:3])}{more}): take its algo, rank, "
            "preset and conv_rank, as LoRA Info shows them."
        )
    with torch.no_grad():
        for name, lora in loras.items():
            _give(lora, given[name], own_file="athanor_run_id" in metadata)


def _split(key: str) -> tuple[str, str]:
    """(module in our spelling, part) of a key in any trainer's spelling."""
    for theirs, ours in _PARTS.items():
        if key.endswith(f".{theirs}"):
            key = f"{key.removesuffix(theirs)}{ours}"
    if match := _PREFIXES.match(key):
        found = _PART.match(key[match.end() :])
        path, part = found.groups() if found else (key[match.end() :], "")
        return f"{PREFIX}_{path.replace('.', '_')}", part
    module, _, part = key.partition(".")
    return module.replace("lycoris_", f"{PREFIX}_", 1) if module.startswith("lycoris_") else module, part


def _give(lora: Any, values: Mapping[str, torch.Tensor], own_file: bool) -> None:
    parameters = dict(lora.named_parameters())
    for key, parameter in parameters.items():
        parameter.copy_(values[key].to(parameter))
    scale = getattr(lora, "scale", None)
    alpha = values.get("alpha")
    if scale and lora.name in ("locon", "loha", "lokr"):
        rank = lora.lora_dim
        theirs = (1.0 if alpha is None else float(alpha) / rank) if not _whole(lora) else 1.0
        first = next(key for key in ("lora_up.weight", "hada_w1_a", "lokr_w1", "lokr_w1_a") if key in parameters)
        parameters[first].mul_(theirs / scale)
    if getattr(lora, "wd", False) and lora.wd_on_out and own_file:
        lora.dora_scale.div_(dora_ratio(lora))  # our files hold the scale that ComfyUI's loader needs


def _whole(lora: Any) -> bool:
    """LoKr whose two blocks are both whole: alpha plays no part."""
    return lora.name == "lokr" and lora.use_w1 and lora.use_w2
