"""Rotary embeddings of models that are trained, by the kernels that the host samples with.

Those of comfy_kitchen have no backward pass, so while `in_training` some of the host's models turn queries and keys by a chain of
operations instead, and others fail. A kernel needs no backward pass of its own: the gradient of a rotation is the rotation back,
which is the same kernel with every matrix transposed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import comfy.ldm.flux.math as host
import comfy.quant_ops
import torch
import torch.nn.functional as F

from . import stand_ins

_CHAIN: Any
_CHAIN_OF_TWO: Any
_CHAIN, _CHAIN_OF_TWO = getattr(host, "_apply_rope1", None), getattr(host, "_apply_rope", None)
"""The host's, of one tensor and of a query and a key; None in a host that has others, where all stays as it is."""

_KITCHEN: Any = getattr(comfy.quant_ops, "ck", None)
"""The package comfy_kitchen; None in a host without it."""

_NAMES = tuple(
    f"{norm}rope{halves}{one}{in_place}"
    for norm in ("apply_", "rms_")
    for halves in ("", "_split_half")
    for one in ("", "1")
    for in_place in ("", "_")
)
KERNELS: dict[str, Callable[..., Any]] = {name: getattr(_KITCHEN, name) for name in _NAMES if hasattr(_KITCHEN, name)}
"""comfy_kitchen's own functions that turn: apply_rope1_ for one. rms_: with an RMSNorm before it; _split_half: pairs are halves of
the width apart; 1: one tensor, else a query and a key; the last _: into their own memory."""


def _turned(halves: str, freqs: torch.Tensor, tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    if len(tensors) == 2:
        return KERNELS[f"apply_rope{halves}"](*tensors, freqs)
    return (KERNELS[f"apply_rope{halves}1"](*tensors, freqs),)


class _Turn(torch.autograd.Function):
    """One tensor, or a query and a key in one kernel. The frequencies alone are kept, and get no gradient."""

    @staticmethod
    def forward(ctx: Any, halves: str, freqs: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        ctx.save_for_backward(freqs)
        ctx.halves = halves
        return _turned(halves, freqs, tensors)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (freqs,) = ctx.saved_tensors
        return None, None, *_turned(ctx.halves, freqs.transpose(-1, -2), gradients)


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
    return _Turn.apply("", freqs_cis, x)[0]


def turn_both(xq: torch.Tensor, xk: torch.Tensor, freqs_cis: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn a query and a key as `turn` does, in one kernel."""
    if torch.compiler.is_compiling():
        return _CHAIN_OF_TWO(xq, xk, freqs_cis)
    return _Turn.apply("", freqs_cis, xq, xk)


def turn_halves(freqs_cis: torch.Tensor, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Turn one or two tensors as `turn` does, where value n of the first half of the last axis makes a pair with n of the second."""
    if not torch.compiler.is_compiling():
        return _Turn.apply("_split_half", freqs_cis, *tensors)
    turned = []
    for x in tensors:
        one, two = x.to(freqs_cis.dtype).chunk(2, dim=-1)
        pairs = [row[..., 0] * one + row[..., 1] * two for row in freqs_cis.unbind(-2)]
        turned.append(torch.cat(pairs, dim=-1).to(x.dtype))
    return tuple(turned)


def _rotation(halves: str, freqs: torch.Tensor, tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    if halves:
        return turn_halves(freqs, *tensors)
    return turn_both(*tensors, freqs) if len(tensors) == 2 else (turn(tensors[0], freqs),)


def _normed(
    halves: str,
    freqs: torch.Tensor,
    tensors: tuple[torch.Tensor, ...],
    scales: tuple[torch.Tensor, ...],
    epsilon: float,
    rot_dim: int,
) -> tuple[torch.Tensor, ...]:
    """Turn after an RMSNorm over the last axis, of which the first `rot_dim` values are turned (0: all)."""
    width = rot_dim or tensors[0].shape[-1]
    pairs = zip(tensors, scales, strict=True)
    normed = [F.rms_norm(x, x.shape[-1:], scale, epsilon) for x, scale in pairs]
    turned = _rotation(halves, freqs, tuple(x[..., :width] for x in normed))
    rests = [x[..., width:] for x in normed]
    return tuple(torch.cat(both, -1) if both[1].shape[-1] else both[0] for both in zip(turned, rests, strict=True))


def _plain(name: str) -> Callable[..., tuple[torch.Tensor, ...]]:
    """Return what a function of comfy_kitchen computes, with a backward pass, out of place: of its tensors and the rest it takes."""
    halves = "_split_half" if "_split_half" in name else ""

    def turned(tensors: tuple[torch.Tensor, ...], freqs_cis: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return _rotation(halves, freqs_cis, tensors)

    def one(
        tensors: tuple[torch.Tensor, ...], freqs_cis: torch.Tensor, scale: torch.Tensor, epsilon: float = 1e-6
    ) -> tuple[torch.Tensor, ...]:
        return _normed(halves, freqs_cis, tensors, (scale,), epsilon, 0)

    def two(
        tensors: tuple[torch.Tensor, ...],
        freqs_cis: torch.Tensor,
        q_scale: torch.Tensor,
        k_scale: torch.Tensor | None = None,
        epsilon: float = 1e-6,
        rot_dim: int = 0,
    ) -> tuple[torch.Tensor, ...]:
        scales = q_scale, q_scale if k_scale is None else k_scale
        return _normed(halves, freqs_cis, tensors, scales, epsilon, rot_dim)

    if name.startswith("apply_"):
        return turned
    return one if "1" in name else two


def _stand_in(name: str) -> Callable[..., Any]:
    """Return what replaces a function of comfy_kitchen while a model is trained: itself, where no gradient is wanted."""
    kernel, plain = KERNELS[name], _plain(name)
    count, in_place = 1 if "1" in name else 2, name.endswith("_")

    def stand_in(*args: Any, **kwargs: Any) -> Any:
        tensors, rest = args[:count], args[count:]
        given = (x for x in (*args, *kwargs.values()) if torch.is_tensor(x))
        learns = torch.is_grad_enabled() and any(x.requires_grad for x in given)
        if not learns or len(tensors) < count:  # given by name: nobody does so
            return kernel(*args, **kwargs)
        if in_place:  # what comes before the rotation keeps its own values for the backward pass
            results = plain(tuple(x.clone() for x in tensors), *rest, **kwargs)
            results = tuple(x.copy_(result) for x, result in zip(tensors, results, strict=True))
        else:
            results = plain(tensors, *rest, **kwargs)
        return results if count == 2 else results[0]

    return stand_in


def differentiable() -> AbstractContextManager[None]:
    """Inside, every rotation of ComfyUI's has a backward pass: its chains while `in_training` are `turn`, and so are kernels."""
    wanted: dict[str, Any] = {f"{_KITCHEN.__name__}.{name}": _stand_in(name) for name in KERNELS}
    if _CHAIN is not None and _CHAIN_OF_TWO is not None and "apply_rope" in KERNELS:
        wanted |= {f"{host.__name__}._apply_rope1": turn, f"{host.__name__}._apply_rope": turn_both}
    if "apply_rope_split_half1" in KERNELS:
        wanted["comfy.ldm.ideogram4.model._apply_rope_split_half1"] = lambda x, freqs_cis: turn_halves(freqs_cis, x)[0]
    return stand_ins.replaced({path: lambda _host, ours=ours: ours for path, ours in wanted.items()})
