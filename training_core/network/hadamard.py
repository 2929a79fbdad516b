"""LoHa's product with a layer's input: base + x ((a b) * (c d))'."""

from __future__ import annotations

from typing import Any

import torch


class _Added(torch.autograd.Function):
    """Adds LoHa's product to a base; keeps the thin factors alone and makes layer-sized products again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, base: torch.Tensor, x: torch.Tensor, *factors: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, *factors)
        a, b, c, d = factors
        return torch.addmm(base, x, (a @ b).mul_(c @ d).t())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, a, b, c, d = ctx.saved_tensors
        one, two = a @ b, c @ d
        whole = gradient.t() @ x
        to_x = gradient @ (one * two) if ctx.needs_input_grad[1] else None
        to_one, to_two = whole * two, whole.mul_(one)
        return gradient, to_x, to_one @ b.t(), a.t() @ to_one, to_two @ d.t(), c.t() @ to_two


class _Product(torch.autograd.Function):
    """Makes LoHa's product alone, and keeps the same factors."""

    @staticmethod
    def forward(ctx: Any, *factors: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(*factors)
        a, b, c, d = factors
        return (a @ b).mul_(c @ d)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a, b, c, d = ctx.saved_tensors
        to_one, to_two = gradient * (c @ d), gradient * (a @ b)
        return to_one @ b.t(), a.t() @ to_one, to_two @ d.t(), c.t() @ to_two


def hadamard(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """Return (a b) * (c d), of which autograd keeps the factors alone."""
    return _Product.apply(a, b, c, d)


def add_hadamard(
    base: torch.Tensor, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor
) -> torch.Tensor:
    """Return base (N, out) + x (N, in) ((a b) * (c d))', with a and c (out, r), b and d (r, in)."""
    return _Added.apply(base, x, a, b, c, d)
