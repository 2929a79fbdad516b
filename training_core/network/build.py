"""Attach a LyCORIS network to a diffusion model and its text encoders, and take it off again without a trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import AthanorError
from ..packed import is_packed
from ..randomness import torch_seed
from ..settings import BlockSettings, NetworkSettings
from . import blocks, presets
from .exact import begin_dora, exact
from .lean import lean_forward
from .parts import Network, Part, is_conv3

BYPASS = ("lora", "locon", "loha", "lokr")
"""Algorithms that add to a layer's output, and need nothing of its weight."""


@contextmanager
def _preset(values: Mapping[str, Any]) -> Iterator[None]:
    """LyCORIS keeps its preset in class attributes, shared by the whole process: set and restore them."""
    from lycoris.wrapper import LycorisNetwork  # heavy: not before it is needed

    before = {name: getattr(LycorisNetwork, name) for name in values}
    logger = logging.getLogger("LyCORIS")
    level = logger.level
    try:
        for name, value in values.items():
            setattr(LycorisNetwork, name, value)
        logger.setLevel(logging.ERROR)
        yield
    finally:
        for name, value in before.items():
            setattr(LycorisNetwork, name, value)
        logger.setLevel(level)


def create(parts: Sequence[Part], settings: NetworkSettings, seed: int) -> Network:
    """A network for these modules, not attached yet; float32, its start values drawn on the CPU from `seed`.

    LoRA, LoHa and LoKr run in LyCORIS' bypass form, base(x) + delta(x): less arithmetic than its default, and nothing
    of the base's weight is needed. The others need it, in float32 (see `exact`).

    Raises:
        AthanorError: the preset or the patterns match no layer of a module, or the rank does not fit it.
    """
    with torch.random.fork_rng(devices=[]):
        made = []
        for part in parts:
            torch.manual_seed(torch_seed(seed, "init", *([part.prefix] if part.text else [])))
            made.append((part, _create(part, settings)))
    return Network(made)


def _create(part: Part, settings: NetworkSettings) -> torch.nn.Module:
    from lycoris.wrapper import LycorisNetwork

    if settings.algo == "full" and any(map(is_packed, part.module.parameters())):
        raise AthanorError(
            "algo full needs a model in fp32, fp16 or bf16, this one's weights are packed as in a GGUF file: load it from a "
            ".safetensors file, or choose lora or lokr."
        )
    options = {
        "train_norm": settings.train_norm and not part.text,  # no LoRA format has names for a text encoder's norms
        "weight_decompose": settings.dora,
        "wd_on_out": settings.wd_on_output,
        "rs_lora": settings.rs_lora,
        "decompose_both": settings.decompose_both,
        "full_matrix": settings.full_matrix,
        "factor": settings.factor,
        "block_size": settings.block_size,
        "constraint": settings.constraint,
        "bypass_mode": settings.algo in BYPASS and not settings.dora,
    }
    with _preset({**presets.attributes(settings, part.text, part.module, part.names()), "LORA_PREFIX": part.prefix}):
        try:
            network = LycorisNetwork(
                part.module,
                lora_dim=settings.rank,
                alpha=settings.alpha,
                conv_lora_dim=settings.conv_rank,
                conv_alpha=settings.conv_alpha,
                dropout=settings.dropout if settings.algo in ("lora", "locon") else 0.0,
                rank_dropout=settings.rank_dropout,
                module_dropout=settings.module_dropout,
                network_module=settings.algo,
                use_tucker=settings.use_tucker,
                warn_on_unmatched=False,
                **options,
            )
            # DiT norms often have no weights of their own: there is nothing to train in them.
            network.loras = [
                lora for lora in network.loras if not lora.not_supported and lora.org_module[0].weight is not None
            ]
            if not network.loras:
                raise _nothing(part, settings)
            if settings.algo == "full":
                _in_floats(network.loras)
            if not part.text:
                network.loras = _picked(network.loras, part, settings)
            network.loras = _shared(network.loras, part, settings, options)
            for lora in network.loras:
                begin_dora(lora)
        except ValueError as error:
            raise _boft_rank(settings, error) from None
    return network


def _in_floats(loras: list[Any]) -> None:
    """The algorithm full takes a layer's weight into itself."""
    for lora in loras:
        weight = lora.org_module[0].weight
        if weight.dtype.itemsize < 2 or type(weight).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
            raise AthanorError(
                "algo full needs a model in fp32, fp16 or bf16, this one is stored in 8 bits or less: load the model with another "
                "weight_dtype, or choose lora or lokr."
            )


def _nothing(part: Part, settings: NetworkSettings) -> AthanorError:
    if settings.preset_toml.strip():
        return AthanorError(f"preset_toml: it names no layer of this {'text encoder' if part.text else 'model'}.")
    if part.text:
        return AthanorError(f"preset {settings.preset}: it leaves text encoders out; choose attn-mlp, or train unet.")
    more = ", or set conv_rank to train convolutions" if not settings.conv_rank else ""
    return AthanorError(f"preset {settings.preset}: it matches no layer of this model; choose attn-mlp{more}.")


def _picked(loras: list[Any], part: Part, settings: NetworkSettings) -> list[Any]:
    """Those that `include` and `exclude` leave."""
    names = {id(child): name for name, child in part.module.named_modules()}
    spelled = {id(lora): names[id(lora.org_module[0])] for lora in loras}
    include, exclude = settings.patterns("include"), settings.patterns("exclude")
    for name, patterns in (("include", include), ("exclude", exclude)):
        for pattern in patterns:
            if not any(map(pattern.search, spelled.values())):
                near = ", ".join(sorted(set(spelled.values()))[:3])
                raise AthanorError(f"{name}: '{pattern.pattern}' matches no layer of the preset; layers are {near} ...")
    kept = [
        lora
        for lora in loras
        if (not include or any(p.search(spelled[id(lora)]) for p in include))
        and not any(p.search(spelled[id(lora)]) for p in exclude)
    ]
    if not kept:
        raise AthanorError("include, exclude: together they leave no layer to train; take one pattern out.")
    return kept


def _shared(loras: list[Any], part: Part, settings: NetworkSettings, options: Mapping[str, Any]) -> list[Any]:
    """The layers with the ranks that Block Config gives them, those without a share left out."""
    if settings.blocks == BlockSettings() or part.text:
        return loras
    from lycoris.wrapper import network_module_dict

    names = {id(child): part.file_name(name) for name, child in part.module.named_modules()}
    kept = []
    for lora in loras:
        module = lora.org_module[0]
        share = blocks.share(settings, names[id(module)], is_conv3(module), 1.0)
        if not share.lr_weight or not (share.rank or type(lora).__name__ == "NormModule"):
            continue
        if type(lora).__name__ != "NormModule" and (share.rank, share.alpha) != _usual(settings, module):
            lora = network_module_dict[settings.algo](
                lora.lora_name,
                module,
                1.0,
                share.rank,
                share.alpha,
                settings.dropout if settings.algo in ("lora", "locon") else 0.0,
                settings.rank_dropout,
                settings.module_dropout,
                settings.use_tucker,
                **options,
            )
        kept.append(lora)
    if not kept:
        raise AthanorError("Block Config: it leaves no layer to train; give a block a rank and a weight above 0.")
    return kept


def _usual(settings: NetworkSettings, module: torch.nn.Module) -> tuple[int, float]:
    if is_conv3(module):
        return settings.conv_rank, settings.conv_alpha
    return settings.rank, settings.alpha


def _boft_rank(settings: NetworkSettings, error: ValueError) -> AthanorError | ValueError:
    """BOFT cuts a layer into blocks of an even size near the rank; the odd part of its width must fit in."""
    match = re.search(r"impossible to decompose (\d+)", str(error))
    if settings.algo != "boft" or not match:
        return error
    width = odd = int(match[1])
    while odd % 2 == 0:
        odd //= 2
    return AthanorError(f"rank is {settings.rank}: boft needs at least {2 * odd} for this model's layers of {width}.")


@contextmanager
def attached(
    parts: Sequence[Part],
    settings: NetworkSettings,
    seed: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Network]:
    """The network, applied to its modules on `device` and in train mode; they are as before afterwards.

    Args:
        dtype: of its parameters. What it keeps beside them (alpha) stays float32.
    """
    network = create(parts, settings, seed)
    originals = [lora.org_module[0] for lora in network.loras]
    own = [original.__dict__.get("forward") for original in originals]
    parameters = [dict(original._parameters) for original in originals]
    for lora in network.loras:
        exact(lora)
        if forward := lean_forward(lora):
            lora.forward = forward
        if type(lora).__name__ == "DyLoraModule":
            lora.get_random_rank_weight = _keyed_rank(lora)
    network.apply_to()
    for original, values in zip(originals, parameters, strict=True):
        for name in values.keys() - original._parameters.keys():
            original._parameters[name] = None  # full has taken it; the host looks for it when it loads the model again
    try:
        network.to(device=device, dtype=torch.float32).requires_grad_(True)
        for parameter in network.parameters():
            parameter.data = parameter.data.to(dtype)
        network.train()
        yield network
    finally:
        network.restore()
        for original, forward, values in zip(originals, own, parameters, strict=True):
            if forward is None:  # LyCORIS leaves an instance attribute behind
                original.__dict__.pop("forward", None)
            original._parameters.clear()  # the algorithm full takes weights off and puts copies back
            original._parameters.update(values)


def _keyed_rank(lora: Any) -> Callable[[], Any]:
    """DyLoRA's random rank from torch's generator, which a step seeds, and all of it outside of training."""

    def draw() -> Any:
        last = lora.block_count - 1
        block = int(torch.randint(0, last + 1, ())) if lora.training else last
        return lora.get_weight(block * lora.block_size)

    return draw
