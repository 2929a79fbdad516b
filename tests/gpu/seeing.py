"""A CLIP_VISION of random weights, as its loader makes it; also in a ComfyUI of its own, so it imports nothing of the check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def model(config: Mapping[str, Any]) -> Any:
    """The host's class with weights from a state, as with a file: with dynamic VRAM its layers have none before."""
    import comfy.clip_vision

    made = comfy.clip_vision.ClipVisionModel(dict(config))
    shapes = type(made.model)(dict(config), torch.float16, "meta", torch.nn).state_dict()
    draw, state = torch.Generator().manual_seed(0), {}
    for key, value in shapes.items():
        if value.is_floating_point():
            spread = value[0].numel() ** -0.5 if value.ndim > 1 else 0.1
            state[key] = (torch.randn(value.shape, generator=draw) * spread).half()
            state[key] += value.ndim == 1 and key.endswith("weight")
        else:
            state[key] = torch.arange(value.numel()).reshape(value.shape)  # of positions
    made.load_sd(state)
    return made
