"""Find the words that differ from another by a letter or two, without comparing it with each of them."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np


class Neighbours:
    """A list of texts in which alike ones are looked up by difflib's ratio.

    Only texts that share so many pairs of letters that they can reach the ratio are compared; the result is the same.
    """

    def __init__(self, texts: Sequence[str], ratio: float = 0.85) -> None:
        self._texts, self._ratio = list(texts), ratio
        self._lengths = np.array([len(text) for text in texts], dtype=np.int64)
        numbers: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number, text in enumerate(texts):
            for pair in _pairs(text):
                numbers[pair].append(number)
        self._having = {pair: np.array(having) for pair, having in numbers.items()}

    def of(self, text: str, most: int = 3) -> list[str]:
        """Return the `most` texts that are most like `text`, the most alike first."""
        candidates: list[str] = [self._texts[n] for n in self.candidates(text)]
        return difflib.get_close_matches(text, candidates, most, self._ratio)

    def candidates(self, text: str) -> np.ndarray:
        """Return the numbers of all texts that can reach the ratio, and of few others.

        With lengths a and b the ratio is 2 m / (a + b) for m letters in matching blocks. Between two blocks is a letter that
        is in none, so there are at most (a + b - 2 m) + 1 blocks, and at least 3 m - (a + b) - 1 pairs of letters in them.
        """
        shared = np.zeros(len(self._texts), dtype=np.int64)
        for pair in _pairs(text):
            if (having := self._having.get(pair)) is not None:
                shared[having] += 1
        both = self._lengths + len(text)
        matching = np.ceil(self._ratio * both / 2 - 1e-9)
        reachable = matching <= np.minimum(self._lengths, len(text))
        return np.flatnonzero(reachable & (shared >= 3 * matching - both - 1))


def _pairs(text: str) -> Iterator[tuple[str, int]]:
    """Yield each pair of neighbouring letters, with how many equal ones were before it."""
    seen: Counter[str] = Counter()
    for start in range(len(text) - 1):
        pair = text[start : start + 2]
        yield pair, seen[pair]
        seen[pair] += 1
