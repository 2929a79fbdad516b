"""Which parameters learn how fast."""

from __future__ import annotations

from typing import Any

import torch

from ..settings import BlockSettings, NetworkSettings
from . import blocks
from .adapter import layer_of, pair_of
from .parts import Network, is_conv3


def parameter_groups(network: Network, settings: NetworkSettings, learning_rate: float) -> list[dict[str, Any]]:
    """Return the network's parameters for an optimizer, in groups of one learning rate.

    Each group has `params`, `part` ("unet", "te", "te1" ...) and `lr_scale`, what the learning rate is multiplied by: by
    LoRA+ (Hayou et al. 2024) for up weights, and by Block Config.
    """
    groups: dict[tuple[str, float], list[torch.nn.Parameter]] = {}
    for lora in network.loras:
        part, scale = network.parts[lora.lora_name], 1.0
        if settings.blocks != BlockSettings() and not part.text:
            conv3 = is_conv3(layer_of(lora))
            scale = blocks.share(settings, network.file_name(lora), conv3, learning_rate).lr_weight
        pair = pair_of(lora)
        up = pair[0] if pair and settings.loraplus_lr_ratio else None
        for parameter in lora.parameters():
            own = scale * settings.loraplus_lr_ratio if parameter is up else scale
            groups.setdefault((part.prefix.removeprefix("lora_"), own), []).append(parameter)
    return [{"params": params, "lr_scale": scale, "part": part} for (part, scale), params in groups.items()]
