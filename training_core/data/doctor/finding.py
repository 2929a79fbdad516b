"""One thing that the doctor found, and the words it is said in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..dataset import Dataset, few

Level = Literal["error", "warning", "hint"]
LEVELS: tuple[Level, ...] = ("error", "warning", "hint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding of one kind, for all the pictures it concerns."""

    level: Level  # error: spoils the training; warning: should be looked at; hint: may well be meant
    kind: str
    text: str  # one sentence
    pictures: tuple[int, ...] = ()  # indices into dataset.pictures, the most telling first
    groups: tuple[tuple[int, ...], ...] = ()  # the same pictures, those that belong together in one group


def names(dataset: Dataset, pictures: Iterable[int]) -> str:
    """The names of the first three pictures, and how many more there are."""
    return few([dataset.pictures[i].name for i in pictures])


def training(dataset: Dataset) -> list[int]:
    """Indices of the pictures that are no regularization pictures."""
    return [i for i, p in enumerate(dataset.pictures) if not dataset.subsets[p.subset].is_reg]
