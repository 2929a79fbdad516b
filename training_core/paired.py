"""What tells several rows of the same things apart: the same prompts and seeds drawn with several checkpoints, say (pure).

Pictures of one prompt are alike whatever the checkpoint, so that the spread of a row's own values says mostly that its prompts differ.
Without what all rows have in common, a standard error is that of the differences between rows (Cousineau 2005), times the square root
of M / (M - 1) for M rows (Morey 2008), since a row's own values are a part of what is common.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import reduce
from statistics import fmean, stdev
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)


def apart(rows: Sequence[Mapping[Key, float]]) -> list[dict[Key, float]]:
    """Return each row's values without what the rows have in common, at the spread that tells the noise of its mean.

    Args:
        rows: values by what they were measured on; empty rows are passed over.

    Returns:
        for each row the values of those things that all rows have; the rows as they are if these are fewer than two, or there is one row.
    """
    there = [row for row in rows if row]
    shared = reduce(lambda keys, row: keys & row.keys(), there, set(there[0])) if there else set()
    if len(there) < 2 or len(shared) < 2:
        return [dict(row) for row in rows]
    common = {key: fmean(row[key] for row in there) for key in shared}
    scale = (len(there) / (len(there) - 1)) ** 0.5
    return [{key: scale * (row[key] - common[key]) for key in row if key in shared} for row in rows]


def error(values: Sequence[tuple[Hashable, float]]) -> float | None:
    """Return the standard error of the mean of (group, value), over values or groups, the larger one; None of a single value.

    Pictures of one prompt are more alike than others, so that n pictures of two prompts tell less than n of n prompts: where there
    are several of each, the spread of the prompts' own means counts if it is larger.
    """
    groups: dict[Hashable, list[float]] = {}
    for group, value in values:
        groups.setdefault(group, []).append(value)
    numbers = [value for _, value in values], [fmean(own) for own in groups.values()]
    return max((stdev(each) / len(each) ** 0.5 for each in numbers if len(each) > 1), default=None)
