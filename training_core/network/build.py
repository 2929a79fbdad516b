"""Attach a LyCORIS network to a diffusion model and its text encoders, and take it off again without a trace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import AthanorError, quoted
from ..packed import has_own_arithmetic, is_packed
from ..randomness import torch_seed
from ..settings import BlockSettings, NetworkSettings
from . import blocks, lycoris, presets
from .adapter import kind_of, layer_of
from .lean import lean_forward
from .parts import Network, Part, is_conv3


def create(parts: Sequence[Part], settings: NetworkSettings, seed: int) -> Network:
    """Make a network for these modules, not attached yet; float32, its start values drawn on the CPU from `seed`.

    LoRA, LoHa and LoKr run in LyCORIS' bypass form, base(x) + delta(x): less arithmetic than its default, and nothing
    of the base's weight is needed. The others need it, in float32 (`lycoris.in_float32`).

    Raises:
        AthanorError: the preset or the patterns match no layer of a module, or the rank does not fit it.
    """
    with torch.random.fork_rng(devices=[]):
        made = []
        for part in parts:
            torch.manual_seed(torch_seed(seed, "init", *([part.prefix] if part.text else [])))
            made.append((part, _create(part, settings)))
    return Network(made)


def _create(part: Part, settings: NetworkSettings) -> Any:
    if settings.algo == "full" and any(map(is_packed, part.module.parameters())):
        raise AthanorError(
            "algo full needs a model in fp32, fp16 or bf16, this one's weights are packed as in a GGUF file: load it from a "
            ".safetensors file, or choose lora or lokr."
        )
    try:
        preset = presets.attributes(settings, part.text, part.module, part.names())
        network = lycoris.create(part.module, part.prefix, settings, preset)
        if settings.algo != "full":  # a product of two small matrices has the shape of no convolution by channels
            network.loras = [adapter for adapter in network.loras if getattr(layer_of(adapter), "groups", 1) == 1]
        if not network.loras:
            raise _nothing(part, settings)
        if settings.algo == "full":
            _refuse_short_formats(network.loras)
        if not part.text:
            network.loras = _matching(network.loras, part, settings)
        network.loras = _with_block_settings(network.loras, part, settings)
        for adapter in network.loras:
            lycoris.start_dora(adapter)
    except ValueError as error:
        raise _boft_rank(settings, error) from None
    return network


def _refuse_short_formats(adapters: list[Any]) -> None:
    """Raise AthanorError if a layer is stored in 8 bits or less: the algorithm full trains the weight itself."""
    for adapter in adapters:
        weight = layer_of(adapter).weight
        if weight.dtype.itemsize < 2 or has_own_arithmetic(weight):
            raise AthanorError(
                "algo full needs a model in fp32, fp16 or bf16, this one is stored in 8 bits or less: load the model with another "
                "weight_dtype, or choose lora or lokr."
            )


def _nothing(part: Part, settings: NetworkSettings) -> AthanorError:
    if settings.preset_toml.strip():
        return AthanorError(f"preset_toml: it matches no layer of this {'text encoder' if part.text else 'model'}.")
    if part.text:
        return AthanorError(f"preset {settings.preset}: it leaves text encoders out; choose attn-mlp, or train unet.")
    more = ", or set conv_rank to train convolutions" if not settings.conv_rank else ""
    return AthanorError(f"preset {settings.preset}: it matches no layer of this model; choose attn-mlp{more}.")


def _matching(adapters: list[Any], part: Part, settings: NetworkSettings) -> list[Any]:
    """Return the adapters that `include` and `exclude` leave.

    Raises:
        AthanorError: a pattern matches none of them, or none is left.
    """
    names = {id(child): name for name, child in part.module.named_modules()}
    layers = [(adapter, names[id(layer_of(adapter))]) for adapter in adapters]
    include, exclude = settings.patterns("include"), settings.patterns("exclude")
    for setting, patterns in (("include", include), ("exclude", exclude)):
        for pattern in patterns:
            if not any(pattern.search(name) for _, name in layers):
                near = ", ".join(sorted({name for _, name in layers})[:3])
                raise AthanorError(
                    f"{setting}: {quoted(pattern.pattern)} matches no layer of the preset; layers are {near} ..."
                )
    left = [
        adapter
        for adapter, name in layers
        if (not include or any(p.search(name) for p in include)) and not any(p.search(name) for p in exclude)
    ]
    if not left:
        raise AthanorError("include, exclude: together they leave no layer to train; remove one pattern.")
    return left


def _with_block_settings(adapters: list[Any], part: Part, settings: NetworkSettings) -> list[Any]:
    """Return the adapters with the ranks that Block Config gives them, those without a share left out.

    Raises:
        AthanorError: Block Config leaves none.
    """
    if settings.blocks == BlockSettings() or part.text:
        return adapters
    names = {id(child): part.file_name(name) for name, child in part.module.named_modules()}
    left = []
    for adapter in adapters:
        layer, norm = layer_of(adapter), kind_of(adapter) == "norm"
        share = blocks.share(settings, names[id(layer)], is_conv3(layer), 1.0)
        if not share.lr_weight or not (share.rank or norm):
            continue
        if not norm and (share.rank, share.alpha) != _rank_and_alpha(settings, layer):
            adapter = lycoris.resized(adapter, settings, share.rank, share.alpha)
        left.append(adapter)
    if not left:
        raise AthanorError("Block Config: it leaves no layer to train; give a block a rank and a weight above 0.")
    return left


def _rank_and_alpha(settings: NetworkSettings, module: torch.nn.Module) -> tuple[int, float]:
    if is_conv3(module):
        return settings.conv_rank, settings.conv_alpha
    return settings.rank, settings.alpha


def _boft_rank(settings: NetworkSettings, error: ValueError) -> AthanorError | ValueError:
    """Return an error with the rank that BOFT needs: it cuts a layer into even blocks near the rank, whose odd part must fit."""
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
    """Inside, the network is applied to its modules on `device` and in train mode; they are unchanged afterwards.

    Args:
        dtype: of its parameters. What it keeps beside them (alpha) stays float32.
    """
    network = create(parts, settings, seed)
    originals = [layer_of(adapter) for adapter in network.loras]
    own = [original.__dict__.get("forward") for original in originals]
    parameters = [dict(original._parameters) for original in originals]
    for adapter in network.loras:
        lycoris.in_float32(adapter)
        if forward := lean_forward(adapter):
            adapter.forward = forward
        lycoris.draw_ranks_from_torch(adapter)
    applied = False
    try:
        network.apply_to()
        applied = True
        for original, values in zip(originals, parameters, strict=True):
            for name in values.keys() - original._parameters.keys():
                # The algorithm full has taken it; the host looks for it when it loads the model again.
                original._parameters[name] = None
        network.to(device=device, dtype=torch.float32).requires_grad_(True)
        for parameter in network.parameters():
            parameter.data = parameter.data.to(dtype)
        network.train()
        yield network
    finally:
        if applied:
            network.restore()
        for original, forward, values in zip(originals, own, parameters, strict=True):
            if forward is None:  # LyCORIS leaves an instance attribute behind
                original.__dict__.pop("forward", None)
            for name in () if applied else ("_lycoris_wrappers", "_lycoris_original_forward"):
                original.__dict__.pop(name, None)  # no room half-way: it cannot take back what it has not put on
            original._parameters.clear()  # the algorithm full takes weights off and puts copies back
            original._parameters.update(values)
