"""The weights that probe, samples and files see, where they differ from those that training updates: averages over the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from .rounding import in_float32

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


@contextmanager
def _restored(weights: Sequence[torch.Tensor]) -> Iterator[None]:
    """Copy `weights` and put the copies back afterwards, to the bit."""
    before = [weight.detach().clone() for weight in weights]
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(list(weights), before)


def eval_weights(optimizer: torch.optim.Optimizer) -> WeightsContext:
    """Return a context in which the parameters are the ones to look at and to save: of a schedule-free optimizer, its average.

    The optimizer's own way back (`train()`) rounds, but looking must not change what is trained: so the parameters are copied
    and put back, at the cost of one more copy of them for that time.
    """
    show_average, show_trained = getattr(optimizer, "eval", None), getattr(optimizer, "train", None)
    if show_average is None or show_trained is None:
        return nullcontext

    @contextmanager
    def look() -> Iterator[None]:
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        with _restored(weights):
            try:
                with in_float32(weights):  # what the optimizer's state is made in
                    show_average()
                yield
            finally:
                with in_float32(weights):
                    show_trained()

    return look


class Ema:
    """The running mean of parameters: mean <- d mean + (1 - d) parameter after each step.

    d is `decay`, but at most (1 + n) / (10 + n) after n steps, so that the first values are soon forgotten.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], decay: float) -> None:
        """Start from the parameters' present values; the means are float32, on the parameters' device."""
        self._weights = list(parameters)
        self._means = [weight.detach().float().clone() for weight in self._weights]
        self._decay, self._count = decay, 0

    def update(self) -> None:
        """Update the means with the parameters after one more step."""
        self._count += 1
        decay = min(self._decay, (1 + self._count) / (10 + self._count))
        with torch.no_grad():
            torch._foreach_lerp_(self._means, [weight.float() for weight in self._weights], 1 - decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Replace the parameters by their means inside, and restore them afterwards, to the bit."""
        with _restored(self._weights):
            with torch.no_grad():
                torch._foreach_copy_([*self._weights], self._means)
            yield

    def state_dict(self) -> dict[str, Any]:
        """Return `count` (updates so far) and `means` (copies on the CPU in the order of the parameters: of a whole model they would
        take 4 bytes for each weight of the device)."""
        return {"count": self._count, "means": [mean.to("cpu", copy=True) for mean in self._means]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._count = state["count"]
        with torch.no_grad():
            torch._foreach_copy_(self._means, state["means"])
