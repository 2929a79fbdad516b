"""Looking at what is trained without changing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

Looking = Callable[[], AbstractContextManager[None]]
"""A context in which what is trained has the weights to look at (schedule-free optimizers average them)."""


@contextmanager
def evaluated(module: torch.nn.Module, looking: Looking) -> Iterator[None]:
    """Dropout off, no gradients, the weights to look at; afterwards everything is as before."""
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        with looking(), torch.no_grad():
            yield
    finally:
        for child, training in modes:
            child.training = training
