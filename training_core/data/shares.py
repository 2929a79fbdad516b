"""Divide an epoch among processes that do not talk to each other (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def shard(items: Sequence[T], rank: int, ranks: int) -> list[T]:
    """Return the items that process `rank` of `ranks` works on: every ranks-th, beginning with its own number.

    Nothing is repeated to make the shares equal, as accelerate does: a process may have one item fewer than others.
    """
    return list(items[rank::ranks])
