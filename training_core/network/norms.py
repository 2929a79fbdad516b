"""Keep the change of each layer from growing beyond a limit (--scale_weight_norms)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .adapter import has_core, pair_of, scale_of


def limit(up: torch.Tensor, down: torch.Tensor, scale: float, most: float) -> None:
    """Shrink a pair in place so that |up down scale| is at most `most`; both take the square root of the ratio.

    As sd-scripts: n = max(N, most / 2), ratio = min(n, most) / n. `up`: (out, r, ...), `down`: (r, in, ...). The norm is
    tr((up' up)(down down')), so that nothing as large as the layer is made, and nothing is read back from the device.
    """
    a, b = up.flatten(1), down.flatten(1)
    norm = scale * ((a.T @ a) * (b @ b.T)).sum().clamp(min=0).sqrt()
    norm = norm.clamp(min=most / 2)
    ratio = (norm.clamp(max=most) / norm).sqrt()
    up.mul_(ratio)
    down.mul_(ratio)


def limiter(network: Any, most: float) -> Callable[[], None] | None:
    """Return a function that limits all LoRA pairs of a network after a step; None if there is no limit."""
    if not most:
        return None
    pairs = [
        (*pair, float(scale_of(adapter)))
        for adapter in network.loras
        if (pair := pair_of(adapter)) and not has_core(adapter)
    ]

    def apply() -> None:
        with torch.no_grad():
            for up, down, scale in pairs:
                limit(up, down, scale, most)

    return apply
