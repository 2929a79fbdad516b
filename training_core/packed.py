"""Weights that other packs keep in a form of their own (GGUF): bytes of a tensor class whose layer alone makes numbers of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch

Parameters = Mapping[str, torch.Tensor | None]
"""A layer's weight and bias, by name."""


def has_own_arithmetic(value: torch.Tensor) -> bool:
    """Whether a tensor's class computes in its own way (`__torch_dispatch__`), as ComfyUI's quantised weights do."""
    return getattr(type(value), "__torch_dispatch__", None) is not getattr(torch.Tensor, "__torch_dispatch__", None)


def is_packed(value: torch.Tensor | None) -> bool:
    """Whether torch sees bytes where the weight's class means numbers.

    Not so are classes with arithmetic of their own (`__torch_dispatch__`, as the host's quantised weights have it), and
    those that only put a name on 16 or 32 bits floats (GGUF's F16 and F32).
    """
    kind = type(value)
    if value is None or kind in (torch.Tensor, torch.nn.Parameter):
        return False
    if has_own_arithmetic(value):
        return False
    floats = value.dtype.is_floating_point and value.dtype.itemsize > 1
    return not floats or tuple(value.shape) != tuple(value.as_subclass(torch.Tensor).shape)


def bare(value: torch.Tensor) -> torch.Tensor:
    """The bytes of a packed weight, on the same memory; other weights as they are."""
    return value.as_subclass(torch.Tensor) if is_packed(value) else value


def dressed(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Bytes as the packed weight that they were, with what its class knows of them; other weights as they are."""
    if not is_packed(like):
        return value
    twin = value.as_subclass(type(like))
    vars(twin).update(vars(like))
    return twin


def unpacks(layer: torch.nn.Module) -> bool:
    """Whether a layer has a function that makes numbers of its weights, by the name that ComfyUI-GGUF gave it."""
    return callable(getattr(layer, "cast_bias_weight", None))


def holds(layer: torch.nn.Module) -> bool:
    """Whether a layer's own weights are packed."""
    return any(map(is_packed, layer._parameters.values()))


def unpacked(
    layer: torch.nn.Module, dtype: torch.dtype, device: torch.device, parameters: Parameters | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A layer's weight and bias as numbers, with the LoRAs that its loader has put on them.

    Args:
        parameters: in place of the layer's own.
    """
    with torch.no_grad(), given(layer, parameters or layer._parameters):
        weight, bias = cast(Any, layer).cast_bias_weight(dtype=dtype, device=device, bias_dtype=dtype)
    bias = None if bias is None else bias.as_subclass(torch.Tensor).to(dtype)
    return weight.as_subclass(torch.Tensor).to(dtype), bias


@contextmanager
def given(layer: torch.nn.Module, parameters: Parameters) -> Iterator[None]:
    """Inside, a layer has these as its weight and bias."""
    before: dict[str, Any] = dict(layer._parameters)
    try:
        layer._parameters.update(cast(Any, parameters))  # bare tensors do as well as Parameters
        yield
    finally:
        layer._parameters.clear()
        layer._parameters.update(before)
