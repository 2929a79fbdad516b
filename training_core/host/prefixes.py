"""What a model remembers of a text from one call to the next, which its weights' next change makes wrong.

HiDream-O1 keeps keys and values of its last two texts, and knows them by the text alone: neither a step of training nor
another LoRA would be seen in them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch

from .patches import patched


def forget(model: torch.nn.Module) -> None:
    """Let a diffusion model forget what it remembers; others than HiDream-O1 remember nothing."""
    clear: Callable[[], None] | None = getattr(model, "clear_kv_cache", None)
    if clear is not None:
        clear()


def forgetting(model: torch.nn.Module) -> AbstractContextManager[None]:
    """Return a context in which a diffusion model remembers nothing from one call to the next."""

    def wrap(module: torch.nn.Module, forward: Any) -> Any:
        def fresh(*args: Any, **kwargs: Any) -> Any:
            forget(module)
            try:
                return forward(*args, **kwargs)
            finally:
                forget(module)

        return fresh

    return patched([model] if hasattr(model, "clear_kv_cache") else [], wrap)
