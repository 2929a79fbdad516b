"""A frozen linear layer and its LoRA as one operation.

Apart, autograd makes a gradient of the input for each of the two and adds them: one more operation, and one more activation
read and written, than if the second is added while it is multiplied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

Fetch = Callable[[torch.dtype, torch.device], tuple[torch.Tensor, torch.Tensor | None]]
"""(number format, device) -> a layer's weight (out, in) and bias (out) or None."""
WeightsFor = Callable[[torch.Tensor], Fetch | None]
"""input -> how to get the weights whose plain product with it the layer is; None: only the layer itself knows its output."""


class _Both(torch.autograd.Function):
    """The weights are fetched again in the backward pass, so that a cast of them is never kept."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, down: torch.Tensor, up: torch.Tensor, fetch: Fetch) -> torch.Tensor:
        weight, bias = fetch(x.dtype, x.device)
        thin = x.mm(down.t())
        ctx.save_for_backward(x, down if ctx.needs_input_grad[0] else None, up, thin)
        ctx.fetch = fetch
        return F.linear(x, weight, bias).addmm_(thin, up.t())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, down, up, thin = ctx.saved_tensors
        inner = gradient.mm(up)
        to_x = None
        if ctx.needs_input_grad[0]:
            weight, _ = ctx.fetch(gradient.dtype, gradient.device)
            to_x = gradient.mm(weight).addmm_(inner, down)
        return to_x, inner.t().mm(x), gradient.t().mm(thin), None


def linear(x: torch.Tensor, fetch: Fetch, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Return x W' + b + (x down') up', all in the number format of `x`; W and b get no gradient.

    Args:
        x: (N, in).
        down: (r, in); `up`: (out, r), their product scaled already.

    Returns:
        (N, out).
    """
    return _Both.apply(x, down, up, fetch)
