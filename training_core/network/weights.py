"""Continue from a LoRA file: ours, kohya's, LyCORIS', ComfyUI's own or PEFT's names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from .. import lora_keys
from ..errors import AthanorError, shortened
from ..files import UnreadableFile, read_safetensors
from ..settings import NetworkSettings
from . import damage, diffusers_names
from .adapter import both_factors_whole, dora_axis, dora_scale_of, kind_of, pair_of, rank_of, scale_of
from .parts import PREFIX, Network
from .portable import dora_ratio

CANNOT = ("full", "ia3", "dylora", "finetune")
"""Algorithms whose files are not what is trained."""


def load(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Read tensors and metadata of a LoRA file.

    Raises:
        AthanorError: it is no safetensors file.
    """
    try:
        return read_safetensors(path)
    except UnreadableFile as error:
        raise AthanorError(
            f"network_weights: {path.name} cannot be read as safetensors ({error}); choose another file."
        ) from None


def left_out(tensors: Mapping[str, torch.Tensor], settings: NetworkSettings) -> list[str]:
    """Return a sentence for each kind of tensor in a file that a network of these settings is continued without."""
    embeddings = sorted({name for key in tensors if (name := lora_keys.embedding(key))})
    names = ", ".join(embeddings[:3]) + (" and more" if len(embeddings) > 3 else "")
    dora = any(found[1] == lora_keys.MAGNITUDE for key in tensors if (found := lora_keys.split(key)))
    notes = {
        "network_weights: the file's text encoder is left out, since train is unet.": not settings.text
        and any(map(is_text, tensors)),
        f"network_weights: the embeddings bundled with the file are left out ({shortened(names, 120)}).": embeddings,
        "network_weights: the file's DoRA magnitudes are left out, as ComfyUI's loader leaves them out, since dora is off.": dora
        and not settings.dora,
    }
    return [note for note, said in notes.items() if said]


def is_text(key: str) -> bool:
    """Return whether a key of a LoRA file belongs to a text encoder."""
    found = lora_keys.split(key)
    return lora_keys.place(found[0] if found else key).part != "unet"


def load_into(
    network: Network,
    settings: NetworkSettings,
    tensors: Mapping[str, torch.Tensor],
    metadata: Mapping[str, str],
    names: Mapping[str, str],
    diffusers: diffusers_names.Names | None = None,
) -> None:
    """Give a network the values of a LoRA file; every layer must be in both, in the same shape.

    A file of another alpha is brought to this one's scale. What `left_out` names is left alone. A file in diffusers' names,
    with modules apart that are one layer here, needs a network of the sum of their ranks.

    Args:
        names: network module -> name in the file, where they differ.
        diffusers: name in the file -> what diffusers calls it (host/diffusers.py).

    Raises:
        AthanorError: lists what does not match, or what is broken; nothing has been changed then.
    """
    if settings.algo in CANNOT:
        raise AthanorError(
            f"network_weights: a network of algo {settings.algo} cannot be continued; choose another algo."
        )
    back = {theirs: ours for ours, theirs in names.items()}
    loras = {lora.lora_name: lora for lora in network.loras}
    raw, paths, unknown = _by_module(
        tensors, {part.prefix for part in network.parts.values() if part.text}, settings.dora
    )
    broken = damage.in_words((paths[module], damage.damage(pieces)) for module, pieces in raw.items())
    if broken:
        raise AthanorError(f"network_weights: {broken[0]}: the file cannot be continued; use an earlier one.")
    joined, together, wrong = diffusers_names.join(raw, paths, diffusers or {}, metadata)
    _refuse(wrong + [f"{shortened(key)} is of no known form" for key in unknown])
    given = {back.get(module, module): parts for module, parts in joined.items()}
    if together:
        _fill_up(given, loras)
    wrong = [f"{name} is not trained in this run" for name in given if name not in loras]
    wrong += [f"{name} is not in the file" for name in loras if name not in given]
    trained = {name: _as_dora_scale(given[name], loras[name]) for name in given.keys() & loras.keys()}
    for name in trained:
        own = {key: value for key, value in loras[name].state_dict().items() if key != "alpha"}
        theirs = {key: value for key, value in given[name].items() if key != "alpha"}
        wrong += [f"{name}.{key} is missing in the file or in this run" for key in own.keys() ^ theirs.keys()]
        wrong += [
            f"{name}.{key} is {list(theirs[key].shape)} in the file, {list(own[key].shape)} in this run"
            for key in own.keys() & theirs.keys()
            if own[key].shape != theirs[key].shape
        ]
    _refuse(wrong)
    rescaled = "athanor_run_id" in metadata  # our files hold the norms that ComfyUI's loader needs
    parameters = [parameter for lora in loras.values() for parameter in lora.parameters()]
    with torch.no_grad():
        before = [parameter.clone() for parameter in parameters]
        for name, lora in loras.items():
            _give(lora, given[name], rescaled and not trained[name])
        if not all(parameter.isfinite().all() for parameter in parameters):
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(value)
            raise AthanorError(
                "network_weights: the file's numbers are so large that with its alpha they become infinite; use an earlier one."
            )


def _by_module(
    tensors: Mapping[str, torch.Tensor], text_prefixes: Collection[str], dora: bool
) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, str], list[str]]:
    """Return module in our spelling -> piece -> tensor; the same modules -> layer as the file calls it; keys of no known form.

    Args:
        text_prefixes: of the text encoders that are trained (lora_te, lora_te1 ...); without any, theirs are left out.
        dora: whether the network is one: else magnitudes are left out.
    """
    raw: dict[str, dict[str, torch.Tensor]] = {}
    layers: dict[str, str] = {}
    unknown = []
    for key, value in tensors.items():
        found = lora_keys.split(key)
        if (
            lora_keys.embedding(key)
            or (not text_prefixes and is_text(key))
            or (found and found[1] == lora_keys.MAGNITUDE and not dora)
        ):
            continue
        if found is None:
            unknown.append(key)
            continue
        layer, piece = found
        module = module_of(layer, text_prefixes)
        raw.setdefault(module, {})[piece] = value
        layers[module] = layer.removeprefix("base_model.model.")
    raw = {module: pieces for module, pieces in raw.items() if pieces.keys() != {"alpha"}}  # alone it changes nothing
    return raw, layers, unknown


def module_of(layer: str, text_prefixes: Collection[str]) -> str:
    """Return our name of a layer by its name in any trainer's spelling.

    Args:
        text_prefixes: of the text encoders that are trained: CLIP-L is lora_te or lora_te1 among them.
    """
    part, path, prefixed = lora_keys.place(layer)
    if part == "unet":
        return f"{PREFIX}_{path.replace('.', '_')}" if prefixed or "." in path else path
    prefix = "lora_te" if part == "te1" and "lora_te" in text_prefixes else f"lora_{part}"
    if part == "te3":
        prefix = max(text_prefixes, default=prefix)  # T5 is the last one, whatever comes before it
    return f"{prefix}_{path.replace('.', '_')}"


def _as_dora_scale(pieces: dict[str, torch.Tensor], lora: Any) -> bool:
    """Bring PEFT's magnitudes, if there are any, into the name and shape of a DoRA layer; return whether there were."""
    magnitude = pieces.pop(lora_keys.MAGNITUDE, None)
    if magnitude is None:
        return False
    own = lora.state_dict().get("dora_scale")
    fits = own is not None and dora_axis(lora) == "rows" and own.numel() == magnitude.numel()
    pieces["dora_scale"] = magnitude.reshape(own.shape) if own is not None and fits else magnitude
    return True


def _refuse(wrong: list[str]) -> None:
    if wrong:
        what = "; ".join(shortened(line, 150) for line in sorted(wrong)[:3]) + (
            f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        )
        raise AthanorError(
            f"network_weights: the file does not match this network ({what}): use its algo, rank, preset and conv_rank, as LoRA "
            "Info shows them."
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
        fits = (
            pair and parts["lora_down.weight"].shape[1:] == pair[1].shape[1:]
        )  # else the layer is refused by its shape
        if more > 0 and pair and fits:
            up = parts["lora_up.weight"]
            parts["lora_down.weight"] = torch.cat([parts["lora_down.weight"].float(), pair[1].detach()[-more:].cpu()])
            parts["lora_up.weight"] = torch.cat([up.float(), torch.zeros(len(up), more, *up.shape[2:])], 1)
            if "alpha" in parts:
                parts["alpha"] = parts["alpha"].float() * rank / ranks[name]


def _give(lora: Any, values: Mapping[str, torch.Tensor], rescaled: bool) -> None:
    parameters = dict(lora.named_parameters())
    for key, parameter in parameters.items():
        parameter.copy_(values[key].to(parameter))
    alpha = values.get("alpha")
    if kind_of(lora) in ("lora", "loha", "lokr") and (scale := scale_of(lora)):
        theirs = 1.0 if alpha is None or both_factors_whole(lora) else float(alpha.item()) / rank_of(lora)
        first = next(key for key in ("lora_up.weight", "hada_w1_a", "lokr_w1", "lokr_w1_a") if key in parameters)
        parameters[first].mul_(theirs / scale)
    if dora_axis(lora) == "rows" and rescaled:
        dora_scale_of(lora).div_(dora_ratio(lora))
