"""Random numbers that depend on a key (what they are for) alone, never on what was drawn before.

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
    """Return the SHA-256 (32 bytes) of the `repr` of all parts: of ints, strings, bools, None and tuples of them."""
    return hashlib.sha256("\x1f".join(map(repr, parts)).encode()).digest()


class keyed:
    """A random generator whose numbers depend on its key alone: SHA-256 of the key and a counter.

    Python's `random` would not do: its algorithms may change between Python versions, and a run must not.
    """

    def __init__(self, *key: Any) -> None:
        self._key, self._counter = digest(*key), 0

    def bits(self, n: int = 64) -> int:
        """Return an integer in [0, 2**n), n at most 256."""
        block = hashlib.sha256(self._key + self._counter.to_bytes(8, "big")).digest()
        self._counter += 1
        return int.from_bytes(block, "big") >> (256 - n)

    def random(self) -> float:
        """Return a float in [0, 1), of 53 random bits (all that a double holds)."""
        return self.bits(53) / (1 << 53)

    def below(self, n: int) -> int:
        """Return an integer in [0, n); with 128 bits the modulo's bias is below n / 2**128."""
        return self.bits(128) % n

    def choice(self, items: Sequence[T]) -> T:
        """Return one of `items`, each as likely."""
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[Any]) -> None:
        """Shuffle `items` in place, every order as likely (Fisher-Yates)."""
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]


def torch_seed(*key: Any) -> int:
    """Return a seed for torch in [0, 2**63) that depends on the key alone."""
    return int.from_bytes(digest(*key)[:8], "big") >> 1


def generator(*key: Any) -> torch.Generator:
    """Return a torch generator seeded by the key, on the CPU: runs on CPU and CUDA then draw the same numbers."""
    import torch  # not at the top: reading runs and planning batches need no torch

    return torch.Generator("cpu").manual_seed(torch_seed(*key))
