"""A LoRA forward with as few operations as possible, equal to LyCORIS' bypass form.

LyCORIS multiplies the layer-sized difference by alpha / rank and by a scalar, then adds it: three passes over
memory that cost more than the two thin matrix products. Here the factor goes into the thin down weight, and the
addition into the second product.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

Forward = Callable[[torch.Tensor], torch.Tensor]


def lean_forward(lora: Any) -> Forward | None:
    """A forward for a LyCORIS LoCon module, or None where LyCORIS' own is needed (dropouts, Tucker, DoRA)."""
    if getattr(lora, "name", "") != "locon" or not lora.bypass_mode or lora.tucker or lora.wd:
        return None
    if lora.rank_dropout or lora.module_dropout or not isinstance(lora.dropout, torch.nn.Identity):
        return None
    down, up, scale = lora.lora_down.weight, lora.lora_up.weight, lora.scale
    if lora.module_type == "linear":

        def linear(x: torch.Tensor) -> torch.Tensor:
            base = lora.org_forward(x)
            thin = F.linear(x, (lora.lora_down.weight * scale).to(x.dtype)).flatten(0, -2)
            return torch.addmm(base.flatten(0, -2), thin, lora.lora_up.weight.to(x.dtype).t()).view_as(base)

        return linear
    if lora.module_type == "conv2d" and down.ndim == up.ndim == 4:
        conv = lora.lora_down

        def conv2d(x: torch.Tensor) -> torch.Tensor:
            weight = (lora.lora_down.weight * scale).to(x.dtype)
            thin = F.conv2d(x, weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)
            return lora.org_forward(x) + F.conv2d(thin, lora.lora_up.weight.to(x.dtype))

        return conv2d
    return None
