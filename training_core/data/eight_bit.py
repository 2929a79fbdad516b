"""Latents that are pictures themselves, stored in a quarter of the room: those of models in pixel space.

ComfyUI's VAE `pixel_space` makes 2 p - 1 of a picture in 0..1, which was 8 bits a colour: 3 MB at 1024x1024 instead of 12.
"""

from __future__ import annotations

import torch

from .store import Tensors

BYTES = "bytes"
"""Name of such a latent in a store, (1, 3, H, W) uint8, in place of `mean`."""


def _values(bytes_: torch.Tensor) -> torch.Tensor:
    return bytes_.float() / 255 * 2 - 1


def packed(parts: Tensors) -> Tensors:
    """Return a latent's tensors with the mean as bytes, if it is exactly a picture of 8 bits a colour and has no std."""
    mean = parts["mean"]
    if "std" in parts or mean.ndim != 4 or mean.shape[1] != 3 or mean.dtype != torch.float32:
        return parts
    bytes_ = ((mean + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    if not torch.equal(_values(bytes_), mean):
        return parts
    return {**{name: value for name, value in parts.items() if name != "mean"}, BYTES: bytes_}


def unpacked(parts: Tensors) -> Tensors:
    """Return the tensors that `packed` was given, float32."""
    if BYTES not in parts:
        return parts
    return {**{name: value for name, value in parts.items() if name != BYTES}, "mean": _values(parts[BYTES])}
