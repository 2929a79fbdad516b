"""Why a model gives NaN: asked only once it does, since every weight is looked at."""

from __future__ import annotations

from typing import Any

import torch


def blame(host_model: Any) -> str:
    """Return in one sentence what to do about a model whose loss has never been a number.

    Args:
        host_model: a `Trainable`.
    """
    broken = first_broken(host_model.diffusion_model)
    if broken:
        return f"the model's weight {broken} contains NaN or infinity: load another file of the model."
    computed = str(host_model.compute_dtype).removeprefix("torch.")
    if computed == "float32":
        return (
            "the model itself returns NaN or infinity, though its weights, the pictures and captions are fine: check whether "
            "ComfyUI generates images with it."
        )
    other = "no" if computed == "bfloat16" else "bf16 or no"
    return (
        f"the model itself returns NaN or infinity in {computed}, though its weights, the pictures and captions are fine: set "
        f"mixed_precision to {other}."
    )


def first_broken(module: torch.nn.Module) -> str:
    """Return the name of the first frozen weight that holds NaN or infinity; '' if none does."""
    with torch.no_grad():
        for name, value in module.named_parameters():
            if not value.requires_grad and value.is_floating_point() and not _is_finite(value):
                return name
    return ""


def _is_finite(value: torch.Tensor) -> bool:
    plain = value.dequantize() if hasattr(value, "__tensor_flatten__") else value  # the host's quantised tensors
    return bool(plain.detach().float().isfinite().all())
