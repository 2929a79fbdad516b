"""The noise of means over the same prompts and seeds: what all of them have in common is none."""

from __future__ import annotations

import random
from statistics import fmean, pstdev, stdev

import pytest
from athanor.training_core.standard_error import apart


def test_what_all_rows_have_in_common_is_taken_off():
    rows = [{"a": 1.0, "b": 5.0}, {"a": 2.0, "b": 6.0}]
    assert apart(rows) == [
        pytest.approx({"a": -(0.5**0.5), "b": -(0.5**0.5)}),
        pytest.approx({"a": 0.5**0.5, "b": 0.5**0.5}),
    ]
    # What one of them lacks tells nothing of the others; an empty row keeps nobody from being compared.
    assert apart([*rows, {"a": 3.0, "b": 7.0, "c": 1.0}, {}])[2:] == [
        pytest.approx({"a": 1.5**0.5, "b": 1.5**0.5}),
        {},
    ]


@pytest.mark.parametrize(
    "rows", [[], [{}], [{"a": 1.0, "b": 2.0}], [{"a": 1.0}, {"a": 2.0}], [{"a": 1.0, "b": 1.0}, {"b": 2.0, "c": 1.0}]]
)
def test_where_nothing_can_be_compared_the_rows_stay(rows):
    assert apart(rows) == rows


def test_the_error_is_that_by_which_means_vary_beside_each_other():
    """Eight prompts that differ by 1, and noise of 0.1: each of five means varies by 0.1 / 8 ** 0.5 around its own height."""
    rng, told, seen = random.Random(0), [], []
    for _ in range(200):
        prompts = [rng.gauss(0, 1) for _ in range(8)]
        rows = [{i: height + prompts[i] + rng.gauss(0, 0.1) for i in range(8)} for height in (0.0, 0.2, 0.4, 0.3, 0.1)]
        told.append(fmean(stdev(row.values()) ** 2 / 8 for row in apart(rows)))
        seen.append(fmean(rows[0].values()) - fmean(rows[4].values()))
    assert fmean(told) ** 0.5 == pytest.approx(0.1 / 8**0.5, rel=0.05)
    assert pstdev(seen) == pytest.approx((2 * fmean(told)) ** 0.5, rel=0.15)  # of a difference of two
