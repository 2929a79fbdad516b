"""A finding of Dataset Doctor, and helpers that checks share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ...wording import first_few
from ..dataset import Dataset

Level = Literal["error", "warning", "hint"]
LEVELS: tuple[Level, ...] = ("error", "warning", "hint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of mistake, with all the pictures that have it."""

    level: Level  # error: ruins the training; warning: worth a look; hint: may well be intended
    kind: str  # a few words that stay the same, such as "missing captions"
    text: str  # one sentence for the user
    pictures: tuple[int, ...] = ()  # indices into dataset.pictures, the worst first
    groups: tuple[
        tuple[int, ...], ...
    ] = ()  # the same pictures in groups, e.g. of duplicates; empty: they do not belong together
    shows_controls: bool = False  # the report shows each picture's control picture, too


def names(dataset: Dataset, pictures: Iterable[int]) -> str:
    """Return the names of the first three pictures and the number of the others, for a sentence."""
    return first_few([dataset.pictures[i].name for i in pictures])


def training(dataset: Dataset) -> list[int]:
    """Return the indices of all pictures but the regularization ones."""
    return [i for i, p in enumerate(dataset.pictures) if not dataset.subsets[p.subset].is_reg]
