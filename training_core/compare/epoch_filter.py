"""Filters of checkpoints as users write them, `every 2, SKIP: 4, mean(6-10)`, read before there is a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast

from .. import lists
from ..errors import AthanorError, quoted
from . import averages, best_by, grammar, skipping
from .averages import Average
from .best_by import BestBy

How = Literal["every", "last", "first", "best", "even"]


@dataclass(frozen=True, slots=True)
class Few:
    """So many of all: every n-th by epoch, the last n, the first n, n around the best probe, or n spread evenly."""

    how: How
    count: int


@dataclass(frozen=True, slots=True)
class Span:
    """Those from one epoch to another, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Listed:
    """Epochs one by one."""

    epochs: tuple[tuple[int | None, bool], ...]  # an epoch (None: the last), and whether it must be there


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which checkpoints a text means, and which averages of them stand beside."""

    text: str  # as it is written, without its averages and without what it skips
    wanted: Literal["all", "none", "starred"] | Few | Span | Listed | BestBy  # none: averages alone
    averages: tuple[Average, ...]
    skipped: tuple[Filter, ...]  # what is left out of them

    @property
    def is_choice(self) -> bool:
        """Whether single checkpoints are meant, or the best: the finished LoRA among them is, too."""
        return isinstance(self.wanted, Listed | BestBy) or (isinstance(self.wanted, Few) and self.wanted.how == "best")


def read(text: str, field: str = "epochs") -> Filter:
    """Return what a filter means.

    `all`; `every 2`; `last 3`; `first 3`; `4-10`, `from 4 to 10`, `from 4`, `to 10`; `best 3` (around the probe's best); `best 3 by
    likeness` (see best_by.py); `5 even` (spread over all); `starred` (in a comparison's viewer); or epochs one by one: `2, 4, last`.
    Beside any of them or alone, averages (see averages.py): `mean(6-10)`, `ema(0.1)`, `lerp(4, 8, 0.3)`. What `SKIP:` is in front of is
    left out of it, and is a filter itself: `all, SKIP: 4`.

    Args:
        field: where the text stands, for messages.

    Raises:
        AthanorError: it cannot be read.
    """
    text, skipped = skipping.parted(text)
    text, means = averages.split(text, field)
    for each in means:
        for inside in each.which:
            if read(inside, field).wanted == "none":
                raise AthanorError(f"{field}: {quoted(each.label)} is an average of averages; write its epochs.")
    return Filter(
        text=text,
        wanted="none" if means and not text.strip() else _wanted(text, field),
        averages=tuple(means),
        skipped=tuple(read(part, field) for part in skipped),
    )


def _wanted(text: str, field: str) -> Literal["all", "starred"] | Few | Span | Listed | BestBy:
    words = " ".join(text.lower().split())
    if words in ("", "all"):
        return "all"
    if words == "starred":
        return "starred"
    if found := best_by.read(words, text, field):
        return found
    if match := re.fullmatch(r"(every|last|first|(?:around )?best|even) (\d{1,9})|(\d{1,9}) (even|best)", words):
        count, how = int(match[2] or match[3]), (match[1] or match[4]).removeprefix("around ")
        if count < 1:
            raise AthanorError(f"{field}: {quoted(text)} selects no checkpoint; give a number from 1.")
        return Few(cast(How, how), count)
    if match := re.fullmatch(r"from (\d{1,9})|(?:from )?(\d{1,9}) ?(?:to|-) ?(\d{1,9})|to (\d{1,9})", words):
        return Span(int(match[1] or match[2] or 0), int(match[3] or match[4] or 10**9))
    return _listed(text, field)


def _listed(text: str, field: str) -> Listed:
    wanted: list[tuple[int | None, bool]] = []
    for part in lists.split(text, field=field):
        if part.lower() in ("last", "final"):
            wanted.append((None, True))
            continue
        if part.isdecimal() and len(part) < 10:
            wanted.append((int(part), True))
            continue
        try:
            wanted += [(int(n), False) for n in grammar.numbers(part, field, whole=True)]
        except AthanorError:
            raise AthanorError(
                f"{field}: {quoted(part)} is not understood; write all, every 2, last 3, 4-10, best 3, best 3 by likeness, "
                "5 even, starred, mean(6-10), or 2, 4, last."
            ) from None
        lists.limited(wanted, text, field)
    return Listed(tuple(wanted))
