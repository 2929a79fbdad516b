"""Random numbers keyed by what they are for, never by what was drawn before.

`keyed(seed, "order", epoch)` gives the same numbers on every machine and Python version, whether or not
anything else was drawn, so any batch of any epoch can be computed directly.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def digest(*parts: Any) -> bytes:
    """32 bytes that depend on the `repr` of every part."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode()).digest()


class keyed:
    """A small generator over SHA-256 in counter mode; `random`'s state is not stable enough to build on."""

    def __init__(self, *key: Any) -> None:
        self._key, self._counter = digest(*key), 0

    def bits(self, n: int = 64) -> int:
        """An integer of `n` <= 256 random bits."""
        block = hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest()
        self._counter += 1
        return int.from_bytes(block, "big") >> (256 - n)

    def random(self) -> float:
        """A float in [0, 1)."""
        return self.bits(53) / (1 << 53)

    def below(self, n: int) -> int:
        """An integer in [0, n)."""
        return self.bits(128) % n

    def choice(self, items: Sequence[T]) -> T:
        """Return one of `items`, each as likely."""
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle in place (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


def torch_seed(*key: Any) -> int:
    """A 63-bit seed for torch from a key."""
    return int.from_bytes(digest(*key)[:8], "big") >> 1


def generator(*key: Any) -> torch.Generator:
    """A torch generator on the CPU, so that CPU and CUDA runs see the same numbers."""
    import torch  # here: whoever only reads runs or plans batches needs no torch

    return torch.Generator("cpu").manual_seed(torch_seed(*key))
