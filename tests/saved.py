"""What a forward keeps for its backward, in bytes: a measure of memory that is the same on every device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch


class Saved:
    """Counts each piece of memory once, weights left out."""

    def __init__(self, weights: Iterable[torch.Tensor]) -> None:
        self._seen = {weight.untyped_storage().data_ptr() for weight in weights}
        self._kept: list[torch.Tensor] = []  # alive, so that no other tensor gets the same address
        self.bytes = 0

    def add(self, value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in self._seen:
            self._seen.add(storage.data_ptr())
            self._kept.append(value)
            self.bytes += storage.nbytes()
        return value


@contextmanager
def counted(*modules: torch.nn.Module) -> Iterator[Saved]:
    """Count what is kept inside, beside the parameters and buffers of `modules`."""
    saved = Saved(value for module in modules for value in (*module.parameters(), *module.buffers()))
    with torch.autograd.graph.saved_tensors_hooks(saved.add, lambda value: value):
        yield saved
