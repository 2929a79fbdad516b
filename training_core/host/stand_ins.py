"""Functions of the host's modules that cannot be trained through, and what stands in for them meanwhile."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch


def _modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return x + x * scale + shift: PixelDiT's `apply_adaln_`, which writes it into an `x` that backward needs."""
    return torch.addcmul(x, x, scale).add_(shift)


STAND_INS: Mapping[str, Callable[..., Any]] = {
    "comfy.ldm.pixeldit.modules.apply_adaln_": _modulated,
    "comfy.ldm.pixeldit.model.apply_adaln_": _modulated,
}
"""`module.function` of ComfyUI -> one with the same values that has a backward pass."""


@contextmanager
def replaced(wanted: Mapping[str, Callable[[Any], Any]]) -> Iterator[None]:
    """Inside, functions of modules are what `wanted` makes of them; a host that lacks one is left as it is.

    Args:
        wanted: `module.function` -> (the host's function) -> what to put there.
    """
    before: list[tuple[Any, str, Any]] = []
    try:
        for path, instead in wanted.items():
            name, _, function = path.rpartition(".")
            try:
                module = importlib.import_module(name)
            except ModuleNotFoundError:  # a host without this model
                continue
            if hasattr(module, function):
                before.append((module, function, getattr(module, function)))
                setattr(module, function, instead(before[-1][2]))
        yield
    finally:
        for module, function, host in before:
            setattr(module, function, host)


def differentiable() -> AbstractContextManager[None]:
    """Return a context with all of `STAND_INS` in place."""
    return replaced({path: lambda _host, ours=ours: ours for path, ours in STAND_INS.items()})
