"""Try an optimizer's first step before training: whether it fits into memory, and how many bytes its state takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from .rounding import in_float32


def rehearse(optimizer: torch.optim.Optimizer) -> int:
    """Make one step and undo it; returns the bytes that the optimizer keeps from its first step on.

    Afterwards the parameters are the same to the bit, without gradients, and no random generator has advanced. The state of
    bitsandbytes' paged optimizers, which is moved to main memory when needed, is not tried and counts as 0.

    Args:
        optimizer: made for this alone; its counters have advanced afterwards.

    Raises:
        Exception: of the step, such as out of memory; the parameters are put back all the same.
    """
    if getattr(optimizer, "is_paged", False):
        return 0
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    before = [weight.detach().to("cpu", copy=True) for weight in weights]  # not on the device: room is what is tried
    try:
        for weight in weights:
            weight.grad = torch.full_like(weight, 1e-3)
        devices = {weight.device for weight in weights if weight.device.type == "cuda"}
        with torch.random.fork_rng(devices=list(devices)), in_float32(weights):
            optimizer.step()
            return size(optimizer)
    finally:
        optimizer.state.clear()  # whoever may still hold it
        for weight, value in zip(weights, before, strict=True):
            weight.grad = None
            if weight.dtype == value.dtype:
                weight.data.copy_(value)
            else:  # there was no room to make it 16 bits again
                weight.data = value.to(weight.device)


def size(optimizer: torch.optim.Optimizer) -> int:
    """Return the bytes of all tensors in an optimizer's state; a shared tensor counts once."""
    tensors = {id(t): t for t in _tensors(list(optimizer.state.values()))}
    return sum(t.numel() * t.element_size() for t in tensors.values())


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
