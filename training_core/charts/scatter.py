"""Points with error bars over two values as inline SVG, for a page that needs no script."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .scale import Panel, number, ticks, value_range

HEAP = 2.5
"""Times the range of the joined dots, from where on another one is left at the edge, with an arrow."""
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 64, 24, 20, 44
_LETTER, _LETTERS_HIGH = 6.8, 11
"""Pixels of a letter of a name, about, and how far lines of text must lie apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One point, its errors to each side (None: unknown), and its signs."""

    label: str
    group: str  # points of one group are joined in their order; "": with none
    x: float
    y: float
    x_error: float | None
    y_error: float | None
    ring: bool  # it is among the best
    square: bool  # instead of a disc


def chart(title: str, dots: Sequence[Dot], names: tuple[str, str], height: int = 420) -> str:
    """Return an <svg> of the points; `title`: for readers that do not see it; `names`: of the axes x and y."""
    box = (LEFT, TOP, WIDTH - RIGHT, height - BOTTOM)
    xs = _range(dots, [_ends(dot.x, dot.x_error) for dot in dots])
    ys = _range(dots, [_ends(dot.y, dot.y_error) for dot in dots])
    panel = Panel(box=box, x=xs, y=ys)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title, quote=True)}">']
    parts += [*_axes(panel, names), *_lines(panel, dots)]
    parts += [part for dot in dots for part in _dot(panel, dot)]
    parts += _names(panel, dots)
    return "".join([*parts, "</svg>"])


def _range(dots: Sequence[Dot], ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return what an axis shows: all dots, unless one that is joined with none lies so far off that the joined ones lie on a heap."""
    joined = [end for dot, both in zip(dots, ends, strict=True) if dot.group for end in both]
    is_own = len(joined) > 4 and max(joined) - min(joined) > 1e-9
    # Of the others the means alone, whose noise is another one.
    every = [end for dot, (low, high) in zip(dots, ends, strict=True) for end in _counted(dot, low, high, is_own)]
    own = joined if is_own else every
    is_heap = max(every) - min(every) > HEAP * (max(own) - min(own))
    return value_range((), own if is_heap else every, zero=False)


def _counted(dot: Dot, low: float, high: float, is_own: bool) -> tuple[float, ...]:
    return ((low + high) / 2,) if is_own and not dot.group else (low, high)


def _arrow(dot: Dot, panel: Panel) -> str:
    """Return where a dot lies that is outside of the panel, as an arrow; '' for one within."""
    across, up = (
        0 if value < low else 2 if value > high else 1 for value, (low, high) in ((dot.x, panel.x), (dot.y, panel.y))
    )
    return ("↙←↖", "↓ ↑", "↘→↗")[across][up].strip()


def _place(panel: Panel, dot: Dot) -> tuple[float, float]:
    """Return where a dot is drawn: one that lies outside of the panel stands at its edge."""
    (low, high), (bottom, top) = panel.x, panel.y
    return panel.place(min(high, max(low, dot.x)), min(top, max(bottom, dot.y)))


def _ends(value: float, error: float | None) -> tuple[float, float]:
    return value - (error or 0.0), value + (error or 0.0)


def _axes(panel: Panel, names: tuple[str, str]) -> Iterator[str]:
    left, top, right, bottom = panel.box
    for value in panel.ticks(6):
        y = panel.at_y(value)
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number(value)}</text>'
        yield f'<path class="grid" d="M{left} {y:.1f}H{right}"/>'
    for value in ticks(*panel.x, 6):
        x = panel.at_x(value)
        yield f'<text x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">{number(value)}</text>'
        yield f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
    across, up = map(html.escape, names)
    yield f'<text x="{right}" y="{bottom + 36}" text-anchor="end">{across} →</text>'
    yield f'<text x="{left + 4}" y="{top - 6}">↑ {up}</text>'


def _lines(panel: Panel, dots: Sequence[Dot]) -> Iterator[str]:
    for group in dict.fromkeys(dot.group for dot in dots if dot.group):
        own = [panel.place(dot.x, dot.y) for dot in dots if dot.group == group]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in own)
        yield f'<path class="mark" d="M{path}"/>'


def _dot(panel: Panel, dot: Dot) -> Iterator[str]:
    (low, high), (bottom, top), far = panel.x, panel.y, _arrow(dot, panel)
    x, y = _place(panel, dot)
    style, title = "copies" if dot.square else "good", f"<title>{html.escape(dot.label)}</title>"
    if dot.x_error and not far:
        left, right = (min(high, max(low, end)) for end in _ends(dot.x, dot.x_error))
        yield f'<path class="error" d="M{panel.at_x(left):.1f} {y:.1f}H{panel.at_x(right):.1f}"/>'
    if dot.y_error and not far:
        under, over = (min(top, max(bottom, end)) for end in _ends(dot.y, dot.y_error))
        yield f'<path class="error" d="M{x:.1f} {panel.at_y(under):.1f}V{panel.at_y(over):.1f}"/>'
    if dot.ring:
        yield f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
    if dot.square:
        yield f'<rect class="{style}" x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10">{title}</rect>'
    else:
        yield f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="5">{title}</circle>'


def _names(panel: Panel, dots: Sequence[Dot]) -> Iterator[str]:
    """Yield the names beside their points, each where no other name and no point is; one that finds no room is only in its title.

    The best ones choose first.
    """
    places = [_place(panel, dot) for dot in dots]
    taken = [(x - 6, x + 6, y + 4) for x, y in places]  # left, right and base line
    for dot, (x, y) in sorted(zip(dots, places, strict=True), key=lambda pair: not pair[0].ring):
        label = f"{dot.label} {_arrow(dot, panel)}".strip()
        wide = _LETTER * len(label)
        for side, below in ((12, -8), (-12, -8), (12, 18), (-12, 18)):
            left = x + side if side > 0 else x + side - wide
            if _is_free((left, left + wide, y + below), taken):
                taken.append((left, left + wide, y + below))
                anchor = "start" if side > 0 else "end"
                yield f'<text x="{x + side:.1f}" y="{y + below:.1f}" text-anchor="{anchor}">{html.escape(label)}</text>'
                break


def _is_free(place: tuple[float, float, float], taken: Sequence[tuple[float, float, float]]) -> bool:
    left, right, line = place
    others = (other for other in taken if abs(other[2] - line) <= _LETTERS_HIGH)
    return left > LEFT and right < WIDTH and all(other[0] > right or other[1] < left for other in others)
