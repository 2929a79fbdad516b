"""How sure a mean over pictures is, and whether one is above another: one rule for comparisons and for the samples of a run (pure).

Pictures of one prompt are more alike than others, so that n pictures of two prompts tell less than n of n prompts: where there are
several of each, the spread of the prompts' own means counts if it is larger.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import reduce
from statistics import fmean, stdev
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

APART = 2.0
"""Standard errors by which a mean difference must lie above 0, so that one mean counts as above the other."""
PROMPTS, SEEDS = 2, 2
"""Below which the noise of a mean is not known well enough."""
ENOUGH = PROMPTS * SEEDS
"""Pictures below which it is not."""


def standard_error(values: Sequence[tuple[Hashable, float]]) -> float | None:
    """Return the standard error of the mean of (prompt, value), over pictures or prompts, the larger one; None of a single picture."""
    by_prompt: dict[Hashable, list[float]] = {}
    for prompt, value in values:
        by_prompt.setdefault(prompt, []).append(value)
    spreads = [[value for _, value in values], [fmean(own) for own in by_prompt.values()]]
    return max((stdev(each) / len(each) ** 0.5 for each in spreads if len(each) > 1), default=None)


def is_above(differences: Sequence[tuple[Hashable, float]]) -> bool:
    """Return whether (prompt, difference), picture by picture of two checkpoints with the same prompt and seed, lie above 0 by more
    than their noise; False where there is no noise to be known.
    """
    error = standard_error(differences)
    return error is not None and fmean(value for _, value in differences) > APART * error


def apart(rows: Sequence[Mapping[Key, float]]) -> list[dict[Key, float]]:
    """Return each row's values without what the rows have in common, at the spread that tells the noise of its mean.

    Pictures of one prompt are alike whatever the checkpoint, so that the spread of a checkpoint's own values says mostly that its prompts
    differ. Without what all rows have in common, a standard error is that of the differences between rows (Cousineau 2005), times the
    square root of M / (M - 1) for M rows (Morey 2008), since a row's own values are a part of what is common.

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
