"""Attach a LyCORIS network to a diffusion model, and take it off again without a trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import AthanorError
from ..randomness import torch_seed
from ..settings import NetworkSettings
from .lean import lean_forward
from .presets import CONVOLUTIONS, PRESETS, target_names

PREFIX = "lora_unet"


@contextmanager
def _preset(settings: NetworkSettings, module: torch.nn.Module) -> Iterator[None]:
    """LyCORIS keeps its preset in class attributes, shared by the whole process: set and restore them."""
    from lycoris.wrapper import LycorisNetwork

    preset = PRESETS[settings.preset]
    targets = list(preset["target_module"])
    if settings.preset == "attn-mlp" and settings.conv_rank:
        targets += CONVOLUTIONS  # sd-scripts' networks.lora trains them as soon as conv_dim is given
    values = {
        "ENABLE_CONV": preset["enable_conv"],
        "TARGET_REPLACE_MODULE": targets,
        "TARGET_REPLACE_NAME": target_names(settings.preset, module),
        "TARGET_EXCLUDE_NAME": [],
        "MODULE_ALGO_MAP": {},
        "NAME_ALGO_MAP": {},
        "USE_FNMATCH": False,
        "LORA_PREFIX": PREFIX,
    }
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


def create(module: torch.nn.Module, settings: NetworkSettings, seed: int) -> torch.nn.Module:
    """A network for `module`, not attached yet; float32, its start values drawn on the CPU from `seed`.

    LoRA and LoKr run in LyCORIS' bypass form, base(x) + delta(x): half the arithmetic of its default and no
    rounding of a small delta against a bf16 weight. The others have no cheap bypass.

    Raises:
        AthanorError: the preset or the patterns match no layer of this model, or the rank does not fit it.
    """
    from lycoris.wrapper import LycorisNetwork

    bypass = settings.algo in ("lora", "locon", "lokr") and not settings.dora
    with _preset(settings, module), torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
        try:
            network = LycorisNetwork(
                module,
                lora_dim=settings.rank,
                alpha=settings.alpha,
                conv_lora_dim=settings.conv_rank,
                conv_alpha=settings.conv_alpha,
                dropout=settings.dropout if settings.algo in ("lora", "locon") else 0.0,
                rank_dropout=settings.rank_dropout,
                module_dropout=settings.module_dropout,
                network_module=settings.algo,
                factor=settings.factor,
                train_norm=settings.train_norm,
                weight_decompose=settings.dora,
                wd_on_out=settings.wd_on_output,
                rs_lora=settings.rs_lora,
                use_tucker=settings.use_tucker,
                decompose_both=settings.decompose_both,
                full_matrix=settings.full_matrix,
                block_size=settings.block_size,
                constraint=settings.constraint,
                bypass_mode=bypass,
                warn_on_unmatched=False,
            )
        except ValueError as error:
            raise _boft_rank(settings, error) from None
    # DiT norms often have no weights of their own: there is nothing to train in them.
    network.loras = [lora for lora in network.loras if not lora.not_supported and lora.org_module[0].weight is not None]
    if not network.loras:
        raise AthanorError(
            f"preset {settings.preset}: it matches no layer of this model; choose attn-mlp"
            + (", or set conv_rank to train convolutions." if not settings.conv_rank else ".")
        )
    network.loras = _picked(network.loras, module, settings)
    return network


def _picked(loras: list[Any], module: torch.nn.Module, settings: NetworkSettings) -> list[Any]:
    """Those that `include` and `exclude` leave."""
    names = {id(child): name for name, child in module.named_modules()}
    include, exclude = settings.patterns("include"), settings.patterns("exclude")
    for field, patterns in (("include", include), ("exclude", exclude)):
        for pattern in patterns:
            if not any(pattern.search(names[id(lora.org_module[0])]) for lora in loras):
                near = ", ".join(sorted({names[id(lora.org_module[0])] for lora in loras})[:3])
                raise AthanorError(
                    f"{field}: '{pattern.pattern}' matches no layer of the preset; layers are {near} ..."
                )
    kept = [
        lora
        for lora in loras
        if (not include or any(p.search(names[id(lora.org_module[0])]) for p in include))
        and not any(p.search(names[id(lora.org_module[0])]) for p in exclude)
    ]
    if not kept:
        raise AthanorError("include, exclude: together they leave no layer to train; take one pattern out.")
    return kept


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
    module: torch.nn.Module, settings: NetworkSettings, seed: int, device: torch.device
) -> Iterator[torch.nn.Module]:
    """The network, applied to `module` on `device` and in train mode; `module` is as before afterwards."""
    network = create(module, settings, seed)
    originals = [lora.org_module[0] for lora in network.loras]
    own = [original.__dict__.get("forward") for original in originals]
    parameters = [dict(original._parameters) for original in originals]
    for lora in network.loras:
        if forward := lean_forward(lora):
            lora.forward = forward
        if type(lora).__name__ == "DyLoraModule":
            lora.get_random_rank_weight = _keyed_rank(lora)
    network.apply_to()
    try:
        network.to(device=device, dtype=torch.float32).requires_grad_(True)
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


def parameter_groups(network: torch.nn.Module, settings: NetworkSettings) -> list[dict[str, Any]]:
    """The network's parameters for an optimizer; `lr_scale` is what a group's learning rate is multiplied by.

    LoRA+ (Hayou et al. 2024): the up weights get a higher rate.
    """
    if not settings.loraplus_lr_ratio:
        return [{"params": list(network.parameters()), "lr_scale": 1.0}]
    fast = {id(lora.lora_up.weight) for lora in network.loras if hasattr(lora, "lora_up")}
    groups = [
        {"params": [p for p in network.parameters() if id(p) not in fast], "lr_scale": 1.0},
        {"params": [p for p in network.parameters() if id(p) in fast], "lr_scale": settings.loraplus_lr_ratio},
    ]
    return [group for group in groups if group["params"]]


def summary(network: torch.nn.Module) -> str:
    """How much is trained, in words."""
    count = sum(p.numel() for p in network.parameters())
    size = f"{count / 1e6:.2f} M" if count >= 1e6 else f"{count:,}"
    return f"{len(network.loras)} layers, {size} parameters"


def table(network: torch.nn.Module, module: torch.nn.Module) -> str:
    """What is trained, block by block: layers and parameters, and the size of the file."""
    names = {id(child): name for name, child in module.named_modules()}
    rows: dict[str, list[int]] = {}
    for lora in network.loras:
        block = ".".join(names[id(lora.org_module[0])].split(".")[:2])
        row = rows.setdefault(block, [0, 0])
        row[0] += 1
        row[1] += sum(p.numel() for p in lora.parameters())
    numbers = sum(
        lora.org_module[0].weight.numel()
        if type(lora).__name__ == "IA3Module"
        else sum(p.numel() for p in lora.parameters())
        for lora in network.loras
    )
    lines = [f"{summary(network)}, a file of about {max(1, round(numbers * 2 / 1e6))} MB as fp16", ""]
    width = max(map(len, rows))
    lines += [f"{'block':<{width}}  layers  parameters"]
    lines += [f"{block:<{width}}  {layers:>6}  {count:>10,}" for block, (layers, count) in rows.items()]
    return "\n".join(lines)
