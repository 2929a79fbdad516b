"""Frozen layers that fetch their weights twice, for the forward and for the backward pass, and keep none in between.

torch keeps the weight that a layer was computed with. Where that is a cast of what the model has (fp8 computed in
bf16), or a copy of what lies in main memory, every layer's would be alive at once: the whole model a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import comfy.ops
import torch
import torch.nn.functional as F
from comfy.quant_ops import QuantizedTensor

from .. import packed
from . import quantised
from .patches import patched

Fetch = Callable[[torch.dtype, torch.device], tuple[torch.Tensor, torch.Tensor | None]]
"""(number format, device) -> weight and bias."""

CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
KINDS = (torch.nn.Linear, *CONVOLUTIONS)


class _Layer(torch.autograd.Function):
    """A linear or convolution layer of which the input alone gets a gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: Any, fetch: Fetch) -> torch.Tensor:
        ctx.layer, ctx.fetch, ctx.shape, ctx.dtype = layer, fetch, x.shape, x.dtype
        weight, bias = fetch(x.dtype, x.device)
        if isinstance(layer, torch.nn.Linear):
            return F.linear(x, weight, bias)
        return layer._conv_forward(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        layer = ctx.layer
        weight, _ = ctx.fetch(ctx.dtype, gradient.device)
        if isinstance(layer, torch.nn.Linear):
            return gradient @ weight, None, None
        shape = gradient.new_empty(1).expand(ctx.shape)  # of the input the shape alone is needed
        none = [0] * len(layer.stride)
        result = torch.ops.aten.convolution_backward(
            gradient, shape, weight, None, layer.stride, layer.padding, layer.dilation, False, none, layer.groups,
            (True, False, False),
        )  # fmt: skip
        return result[0], None, None


def supports(layer: torch.nn.Module) -> bool:
    """Return whether a layer can be computed by `compute`: Linear or convolution of ComfyUI's, padded with zeros by numbers."""
    if not isinstance(layer, KINDS) or not hasattr(layer, "comfy_cast_weights"):
        return False
    return isinstance(layer, torch.nn.Linear) or (layer.padding_mode == "zeros" and not isinstance(layer.padding, str))


def compute(x: torch.Tensor, layer: torch.nn.Module, fetch: Fetch) -> torch.Tensor:
    """Return a layer's output with the weights that `fetch` gives; the backward pass fetches them again."""
    return _Layer.apply(x, layer, fetch)


def _is_plain_product(layer: torch.nn.Module) -> bool:
    """Return whether a linear layer is x W' + b as long as its weights need no cast: it has no forward of its own."""
    linear = comfy.ops.disable_weight_init.Linear
    kind, names = type(layer), ("forward", "forward_comfy_cast_weights")
    same = issubclass(kind, linear) and all(getattr(kind, name) is getattr(linear, name) for name in names)
    return same and "forward" not in layer.__dict__


def recompute_weights(model: torch.nn.Module) -> AbstractContextManager[None]:
    """Let the layers whose weights are cast as they are used cast them again in the backward pass.

    Linear ones also get `forward.weights_for`, by which a network beside a layer takes part in its product: for an input, what
    gives the weights that it is multiplied with; None if they are trained, or if there is more to the output than that.
    """

    def wrap(layer: Any, forward: Any) -> Any:
        scaled = getattr(layer, "pre_quant_scale", None) is not None  # the host scales the input as well
        is_product = _is_plain_product(layer) and not scaled

        def fetch(dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor | None]:
            if packed.has_packed_weights(layer):
                return packed.unpacked(layer, dtype, device)
            weight, bias = comfy.ops.cast_bias_weight(layer, None, dtype=dtype, device=device, bias_dtype=dtype)
            return quantised.dequantized(weight).to(dtype), bias

        def own_weights(_dtype: torch.dtype, _device: torch.device) -> tuple[torch.Tensor, torch.Tensor | None]:
            return layer.weight, layer.bias

        def needs_no_cast(x: torch.Tensor) -> bool:
            """Return whether the weights are frozen and in `x`'s format, unpatched: true of most layers, and asked in every call."""
            weight, bias = layer._parameters.get("weight"), layer._parameters.get("bias")
            return (
                type(weight) is torch.nn.Parameter
                and weight.dtype == x.dtype
                and weight.device == x.device
                and not weight.requires_grad
                and (bias is None or (bias.dtype == x.dtype and not bias.requires_grad))
                and not layer.weight_function
                and not layer.bias_function
            )

        def weights_for(x: torch.Tensor) -> Fetch | None:
            if is_product and needs_no_cast(x):
                return own_weights
            parameters = [p for p in layer._parameters.values() if p is not None]
            trained = not parameters or any(p.requires_grad for p in parameters)
            if trained or scaled:
                return None
            if layer.weight_function or any(
                p.dtype != x.dtype or isinstance(p, QuantizedTensor) or packed.is_packed(p) for p in parameters
            ):
                return fetch if x.requires_grad else None
            there = not layer.bias_function and all(p.device == x.device for p in parameters)
            return own_weights if is_product and there else None

        def run(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            if (
                not (args or kwargs)
                and x.requires_grad
                and not (is_product and needs_no_cast(x))
                and weights_for(x) is fetch
            ):
                return compute(x, layer, fetch)
            return forward(x, *args, **kwargs)

        if isinstance(layer, torch.nn.Linear):
            run.weights_for = weights_for
        return run

    return patched((layer for layer in model.modules() if supports(layer)), wrap)
