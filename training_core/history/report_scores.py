"""The part of report.html about scores: their curves, and likeness against prompt following."""

from __future__ import annotations

import html
from collections.abc import Sequence

from ..charts import scatter, svg
from . import score_curves, trade_off
from .score_curves import ScoreLine
from .scores import StepScores

_SIGNS = ("———", "– – –", "· · ·", "– · –", "—  —")


def parts(steps: Sequence[StepScores]) -> list[str]:
    """Return charts and legends as HTML, none where the samples were not scored."""
    if not steps:
        return []
    drawn = [part for panel in score_curves.panels(score_curves.lines(steps)) for part in _panel(panel)]
    scorer = html.escape(steps[-1].title)
    note = f"Scores of the samples, measured by {scorer}. Band: standard error of the differences. No score decides by itself."
    return [f'<p class="legend">{note}</p>', *drawn, *_trade_off(steps)]


def _panel(panel: Sequence[ScoreLine]) -> list[str]:
    if max(len(line.points) for line in panel) < 2:
        return []
    lines = [
        svg.Line(
            label=line.title,
            points=[(step, value.mean) for step, value in line.points],
            style=f"b{i % 5}",
            dots=True,
            band=[
                (step, value.mean - (value.error or 0.0), value.mean + (value.error or 0.0))
                for step, value in line.points
            ],
        )
        for i, line in enumerate(panel)
    ]
    title = " and ".join(line.title for line in panel)
    words = "; ".join(f"{_SIGNS[i % 5]} {html.escape(line.title)}" for i, line in enumerate(panel))
    return [svg.chart(f"Over steps: {title}", lines, 180), f"<p class='legend'>{words}</p>"]


def _trade_off(steps: Sequence[StepScores]) -> list[str]:
    found = trade_off.of_steps(steps)
    if found is None:
        return []
    dots = [
        scatter.Dot(
            label=point.label,
            group=point.group,
            x=point.x.mean,
            y=point.y.mean,
            x_error=point.x.error,
            y_error=point.y.error,
            ring=point.best,
            square=point.copies > 0,
        )
        for point in found.points
    ]
    signs = (
        "Ring: no other is better in both, copies and the base model left out. Square: samples like copies. Bars: standard error of the "
        "differences."
    )
    note = html.escape(" ".join(filter(None, (found.note, signs))))
    title = f"{found.y} against {found.x}"
    return [
        f"<h2>{html.escape(title.capitalize())}</h2>",
        scatter.chart(title, dots, (found.x, found.y)),
        f'<p class="legend">{note}</p>',
    ]
