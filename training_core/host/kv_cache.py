"""Keys and values that a model keeps of a text from one call to the next, which its weights' next change makes wrong.

HiDream-O1 keeps those of its last two texts, and knows them by the text alone: neither a step of training nor another LoRA
would be seen in them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from .patches import patched


def clear(model: torch.nn.Module) -> None:
    """Let a diffusion model drop what it keeps; others than HiDream-O1 keep nothing."""
    own: Callable[[], None] | None = getattr(model, "clear_kv_cache", None)
    if own is not None:
        own()


def cleared(model: torch.nn.Module) -> AbstractContextManager[None]:
    """Return a context in which a diffusion model keeps nothing from one call to the next."""

    def wrap(module: torch.nn.Module, forward: Any) -> Any:
        def fresh(*args: Any, **kwargs: Any) -> Any:
            clear(module)
            try:
                return forward(*args, **kwargs)
            finally:
                clear(module)

        return fresh

    return patched([model] if hasattr(model, "clear_kv_cache") else [], wrap)
