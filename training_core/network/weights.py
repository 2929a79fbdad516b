"""Continue from a LoRA file: ours, kohya's, LyCORIS', ComfyUI's own or PEFT's names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..errors import AthanorError
from ..files import UnreadableFile, read_safetensors
from ..settings import NetworkSettings
from . import diffusers_names
from .adapter import both_factors_whole, dora_axis, dora_scale_of, kind_of, pair_of, rank_of, scale_of
from .parts import PREFIX, Network
from .portable import dora_ratio

_PARTS = {"lora_A.weight": "lora_down.weight", "lora_B.weight": "lora_up.weight"}
_PARTS |= {"lora_A.default.weight": "lora_down.weight", "lora_B.default.weight": "lora_up.weight"}
_PARTS |= {"lora.down.weight": "lora_down.weight", "lora.up.weight": "lora_up.weight"}
_PREFIXES = re.compile(r"(?:(?:base_model\.model|diffusion_model|transformer|unet)\.)+")
_UNDERSCORES = re.compile(r"(?:lora_unet|lora_transformer|lycoris)_")
_OLD = re.compile(r"\.processor\.(to_q|to_k|to_v|to_out)_lora\.(up|down)\.weight$")
_PART = re.compile(r"(.*?)\.((?:lora_|hada_|lokr_|oft_|alpha|dora_|diff|w_norm|b_norm|[ab][12]\.).*)")

CANNOT = ("full", "ia3", "dylora", "finetune")
"""Algorithms whose files are not what is trained."""


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read tensors and metadata of a LoRA file.

    Raises:
        AthanorError: it is no safetensors file, or holds NaN or infinity.
    """
    try:
        tensors, metadata = read_safetensors(path)
    except UnreadableFile as error:
        raise AthanorError(f"network_weights: {path.name} cannot be read as safetensors ({error}).") from None
    broken = next((key for key, value in tensors.items() if not value.float().isfinite().all()), None)
    if broken:
        raise AthanorError(
            f"network_weights: {path.name} contains NaN or infinity in {broken}: it cannot be continued; use an earlier file."
        )
    return tensors, metadata


def is_text(key: str) -> bool:
    """Return whether a key of a LoRA file belongs to a text encoder."""
    return bool(re.match(r"(?:base_model\.model\.)?(?:lora_te|text_encoder)", key))


def load_into(
    network: Network,
    settings: NetworkSettings,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    names: Mapping[str, str],
    diffusers: diffusers_names.Names | None = None,
) -> None:
    """Give a network the values of a LoRA file; every layer must be in both, in the same shape.

    A file of another alpha is brought to this one's scale. Text encoder keys are left alone if none is trained. A file in diffusers' names,
    with modules apart that are one layer here, needs a network of the sum of their ranks.

    Args:
        names: network module -> name in the file, where they differ.
        diffusers: name in the file -> what diffusers calls it (host/diffusers.py).

    Raises:
        AthanorError: lists what does not match; nothing has been changed then.
    """
    if settings.algo in CANNOT:
        raise AthanorError(
            f"network_weights: a network of algo {settings.algo} cannot be continued; choose another algo."
        )
    back = {theirs: ours for ours, theirs in names.items()}
    loras = {lora.lora_name: lora for lora in network.loras}
    texts = any(part.text for part in network.parts.values())
    raw: dict[str, dict[str, torch.Tensor]] = {}
    paths: dict[str, str] = {}
    for key, value in tensors.items():
        if texts or not is_text(key):
            module, part, path = _split(key)
            raw.setdefault(module, {})[part] = value
            paths[module] = path or module
    joined, together, wrong = diffusers_names.join(raw, paths, diffusers or {}, metadata)
    _refuse(wrong)
    given = {back.get(module, module): parts for module, parts in joined.items()}
    if together:
        _fill_up(given, loras)
    wrong = [f"{name} is not trained in this run" for name in given if name not in loras]
    wrong += [f"{name} is not in the file" for name in loras if name not in given]
    for name in given.keys() & loras.keys():
        own = {key: value for key, value in loras[name].state_dict().items() if key != "alpha"}
        theirs = {key: value for key, value in given[name].items() if key != "alpha"}
        wrong += [f"{name}.{key} is missing in the file or in this run" for key in own.keys() ^ theirs.keys()]
        wrong += [
            f"{name}.{key} is {list(theirs[key].shape)} in the file, {list(own[key].shape)} in this run"
            for key in own.keys() & theirs.keys()
            if own[key].shape != theirs[key].shape
        ]
    _refuse(wrong)
    with torch.no_grad():
        for name, lora in loras.items():
            _give(lora, given[name], own_file="athanor_run_id" in metadata)


def _refuse(wrong: list[str]) -> None:
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise AthanorError(
            f"network_weights: the file does not match this network ({'; '.join(sorted(wrong)[:3])}{more}): use its algo, rank, "
            "preset and conv_rank, as LoRA Info shows them."
        )


def _fill_up(given: dict[str, dict[str, torch.Tensor]], loras: Mapping[str, Any]) -> None:
    """Give layers of a smaller rank than the network's further ranks that change nothing yet.

    Raises:
        AthanorError: the network is of another rank than the layers that were put together need.
    """
    ranks = {n: len(given[n]["lora_down.weight"]) for n in given.keys() & loras if "lora_down.weight" in given[n]}
    needed, own = max(ranks.values(), default=0), max(map(rank_of, loras.values()))
    if needed not in (0, own):
        raise AthanorError(
            f"network_weights: the file has separate layers that are one layer in this model (such as q, k and v), which needs a "
            f"network of rank {needed}: set rank to {needed} instead of {own}."
        )
    for name in ranks:
        parts, pair, rank = given[name], pair_of(loras[name]), rank_of(loras[name])
        more = rank - ranks[name]
        if more > 0 and pair:
            up = parts["lora_up.weight"]
            parts["lora_down.weight"] = torch.cat([parts["lora_down.weight"].float(), pair[1].detach()[-more:].cpu()])
            parts["lora_up.weight"] = torch.cat([up.float(), torch.zeros(len(up), more, *up.shape[2:])], 1)
            if "alpha" in parts:
                parts["alpha"] = parts["alpha"].float() * rank / ranks[name]


def _split(key: str) -> tuple[str, str, str]:
    """Return (module in our spelling, part, path with dots or '') of a key in any trainer's spelling."""
    key = _OLD.sub(lambda m: f".{m[1]}{'.0' * (m[1] == 'to_out')}.lora_{m[2]}.weight", key)
    for theirs, ours in _PARTS.items():
        if key.endswith(f".{theirs}"):
            key = f"{key.removesuffix(theirs)}{ours}"
    if _UNDERSCORES.match(key):
        module, _, part = key.partition(".")
        return _UNDERSCORES.sub(f"{PREFIX}_", module, count=1), part, ""
    prefix = _PREFIXES.match(key)
    rest = key[prefix.end() :] if prefix else key
    match = _PART.match(rest)
    path, part = match.groups() if match else (rest, "")
    if prefix or "." in path:
        return f"{PREFIX}_{path.replace('.', '_')}", part, path
    return path, part, ""


def _give(lora: Any, values: Mapping[str, torch.Tensor], own_file: bool) -> None:
    parameters = dict(lora.named_parameters())
    for key, parameter in parameters.items():
        parameter.copy_(values[key].to(parameter))
    alpha = values.get("alpha")
    if kind_of(lora) in ("lora", "loha", "lokr") and (scale := scale_of(lora)):
        theirs = 1.0 if alpha is None or both_factors_whole(lora) else float(alpha) / rank_of(lora)
        first = next(key for key in ("lora_up.weight", "hada_w1_a", "lokr_w1", "lokr_w1_a") if key in parameters)
        parameters[first].mul_(theirs / scale)
    if dora_axis(lora) == "rows" and own_file:
        dora_scale_of(lora).div_(dora_ratio(lora))  # our files hold the scale that ComfyUI's loader needs
