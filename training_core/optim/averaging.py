"""The weights to look at and to save, where they are not those that training moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from .rounding import in_float32


@contextmanager
def _kept(weights: list[torch.Tensor]) -> Iterator[None]:
    """What is done to `weights` inside is undone, to the bit."""
    before = [weight.detach().clone() for weight in weights]
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(weights, before)


def eval_weights(optimizer: torch.optim.Optimizer) -> Callable[[], AbstractContextManager[None]]:
    """A context in which the parameters are the ones to look at: of a schedule-free optimizer, its average.

    Its own way back (`train()`) rounds, and a look must not change what is trained: so the parameters are kept and
    put back, at the cost of one more copy of them while looking.
    """
    if not (hasattr(optimizer, "eval") and hasattr(optimizer, "train")):
        return nullcontext

    @contextmanager
    def look() -> Iterator[None]:
        weights = [p for group in optimizer.param_groups for p in group["params"]]
        with _kept(weights):
            with in_float32(weights):  # what the optimizer's state is made in
                optimizer.eval()
            try:
                yield
            finally:
                with in_float32(weights):
                    optimizer.train()

    return look


class Ema:
    """The running mean of parameters: mean <- d mean + (1 - d) parameter after each step.

    d is `decay`, but at most (1 + n) / (10 + n) after n steps, so that the first values are soon forgotten.
    """

    def __init__(self, parameters: Iterable[torch.nn.Parameter], decay: float) -> None:
        """Starts from the parameters as they are; kept in float32, on their device."""
        self._weights = list(parameters)
        self._means = [weight.detach().float().clone() for weight in self._weights]
        self._decay, self._count = decay, 0

    def update(self) -> None:
        """Take in the parameters of one more step."""
        self._count += 1
        decay = min(self._decay, (1 + self._count) / (10 + self._count))
        with torch.no_grad():
            torch._foreach_lerp_(self._means, [weight.float() for weight in self._weights], 1 - decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """The parameters are the mean inside, and themselves again afterwards."""
        with _kept(self._weights):
            with torch.no_grad():
                torch._foreach_copy_(self._weights, self._means)
            yield

    def state_dict(self) -> dict[str, Any]:
        """`count`, and `means` as tensors in the order of the parameters."""
        return {"count": self._count, "means": [mean.clone() for mean in self._means]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._count = state["count"]
        with torch.no_grad():
            torch._foreach_copy_(self._means, state["means"])
