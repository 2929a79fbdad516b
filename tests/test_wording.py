"""Numbers and times in sentences."""

from __future__ import annotations

from athanor.training_core.wording import duration


def test_a_time_is_said_in_one_form_everywhere():
    said = [duration(s) for s in (0.2, 61, 89.4, 95, 3600, 7800, 200_000)]
    assert said == ["1 s", "61 s", "89 s", "2 min", "1 h 0 min", "2 h 10 min", "55 h 33 min"]
