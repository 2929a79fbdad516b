"""What an objective does over the timesteps, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ..drawing import ACCENT, INK
from . import paint
from .paint import ORANGE, faint
from .scale import Panel

SIZE = (960, 480)
_BOX = (64, 76, SIZE[0] - 64, SIZE[1] - 50)
_LAST = 1000
_HIGHEST = 12.0
"""Times the mean; a peak above it is cut off, so that the rest can be seen."""


def draw(title: str, density: Sequence[float], weight: Sequence[float], share: Sequence[float]) -> Image.Image:
    """Draw how often timesteps 0 (the picture) to 1000 (pure noise) are trained and how much they count, 960 x 480.

    Args:
        title: above the chart.
        density: how often each of equally wide bins is trained, 1 on average: bars.
        weight: what the loss in each bin is multiplied with: a line with its own scale on the right.
        share: both together, 1 on average: dots.
    """
    image, pen = paint.canvas(SIZE, title)
    names = ("how often a timestep is trained", "weight of its loss (right scale)", "both multiplied")
    paint.legend(pen, zip(names, (ACCENT, ORANGE, INK), strict=True))
    high = min(max(*density, *share, 1.0) * 1.05, _HIGHEST)
    panel = Panel(box=_BOX, x=(0, _LAST), y=(0.0, high))
    weights = Panel(box=_BOX, x=(0, _LAST), y=(0.0, max(weight) * 1.05 or 1.0))
    paint.left_axis(pen, panel, 7)
    paint.right_axis(pen, weights, 7, ORANGE)
    paint.bottom_axis(pen, panel, "timestep (0: clean image, 1000: pure noise)")
    width = _LAST / len(density)
    for i, value in enumerate(density):
        if value > 0:
            x, y = panel.place(i * width, value)
            pen.rectangle((x, y, panel.at_x((i + 1) * width) - 1, _BOX[3]), fill=faint(ACCENT, 0.52))
    middles = [(i + 0.5) * width for i in range(len(density))]
    paint.line(pen, weights, zip(middles, weight, strict=True), ORANGE, 3)
    paint.dots(pen, (panel.place(x, y) for x, y in zip(middles, share, strict=True)), 2, INK)
    return image
