"""The arithmetic of all charts: running mean, round numbers, the range that is shown, and where a point lies in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def ema(values: Sequence[float], half_life: float) -> list[float]:
    """Return the exponential mean of the past at every value, without bias at its start: what is drawn never changes later.

    A value that is not finite leaves the mean as it was; before the first finite one it is NaN.

    Args:
        values: in order.
        half_life: after so many values the weight of one has halved.
    """
    decay, total, weight, means = 0.5 ** (1 / half_life), 0.0, 0.0, []
    for value in values:
        if math.isfinite(value):
            total, weight = decay * total + (1 - decay) * value, decay * weight + 1 - decay
        means.append(total / weight if weight else math.nan)
    return means


def ticks(low: float, high: float, count: float, least: float = 0.0) -> list[float]:
    """Return about `count` numbers between `low` and `high` that people count in: steps of 1, 2 or 5 times a power of ten.

    Args:
        low: the smallest that may be among them.
        high: the largest.
        count: how many are wanted.
        least: no smaller step than this one; 1 for what is only counted whole.
    """
    rough = max((high - low) / max(count, 1), least, 1e-12)
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * m for m in (1, 2, 5, 10) if ten * m >= rough * 0.999)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, count: float) -> list[float]:
    """Return round numbers for a logarithmic axis: powers of ten, with numbers between where there are few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    between = (1,) if len(powers) > 4 else (1, 1.5, 2, 3, 5, 7)
    numbers = [m * 10.0**p for p in powers for m in between if low <= m * 10.0**p <= high]
    return numbers if len(numbers) > 1 else ticks(low, high, count)


def value_range(
    values: Iterable[float], whole: Iterable[float] = (), log: bool = False, zero: bool = True
) -> tuple[float, float]:
    """Return the lowest and the highest value that an axis shows, with a little room; numbers that are not finite do not count.

    Args:
        values: the outermost hundredth at each end may lie beyond: a few outliers must not flatten the rest.
        whole: all of these are shown.
        log: for a logarithmic axis, of at most six powers of ten; numbers of 0 or less do not count.
        zero: begin at 0, unless everything lies in the upper part.
    """
    inner = sorted(v for v in values if math.isfinite(v) and (v > 0 or not log))
    cut = len(inner) // 100
    shown = [*inner[cut : len(inner) - cut], *(v for v in whole if math.isfinite(v) and (v > 0 or not log))]
    if not shown:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(shown), max(shown)
    if log:
        return max(low, high * 1e-6) / 1.05, high * 1.05
    flat = high - low <= 1e-6 * max(abs(high), abs(low))  # but for rounding
    room = (abs(high) or 1.0) * 0.06 if flat else (high - low) * 0.06
    return (0.0 if zero and 0 <= low <= 0.4 * high else low - room), high + room


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A rectangle of a chart with its own scale; y rises upwards."""

    box: tuple[float, float, float, float]  # left, top, right, bottom in pixels
    x: tuple[float, float]  # the values at its left and right edge
    y: tuple[float, float]  # the values at its lower and upper edge
    log: bool = False  # of y

    def at_x(self, x: float) -> float:
        """Return the pixel of a value on the x axis."""
        (left, _, right, _), (first, last) = self.box, self.x
        return left + (right - left) * (x - first) / max(last - first, 1e-9)

    def at_y(self, y: float) -> float:
        """Return the pixel of a value on the y axis; beyond the scale it is that of the edge."""
        (_, top, _, bottom), (low, high) = self.box, self.y
        if self.log:
            low, high, y = math.log10(low), math.log10(high), math.log10(max(y, low))
        part = (y - low) / max(high - low, 1e-12)
        return bottom - (bottom - top) * min(max(part, 0.0), 1.0)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the pixel of a point."""
        return self.at_x(x), self.at_y(y)

    def ticks(self, count: float) -> list[float]:
        """Return about `count` round numbers on the y axis."""
        return log_ticks(*self.y, count) if self.log else ticks(*self.y, count)


def number(value: float) -> str:
    """Return a number as an axis shows it."""
    return "0" if abs(value) < 1e-12 else f"{value:.4g}"
