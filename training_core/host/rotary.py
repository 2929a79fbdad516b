"""Rotary embeddings of models that are trained, by the kernel that the host samples with.

While `in_training` the host turns queries and keys by a chain of operations, since its kernel has no backward pass. It needs
none of its own: the gradient of a rotation is the rotation back, which is the same kernel with every matrix transposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import comfy.ldm.flux.math as host
import comfy.quant_ops
import torch

_CHAIN: Any
_CHAIN_OF_TWO: Any
_CHAIN, _CHAIN_OF_TWO = getattr(host, "_apply_rope1", None), getattr(host, "_apply_rope", None)
"""The host's, of one tensor and of a query and a key; None in a host that has others, where all stays as it is."""


def _turned(freqs: torch.Tensor, tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    kernels: Any = comfy.quant_ops.ck
    return kernels.apply_rope(*tensors, freqs) if len(tensors) == 2 else (kernels.apply_rope1(*tensors, freqs),)


class _Turn(torch.autograd.Function):
    """One tensor, or a query and a key in one kernel. The frequencies alone are kept, and get no gradient."""

    @staticmethod
    def forward(ctx: Any, freqs: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.save_for_backward(freqs)
        return _turned(freqs, tensors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (freqs,) = ctx.saved_tensors
        return None, *_turned(freqs.transpose(-1, -2), gradients)


def turn(x: torch.Tensor, freqs_cis: torch.Tensor) -> torch.Tensor:
    """Turn each pair of neighbours in the last axis by its own 2x2 matrix.

    Args:
        x: (B, ., ., D), in the axes between heads and tokens in either order.
        freqs_cis: (B or 1, ., ., D / 2, 2, 2) with 1 where it is the same along an axis; more than the tokens there are in the
            third axis is cut off.

    Returns:
        As `x` in shape and dtype; computed in the dtype of `freqs_cis`. A compiler gets the host's chain, which it can join
        with what is around it, as it could not a kernel.
    """
    if torch.compiler.is_compiling():
        return _CHAIN(x, freqs_cis)
    return _Turn.apply(freqs_cis, x)[0]


def turn_both(xq: torch.Tensor, xk: torch.Tensor, freqs_cis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn a query and a key as `turn` does, in one kernel."""
    if torch.compiler.is_compiling():
        return _CHAIN_OF_TWO(xq, xk, freqs_cis)
    return _Turn.apply(freqs_cis, xq, xk)


@contextmanager
def differentiable() -> Iterator[None]:
    """Inside, ComfyUI's rotations while `in_training` go by `turn`; every family's rotation ends in those two functions."""
    if _CHAIN is None or _CHAIN_OF_TWO is None or not hasattr(comfy.quant_ops, "ck"):
        yield
        return
    before = host._apply_rope1, host._apply_rope
    host._apply_rope1, host._apply_rope = turn, turn_both
    try:
        yield
    finally:
        host._apply_rope1, host._apply_rope = before
