"""Line charts as inline SVG, for a page that needs no script."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 64, 64, 12, 26


@dataclass(frozen=True, slots=True)
class Line:
    """One line; values that are None or not finite leave a gap."""

    label: str
    points: Sequence[tuple[float, float | None]]
    style: str  # a CSS class of the page
    right: bool = False  # it belongs to the right axis
    dots: bool = False


def chart(
    title: str, lines: Sequence[Line], height: int = 260, marks: Sequence[tuple[float, str]] = (), log: bool = False
) -> str:
    """An <svg> of `lines` over a common x, the numbers of the left (and right) axis beside it.

    Args:
        marks: x and a word, as a dashed line.
        log: of the left axis; values of 0 or less are left out.
    """
    xs = [x for line in lines for x, _ in line.points]
    if not xs:
        return ""
    low, high = min(xs), max(xs)
    wide, tall = WIDTH - LEFT - RIGHT, height - TOP - BOTTOM
    scales = {
        right: _scale([line for line in lines if line.right == right], log and not right) for right in (False, True)
    }

    def at_x(x: float) -> float:
        return LEFT + wide * (x - low) / max(high - low, 1e-9)

    def at_y(y: float, right: bool) -> float:
        bottom, top = scales[right]
        value = math.log10(y) if log and not right else y
        return TOP + tall * (1 - (value - bottom) / max(top - bottom, 1e-12))

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title, quote=True)}">']
    for right in (False, True):
        if not any(line.right == right for line in lines):
            continue
        bottom, top = scales[right]
        for value in _ticks(bottom, top, tall / 40):
            y = TOP + tall * (1 - (value - bottom) / (top - bottom))
            shown = _number(10**value if log and not right else value)
            x, anchor = (WIDTH - RIGHT + 6, "start") if right else (LEFT - 6, "end")
            parts.append(f'<text x="{x}" y="{y + 4:.1f}" text-anchor="{anchor}">{shown}</text>')
            if not right:
                parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
    for x, word in marks:
        if low <= x <= high:
            parts.append(
                f'<path class="mark" d="M{at_x(x):.1f} {TOP}V{TOP + tall}"><title>{html.escape(word)}</title></path>'
            )
    for x in _ticks(low, high, 8):
        parts.append(f'<text x="{at_x(x):.1f}" y="{height - 8}" text-anchor="middle">{round(x)}</text>')
    for line in lines:
        path, pen = [], "M"
        for x, y in line.points:
            if y is None or not math.isfinite(y) or (log and not line.right and y <= 0):
                pen = "M"
                continue
            place = f"{at_x(x):.1f} {at_y(y, line.right):.1f}"
            path.append(pen + place)
            pen = "L"
            if line.dots:
                px, py = place.split()
                parts.append(f'<circle class="{line.style}" cx="{px}" cy="{py}" r="3"/>')
        parts.append(f'<path class="{line.style}" d="{"".join(path)}"><title>{html.escape(line.label)}</title></path>')
    return "".join([*parts, "</svg>"])


def _scale(lines: Sequence[Line], log: bool) -> tuple[float, float]:
    """Lowest and highest value shown, without the outermost two in a hundred of a long line."""
    values: list[float] = []
    for line in lines:
        good = sorted(y for _, y in line.points if y is not None and math.isfinite(y) and (y > 0 or not log))
        cut = len(good) // 50
        values += good[cut : len(good) - cut]
    if not values:
        return 0.0, 1.0
    if log:
        return math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.06 or 1.0
    return (0.0 if low >= 0 and low < 0.4 * high else low - room), high + room


def _ticks(low: float, high: float, count: float) -> list[float]:
    """About `count` round numbers between `low` and `high`."""
    rough = max(high - low, 1e-12) / max(count, 1)
    ten = 10 ** math.floor(math.log10(rough))
    step = next(ten * m for m in (1, 2, 5, 10) if ten * m >= rough * 0.999)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.3g}"
