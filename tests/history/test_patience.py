"""When a run stops by itself, from the measurements of its probe alone."""

from __future__ import annotations

import math

import pytest
from athanor.training_core.history import patience


def looks(*percents):
    return [(10 * i, percent) for i, percent in enumerate(percents)]


FALLS = looks(100, 95, 90, 85, 80, 75, 70)
RISES = looks(100, 95, 90, 88, 89, 90.5, 92, 94)


@pytest.mark.parametrize(
    ("series", "since", "lowest"),
    [
        (FALLS, 0, (60, 70)),
        (RISES, 4, (30, 88)),
        (looks(100, 100, 100, 100, 100, 100), 5, (10, 100)),
        (looks(100, 101, 103, 104, 106), 4, (10, 101)),  # the start is no step to keep
        (looks(100, 90, math.nan, math.nan, math.nan), 3, (10, 90)),
        (looks(100, math.nan), 1, None),
        ([], 0, None),
    ],
)
def test_the_best_and_how_long_ago_it_was(series, since, lowest):
    assert patience.waited(series) == since and patience.best(series) == lowest


def test_small_falls_count_together():
    """A probe that falls by less than its noise each time, but on and on, is no reason to stop."""
    zigzag = looks(100, *(90 - 0.3 * i + (0.5 if i % 2 else -0.5) for i in range(40)))
    assert patience.waited(zigzag) < 8 < len(zigzag)
    flat = looks(100, *(90 + (0.5 if i % 2 else -0.5) for i in range(40)))
    assert patience.waited(flat) >= 38


def test_it_ends_no_run_before_the_noise_is_known():
    assert not patience.over(looks(100, 101, 102, 103), 1)
    assert patience.over(RISES, 4) and not patience.over(RISES, 5) and not patience.over(RISES, 0)


def test_it_says_why_and_what_is_kept():
    said = patience.sentence(RISES, 4, 600)
    assert said.startswith("Stopped by itself at step 70 of 600: 4 measurements of the probe without an improvement")
    assert said.endswith("The LoRA file is that of step 30, where the probe was lowest (88.0 % of the start).")
