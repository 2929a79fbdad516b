"""The noise of means over the same prompts and seeds: what all of them have in common is none."""

from __future__ import annotations

import random
from statistics import fmean, pstdev

import pytest
from athanor.training_core.standard_error import errors_between, standard_error


def row(*values, first=0):
    """Values of so many prompts, one picture each."""
    return {(prompt, 1): value for prompt, value in enumerate(values, first)}


def test_what_two_rows_have_in_common_is_no_noise():
    assert errors_between([row(1.0, 5.0), row(2.0, 6.0), {}]) == [0.0, 0.0, None]
    # A difference of 1 and one of 3 have an error of 1; each of the two has its part of it.
    assert errors_between([row(1.0, 5.0), row(2.0, 8.0)]) == pytest.approx([0.5**0.5, 0.5**0.5])


@pytest.mark.parametrize(
    "rows", [[], [row()], [row(1.0, 2.0)], [row(1.0), row(2.0)], [row(1.0, 1.0), row(2.0, 1.0, first=1)]]
)
def test_where_nothing_can_be_compared_it_is_the_error_of_the_values(rows):
    assert errors_between(rows) == [standard_error([(key[0], value) for key, value in each.items()]) for each in rows]


def test_the_error_is_that_by_which_means_vary_beside_each_other():
    """Eight prompts that differ by 1, and noise of 0.1: each mean varies by 0.1 / 8 ** 0.5 around its own height. The base model, which
    goes its own way in each prompt, had made every error 0.05.
    """
    rng, told, seen = random.Random(0), [], []
    for _ in range(80):
        prompts = [rng.gauss(0, 1) for _ in range(8)]
        epochs = [row(*(height + prompt + rng.gauss(0, 0.1) for prompt in prompts)) for height in (0.0, 0.2, 0.4, 0.3)]
        base, *errors = errors_between([row(*(rng.gauss(0, 1) for _ in prompts)), *epochs])
        assert base is not None and base > 2 * max(errors)
        told += errors
        seen.append(fmean(epochs[0].values()) - fmean(epochs[1].values()))
    assert fmean(told) == pytest.approx(0.1 / 8**0.5, rel=0.15)
    assert pstdev(seen) == pytest.approx(2**0.5 * fmean(told), rel=0.15)  # of a difference of two


def test_many_rows_are_not_all_compared_with_each_other():
    calls = []
    errors_between([row(1.0, float(i)) for i in range(60)], lambda values: calls.append(1) or standard_error(values))
    assert len(calls) <= 60 * 24
