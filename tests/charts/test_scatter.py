"""Points with error bars: those that are joined lie apart, whatever lies far off."""

from __future__ import annotations

import re

from athanor.training_core.charts.scatter import Dot, chart


def dot(label, x, y, group="run", error=0.01):
    return Dot(label=label, group=group, x=x, y=y, x_error=error, y_error=error, ring=False, square=False)


def test_a_point_that_is_joined_with_none_does_not_press_the_others_on_a_heap():
    """Beside the base model the epochs of a run had lain on a tenth of the chart."""
    epochs = [dot(f"epoch {e}", 0.20 - e / 200, 0.95 + e / 100) for e in range(4)]
    drawn = chart("a against b", [dot("base model", 0.19, 0.1, group="", error=0.5), *epochs], ("a", "b"))
    places = [float(y) for y in re.findall(r'<circle class="good" cx="[^"]+" cy="([^"]+)"', drawn)]
    assert max(places[1:]) - min(places[1:]) > 150 and places[0] > max(places[1:])
    assert ">base model ↓</text>" in drawn and drawn.count('class="error"') == 8
    assert "↓" not in chart("a against b", [dot("base model", 0.19, 0.9, group=""), *epochs], ("a", "b"))
