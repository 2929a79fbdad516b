"""The arithmetic that all charts share."""

import math

import pytest
from athanor.training_core.charts.scale import Panel, ema, log_ticks, number, ticks, value_range

NAN = math.nan


def test_ema_is_causal_and_unbiased():
    values = [1.0, 3.0, 2.0, 5.0]
    assert ema(values, 2)[0] == 1.0
    assert ema(values, 2)[:3] == ema(values[:3], 2)
    assert all(abs(v - 4) < 1e-9 for v in ema([4.0] * 10, 3))
    # After one half-life a value weighs half as much as the newest: (1 * 1/2 + 4) / (1/2 + 1).
    assert ema([1.0, 4.0], 1)[1] == pytest.approx(3.0)


def test_a_value_that_is_no_number_leaves_the_mean_as_it_was():
    assert ema([1.0, 2.0, NAN, 4.0], 2)[:3] == [*ema([1.0, 2.0], 2), ema([1.0, 2.0], 2)[-1]]
    assert ema([1.0, 2.0, math.inf, 4.0], 2)[3] == ema([1.0, 2.0, 4.0], 2)[2]
    first, second = ema([NAN, 2.0], 2)
    assert math.isnan(first) and second == 2.0


@pytest.mark.parametrize(
    ("low", "high", "count", "want"),
    [
        (0, 0.245, 5, [0, 0.05, 0.1, 0.15, 0.2]),
        (0.07, 0.31, 5, [0.1, 0.15, 0.2, 0.25, 0.3]),
        (-1, 1, 4, [-1, -0.5, 0, 0.5, 1]),
        (0, 1000, 8, [0, 200, 400, 600, 800, 1000]),
    ],
)
def test_ticks_are_round_and_inside(low, high, count, want):
    assert ticks(low, high, count) == pytest.approx(want)


def test_what_is_counted_whole_has_whole_ticks():
    assert ticks(0, 2.5, 8, least=1) == [0, 1, 2]
    assert ticks(1, 1, 8, least=1) == [1]


def test_ticks_of_a_logarithmic_axis():
    assert log_ticks(0.07, 0.31, 5) == pytest.approx([0.07, 0.1, 0.15, 0.2, 0.3])
    assert log_ticks(1e-5, 20, 5) == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10])
    assert log_ticks(0.11, 0.14, 3) == pytest.approx([0.11, 0.12, 0.13, 0.14])  # none of the usual ones lies between


def test_the_range_begins_at_0_unless_all_lies_in_the_upper_part():
    low, high = value_range([0.1, 0.3])
    assert low == 0 and 0.3 < high < 0.33
    low, high = value_range([0.9, 1.0])
    assert 0.85 < low < 0.9 and 1.0 < high < 1.05
    assert value_range([0.1, 0.3], zero=False)[0] > 0.05
    assert value_range([-1.0, 1.0])[0] < -1


def test_a_few_outliers_do_not_flatten_the_rest_but_means_are_always_shown():
    values = [0.1 + 0.001 * (i % 50) for i in range(300)]
    values[100] = 50.0
    assert value_range(values)[1] < 0.2
    assert value_range(values, whole=[3.0])[1] > 3
    assert value_range([NAN, math.inf, *values]) == value_range(values)


def test_ranges_of_odd_values():
    assert value_range([]) == value_range([NAN]) == (0.0, 1.0)
    assert value_range([], log=True) == value_range([0.0, -1.0], log=True) == (0.1, 1.0)
    low, high = value_range([0.3, 0.3 - 1e-16, 0.3])  # the same but for rounding
    assert low < 0.29 and high > 0.31
    low, high = value_range([0.0, 0.0])
    assert low == 0 and high > 0
    low, high = value_range([1e-30, 1.0], log=True)
    assert high / low < 1.2e6


def test_points_lie_where_they_belong():
    panel = Panel(box=(10, 20, 110, 220), x=(0, 50), y=(0.0, 4.0))
    assert panel.place(0, 0) == (10, 220) and panel.place(50, 4) == (110, 20) and panel.place(25, 1) == (60, 170)
    assert panel.at_y(9) == 20 and panel.at_y(-9) == 220  # beyond the scale it stays at its edge
    log = Panel(box=(0, 0, 100, 100), x=(0, 1), y=(0.01, 1.0), log=True)
    assert log.at_y(0.1) == pytest.approx(50) and log.at_y(0.0) == 100
    one = Panel(box=(0, 0, 100, 100), x=(1, 1), y=(2.0, 2.0))
    assert all(map(math.isfinite, one.place(1, 2.0)))


def test_numbers_of_an_axis():
    assert [number(v) for v in (0.0, 1e-17, 0.15000000000000002, 2e-05, 1000)] == ["0", "0", "0.15", "2e-05", "1000"]
