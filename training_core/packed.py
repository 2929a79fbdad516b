"""Weights in a storage format of another pack (GGUF): a tensor class of bytes, which only its layer turns into numbers."""

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
    """Whether a weight's tensor holds packed bytes, so that torch must not compute with it directly.

    False for classes with arithmetic of their own (`__torch_dispatch__`, such as ComfyUI's quantised weights), and for
    subclasses of plain 16 or 32 bit floats (GGUF's F16 and F32).
    """
    kind = type(value)
    if value is None or kind in (torch.Tensor, torch.nn.Parameter):
        return False
    if has_own_arithmetic(value):
        return False
    floats = value.dtype.is_floating_point and value.dtype.itemsize > 1
    return not floats or tuple(value.shape) != tuple(value.as_subclass(torch.Tensor).shape)


def as_plain(value: torch.Tensor) -> torch.Tensor:
    """Return a packed weight's bytes as a plain tensor on the same memory; any other weight is returned unchanged."""
    return value.as_subclass(torch.Tensor) if is_packed(value) else value


def repacked(value: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Undo `as_plain`: return the bytes in `value` as a tensor of the class of `like`, with its attributes (shape, format).

    If `like` is not packed, `value` is returned unchanged.
    """
    if not is_packed(like):
        return value
    twin = value.as_subclass(type(like))
    vars(twin).update(vars(like))
    return twin


def can_unpack(layer: torch.nn.Module) -> bool:
    """Whether a layer can turn its packed weights into numbers: it has ComfyUI-GGUF's method `cast_bias_weight`."""
    return callable(getattr(layer, "cast_bias_weight", None))


def has_packed_weights(layer: torch.nn.Module) -> bool:
    """Whether a layer has packed parameters (those of its sub-layers do not count)."""
    return any(map(is_packed, layer._parameters.values()))


def unpacked(
    layer: torch.nn.Module, dtype: torch.dtype, device: torch.device, parameters: Parameters | None = None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return a layer's weight and bias (None if it has none) as plain tensors of `dtype` on `device`.

    LoRAs that a loader patched onto the layer are included.

    Args:
        parameters: the weights to unpack instead of the layer's own, by name.
    """
    with torch.no_grad(), replaced_parameters(layer, parameters or layer._parameters):
        weight, bias = cast(Any, layer).cast_bias_weight(dtype=dtype, device=device, bias_dtype=dtype)
    bias = None if bias is None else bias.as_subclass(torch.Tensor).to(dtype)
    return weight.as_subclass(torch.Tensor).to(dtype), bias


@contextmanager
def replaced_parameters(layer: torch.nn.Module, parameters: Parameters) -> Iterator[None]:
    """Replace a layer's parameters by these until the block ends."""
    before: dict[str, Any] = dict(layer._parameters)
    try:
        layer._parameters.update(cast(Any, parameters))  # plain tensors serve as well as Parameters
        yield
    finally:
        layer._parameters.clear()
        layer._parameters.update(before)
