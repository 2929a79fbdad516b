"""The factors of a network as its layers compute with them: in the arithmetic's number format, one times alpha / rank.

Every layer can make its own, each time it runs. That is two to eight small operations a factor and step, thousands in a
model, more than the products themselves where the cost of an operation counts. Made for all layers at once they are three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from .adapter import scale_of

_torch: Any = torch  # one operation on many tensors has private names alone
_FORMED = "_athanor_formed"
"""Attribute of a LyCORIS module while they are made: its factors, in the order of `declare`."""
_FACTORS = "_athanor_factors"
"""Attribute of a LyCORIS module with a lean forward: where its factors are, as (parameters of a module, name)."""


def declare(lora: Any, *names: str) -> None:
    """Note which parameters a lean forward multiplies with; the first is scaled by alpha / rank."""
    paths = [name.rpartition(".") for name in names]
    # Each attribute of a module is looked for in three places by Python code of torch: 7 us a layer and step.
    lora.__dict__[_FACTORS] = [(lora.get_submodule(path)._parameters, name) for path, _, name in paths]


def _parameters(lora: Any) -> list[torch.Tensor]:
    return [parameters[name] for parameters, name in lora.__dict__[_FACTORS]]


def factors(lora: Any, dtype: torch.dtype) -> Sequence[torch.Tensor]:
    """Return the parameters that were declared, the first one scaled, in the number format `dtype`."""
    formed = lora.__dict__.get(_FORMED)
    if formed is not None and formed[0].dtype == dtype:
        return formed
    first, *others = _parameters(lora)
    scale = scale_of(lora)
    scaled = first if scale == 1 else first * scale
    return [scaled.to(dtype), *(other.to(dtype) for other in others)]


class _Formed(torch.autograd.Function):
    """Casts weights to another format, some of them scaled before, with a few operations for all."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, scales: list[float], *weights: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Cast `weights` to `dtype`; the first len(scales) of them are multiplied by `scales` before."""
        ctx.scales, ctx.dtypes = scales, [w.dtype for w in weights]
        first, others = weights[: len(scales)], weights[len(scales) :]
        scaled = [*(_torch._foreach_mul(first, scales) if scales else ()), *others]
        if not any(w.dtype != dtype for w in weights):
            return tuple(scaled)
        made = [torch.empty_like(w, dtype=dtype) for w in weights]
        _torch._foreach_copy_(made, scaled)
        return tuple(made)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        grads: list[Any] = list(gradients)
        cast = [i for i, g in enumerate(grads) if g is not None and g.dtype != ctx.dtypes[i]]
        if cast:
            there = [torch.empty_like(grads[i], dtype=ctx.dtypes[i]) for i in cast]
            _torch._foreach_copy_(there, [grads[i] for i in cast])
            for i, gradient in zip(cast, there, strict=True):
                grads[i] = gradient
        scaled = [i for i in range(len(ctx.scales)) if grads[i] is not None]
        if scaled:
            made = _torch._foreach_mul([grads[i] for i in scaled], [ctx.scales[i] for i in scaled])
            for i, gradient in zip(scaled, made, strict=True):
                grads[i] = gradient
        return None, None, *grads


@contextmanager
def formed(loras: Sequence[Any], dtype: torch.dtype) -> Iterator[None]:
    """Make the factors of these modules for one forward and backward pass: they do not follow an update of the weights.

    The values and gradients are those of `factors`, to the bit.
    """
    lean = [(lora, _parameters(lora)) for lora in loras if _FACTORS in lora.__dict__]
    scaled = [(lora, some) for lora, some in lean if scale_of(lora) != 1]
    slots = [(some, 0) for _, some in scaled]
    for lora, some in lean:
        slots += [(some, i) for i in range(len(some)) if some[i].dtype != dtype and (i or scale_of(lora) == 1)]
    if slots:
        made = _Formed.apply(dtype, [float(scale_of(lora)) for lora, _ in scaled], *(some[i] for some, i in slots))
        for (some, i), value in zip(slots, made, strict=True):
            some[i] = value
    try:
        for lora, some in lean:
            lora.__dict__[_FORMED] = some
        yield
    finally:
        for lora, _ in lean:
            lora.__dict__.pop(_FORMED, None)
