"""Attach a LyCORIS network to a diffusion model, and take it off again without a trace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import AthanorError
from ..randomness import torch_seed
from ..settings import NetworkSettings
from .lean import lean_forward
from .presets import CONVOLUTIONS, PRESETS

PREFIX = "lora_unet"


@contextmanager
def _preset(settings: NetworkSettings) -> Iterator[None]:
    """LyCORIS keeps its preset in class attributes, shared by the whole process: set and restore them."""
    from lycoris.wrapper import LycorisNetwork

    preset = PRESETS[settings.preset]
    targets = list(preset["target_module"])
    if settings.preset == "attn-mlp" and settings.conv_rank:
        targets += CONVOLUTIONS  # sd-scripts' networks.lora trains them as soon as conv_dim is given
    values = {
        "ENABLE_CONV": preset["enable_conv"],
        "TARGET_REPLACE_MODULE": targets,
        "TARGET_REPLACE_NAME": list(preset["target_name"]),
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
    rounding of a small delta against a bf16 weight. LoHa has no cheap bypass.

    Raises:
        AthanorError: the preset matches no layer of this model.
    """
    from lycoris.wrapper import LycorisNetwork

    bypass = settings.algo != "loha"
    with _preset(settings), torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "init"))
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
            bypass_mode=bypass,
            warn_on_unmatched=False,
        )
    # DiT norms often have no weights of their own: there is nothing to train in them.
    network.loras = [lora for lora in network.loras if not lora.not_supported and lora.org_module[0].weight is not None]
    if not network.loras:
        raise AthanorError(
            f"preset {settings.preset}: it matches no layer of this model; choose attn-mlp"
            + (", or set conv_rank to train convolutions." if not settings.conv_rank else ".")
        )
    return network


@contextmanager
def attached(
    module: torch.nn.Module, settings: NetworkSettings, seed: int, device: torch.device
) -> Iterator[torch.nn.Module]:
    """The network, applied to `module` on `device` and in train mode; `module` is as before afterwards."""
    network = create(module, settings, seed)
    originals = [lora.org_module[0] for lora in network.loras]
    own = [original.__dict__.get("forward") for original in originals]
    for lora in network.loras:
        if forward := lean_forward(lora):
            lora.forward = forward
    network.apply_to()
    try:
        network.to(device=device, dtype=torch.float32).requires_grad_(True)
        network.train()
        yield network
    finally:
        network.restore()
        for original, forward in zip(originals, own, strict=True):
            if forward is None:  # LyCORIS leaves an instance attribute behind
                original.__dict__.pop("forward", None)


def summary(network: torch.nn.Module) -> str:
    """How much is trained, in words."""
    count = sum(p.numel() for p in network.parameters())
    return f"{len(network.loras)} layers, {count / 1e6:.2f} M parameters"
