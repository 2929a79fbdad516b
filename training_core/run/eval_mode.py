"""Look at what is trained (probe, samples) without changing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

WeightsContext = Callable[[], AbstractContextManager[None]]
"""A context in which the trained module has the weights to look at and to save: a schedule-free optimizer's average, say."""


@contextmanager
def eval_mode(module: torch.nn.Module, eval_weights: WeightsContext) -> Iterator[None]:
    """Inside: dropout off, no gradients, the weights to look at. Afterwards every module's mode is as before."""
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        with eval_weights(), torch.no_grad():
            yield
    finally:
        for child, training in modes:
            child.training = training
