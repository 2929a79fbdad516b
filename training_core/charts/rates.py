"""The learning rate over a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from PIL import Image

from . import paint
from .scale import Panel

SIZE = (960, 400)
_BOX = (84, 76, SIZE[0] - 24, SIZE[1] - 50)
POINTS = 2 * (_BOX[2] - _BOX[0])
"""More points of a line than these are not seen."""


def draw(title: str, total: int, lines: Mapping[str, Sequence[tuple[int, float]]]) -> Image.Image:
    """Draw learning rates over the steps of a run, 960 x 400.

    Args:
        title: above the chart.
        total: steps of the run.
        lines: name -> (step from 1, rate); a line without points stands for what is not trained.
    """
    image, pen = paint.canvas(SIZE, title)
    most = {name: max((rate for _, rate in points), default=0.0) for name, points in lines.items()}
    panel = Panel(box=_BOX, x=(1, total), y=(0.0, (max(most.values(), default=0.0) or 1.0) * 1.05))
    paint.left_axis(pen, panel, 7)
    paint.bottom_axis(pen, panel, "step")
    labels = [f"{name}: up to {most[name]:.3g}" if points else f"{name}: not trained" for name, points in lines.items()]
    paint.legend(pen, zip(labels, cycle(paint.COLOURS), strict=False))
    for points, colour in zip(lines.values(), cycle(paint.COLOURS), strict=False):
        paint.line(pen, panel, points, colour, 3)
    return image
