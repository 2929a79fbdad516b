"""Line charts as inline SVG, for a page that needs no script."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .scale import Panel, number, ticks, value_range

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 900, 64, 64, 12, 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; values that are None or not finite leave a gap."""

    label: str
    points: Sequence[tuple[float, float | None]]
    style: str  # a CSS class of the page
    right: bool = False  # it belongs to the right axis
    dots: bool = False
    band: Sequence[tuple[float, float, float]] = ()  # x, lowest and highest y of an area around the line


def chart(
    title: str, lines: Sequence[Line], height: int = 260, marks: Sequence[tuple[float, str]] = (), log: bool = False
) -> str:
    """Return an <svg> of `lines` over a common x, with the numbers of the left (and right) axis beside it.

    Args:
        title: for readers that do not see it.
        lines: from the lowest to the uppermost.
        height: in the units of the picture's width, 900.
        marks: x and a word, as a dashed line.
        log: of the left axis; values of 0 or less are left out.
    """
    xs = [x for line in lines for x, _ in line.points]
    if not xs:
        return ""
    box = (LEFT, TOP, WIDTH - RIGHT, height - BOTTOM)
    panels: dict[bool, Panel] = {}
    for right in {line.right for line in lines}:
        values = [y for line in lines if line.right == right for _, y in line.points if y is not None]
        values += [y for line in lines if line.right == right for _, *ends in line.band for y in ends]
        logarithmic = log and not right
        y = value_range(values, log=logarithmic)
        panels[right] = Panel(box=box, x=(min(xs), max(xs)), y=y, log=logarithmic)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title, quote=True)}">']
    for right, panel in sorted(panels.items()):
        parts += _axis(panel, right)
    any_panel = next(iter(panels.values()))
    for x, word in marks:
        if any_panel.x[0] <= x <= any_panel.x[1]:
            path = f'<path class="mark" d="M{any_panel.at_x(x):.1f} {box[1]}V{box[3]}">'
            parts.append(f"{path}<title>{html.escape(word)}</title></path>")
    for x in ticks(*any_panel.x, 8, least=1):
        parts.append(f'<text x="{any_panel.at_x(x):.1f}" y="{height - 8}" text-anchor="middle">{round(x)}</text>')
    for line in lines:
        parts += _line(panels[line.right], line)
    return "".join([*parts, "</svg>"])


def _axis(panel: Panel, right: bool) -> Iterator[str]:
    """Yield the numbers of an axis, and of the left one the lines of the grid."""
    start, top, end, bottom = panel.box
    for value in panel.ticks((bottom - top) / 40):
        y = panel.at_y(value)
        x, anchor = (end + 6, "start") if right else (start - 6, "end")
        yield f'<text x="{x}" y="{y + 4:.1f}" text-anchor="{anchor}">{number(value)}</text>'
        if not right:
            yield f'<path class="grid" d="M{start} {y:.1f}H{end}"/>'


def _line(panel: Panel, line: Line) -> Iterator[str]:
    """Yield the dots and the path of a line."""
    if line.band:
        around = [panel.place(x, low) for x, low, _ in line.band] + [
            panel.place(x, high) for x, _, high in reversed(line.band)
        ]
        yield f'<path class="{line.style} band" d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in around)}Z"/>'
    path, pen = [], "M"
    for x, y in line.points:
        if y is None or not math.isfinite(y) or (panel.log and y <= 0):
            pen = "M"
            continue
        px, py = panel.place(x, y)
        path.append(f"{pen}{px:.1f} {py:.1f}")
        pen = "L"
        if line.dots:
            yield f'<circle class="{line.style}" cx="{px:.1f}" cy="{py:.1f}" r="3"/>'
    yield f'<path class="{line.style}" d="{"".join(path)}"><title>{html.escape(line.label)}</title></path>'
