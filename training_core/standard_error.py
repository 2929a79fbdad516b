"""How sure a mean over pictures is, and whether one is above another: one rule for comparisons and for the samples of a run (pure).

Pictures of one prompt are more alike than others, so that n pictures of two prompts tell less than n of n prompts: where there are
several of each, the spread of the prompts' own means counts if it is larger.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from math import fsum
from statistics import fmean, median
from typing import Any, TypeVar

Key = TypeVar("Key", bound=tuple[Any, ...])

APART = 2.0
"""Standard errors by which a mean difference must lie above 0, so that one mean counts as above the other."""
PROMPTS, SEEDS = 2, 2
"""Below which the noise of a mean is not known well enough."""
ENOUGH = PROMPTS * SEEDS
"""Pictures below which it is not."""
_COMPARED = 24
"""Other rows, at most, that each is compared with."""


def standard_error(values: Sequence[tuple[Hashable, float]]) -> float | None:
    """Return the standard error of the mean of (prompt, value), over pictures or prompts, the larger one; None of a single picture."""
    by_prompt: dict[Hashable, list[float]] = {}
    for prompt, value in values:
        by_prompt.setdefault(prompt, []).append(value)
    spreads = [[value for _, value in values], [fmean(own) for own in by_prompt.values()]]
    return max((_spread(each) / len(each) ** 0.5 for each in spreads if len(each) > 1), default=None)


def _spread(values: Sequence[float]) -> float:
    """Return the sample standard deviation; `statistics.stdev` reckons in fractions, at twenty times the time."""
    middle = fmean(values)
    return (fsum((value - middle) ** 2 for value in values) / (len(values) - 1)) ** 0.5


def is_above(differences: Sequence[tuple[Hashable, float]]) -> bool:
    """Return whether (prompt, difference), picture by picture of two checkpoints with the same prompt and seed, lie above 0 by more
    than their noise; False where there is no noise to be known.
    """
    error = standard_error(differences)
    return error is not None and fmean(value for _, value in differences) > APART * error


def errors_between(
    rows: Sequence[Mapping[Key, float]],
    error: Callable[[Sequence[tuple[Hashable, float]]], float | None] = standard_error,
) -> list[float | None]:
    """Return how uncertain each row's mean is beside the others': the noise by which to compare bars of several checkpoints.

    Pictures of one prompt are alike whatever the checkpoint, so that the spread of a checkpoint's own values says mostly that its prompts
    differ. What all have in common falls out of the differences between two rows, picture by picture. A difference has the noise of
    both, so the error of one is taken divided by the square root of 2; of a row's differences to the others the middle one, since one
    that goes its own way, as the base model does, says nothing of how well the others can be told apart.

    Args:
        rows: values by (prompt, ...), what they were measured on; an empty row is passed over.
        error: of the mean of (prompt, difference).

    Returns:
        of each row; the error of its own values where it shares fewer than two of them with any other.
    """
    found = []
    for row in rows:
        others = [other for other in rows if other is not row and len(row.keys() & other.keys()) > 1]
        some = others[:: -(-len(others) // _COMPARED)] if others else []
        told = [error([(key[0], value - other[key]) for key, value in row.items() if key in other]) for other in some]
        known = [each for each in told if each is not None]
        found.append(
            median(known) / 2**0.5 if known else error([(key[0], value) for key, value in row.items()]) if row else None
        )
    return found
