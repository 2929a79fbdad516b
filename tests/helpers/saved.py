"""What a forward keeps for its backward, in bytes: a measure of memory that is the same on every device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch


class Saved:
    """Counts each piece of memory once, weights left out."""

    def __init__(self, weights: Iterable[torch.Tensor]) -> None:
        self._seen = {part.untyped_storage().data_ptr() for weight in weights for part in _parts(weight)}
        self._kept: list[torch.Tensor] = []  # alive, so that no other tensor gets the same address
        self.bytes = 0

    def add(self, value: torch.Tensor) -> torch.Tensor:
        for storage in (part.untyped_storage() for part in _parts(value)):
            if storage.data_ptr() not in self._seen:
                self._seen.add(storage.data_ptr())
                self._kept.append(value)
                self.bytes += storage.nbytes()
        return value


def _parts(value: torch.Tensor) -> list[torch.Tensor]:
    """The tensors that a quantised one is made of, or the tensor itself."""
    if not hasattr(value, "__tensor_flatten__"):
        return [value]
    return [part for name in value.__tensor_flatten__()[0] for part in _parts(getattr(value, name))]


@contextmanager
def counted(*modules: torch.nn.Module) -> Iterator[Saved]:
    """Count what is kept inside, beside the parameters and buffers of `modules`."""
    saved = Saved(value for module in modules for value in (*module.parameters(), *module.buffers()))
    with torch.autograd.graph.saved_tensors_hooks(saved.add, lambda value: value):
        yield saved
