"""Layers that the host keeps quantised (comfy_quant): known as linear layers while a network is put on them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from comfy.quant_ops import QuantizedTensor


def dequantized(weight: torch.Tensor) -> torch.Tensor:
    """Return a weight as numbers to compute with, in the format it had before it was quantised."""
    return weight.dequantize() if isinstance(weight, QuantizedTensor) else weight


@cache
def _linear(kind: type) -> type:
    return type(kind.__name__, (kind, torch.nn.Linear), {})


@contextmanager
def as_linear(model: torch.nn.Module) -> Iterator[None]:
    """Inside, ComfyUI's quantised linear layers are of torch's class Linear, too, by which LyCORIS finds them."""
    layers = [
        (module, type(module))
        for module in model.modules()
        if isinstance(getattr(module, "weight", None), QuantizedTensor)
        and type(module).__name__ == "Linear"
        and not isinstance(module, torch.nn.Linear)
    ]
    # Beside them the same class holds layers that are not quantised.
    kinds = {kind for _, kind in layers}
    layers = [(module, type(module)) for module in model.modules() if type(module) in kinds]
    try:
        for module, kind in layers:
            module.__class__ = _linear(kind)
        yield
    finally:
        for module, kind in layers:
            module.__class__ = kind


def is_8bit(model: torch.nn.Module) -> bool:
    """Return whether any of a model's weights are stored in 8 bits or less: plainly, quantised or packed (GGUF)."""
    return any(isinstance(p, QuantizedTensor) or p.nbytes < 2 * math.prod(p.shape) for p in model.parameters())
