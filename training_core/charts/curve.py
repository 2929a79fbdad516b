"""The loss curve of one run as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..drawing import ACCENT, MUTED, font
from . import paint
from .paint import BLUE, ORANGE, faint
from .scale import Panel, ema, value_range

SIZE = (960, 480)
_BOX = (70, 46, SIZE[0] - 70, SIZE[1] - 44)
_MOST_EPOCHS, _MOST_RATES = 12, 160


def loss_curve(
    title: str,
    losses: Sequence[float],
    lrs: Sequence[float],
    epochs: Sequence[int],
    probes: Sequence[tuple[int, float]] = (),
) -> Image.Image:
    """Draw the loss of every step (faint), its mean (bright), the learning rate (dotted) and the probe, 960 x 480.

    Args:
        title: above the chart.
        losses: one per step; NaN where a step gave none.
        lrs: one per step; NaN where it is not known.
        epochs: one per step, from 1.
        probes: (finished steps, per cent of the loss before training), drawn between 0 and the largest.
    """
    image, pen = paint.canvas(SIZE, title)
    x, smooth = (1, max(1, len(losses))), ema(losses, max(1.0, len(losses) / 20))
    panel = Panel(box=_BOX, x=x, y=value_range(losses, smooth))
    paint.left_axis(pen, panel, 5)
    _epochs(pen, panel, epochs)
    most = max(filter(math.isfinite, lrs), default=0) or 1.0
    rates = Panel(box=_BOX, x=x, y=(0, most * 1.08))
    some = range(0, len(lrs), max(1, len(lrs) // _MOST_RATES))
    paint.dots(pen, (rates.place(i + 1, lrs[i]) for i in some if math.isfinite(lrs[i])), 1.5, BLUE)
    paint.line(pen, panel, enumerate(losses, 1), faint(ACCENT, 0.45))
    paint.line(pen, panel, enumerate(smooth, 1), ACCENT, 3)
    ends: list[tuple[float, str, paint.Colour]] = [(panel.at_y(value), f"{value:.4f}", ACCENT) for value in smooth[-1:]]
    if len(probes) > 1:
        looks = Panel(box=_BOX, x=x, y=(0, max(100.0, *(percent for _, percent in probes)) * 1.04))
        points = [(max(step, 1), percent) for step, percent in probes]
        paint.line(pen, looks, points, ORANGE, 2)
        paint.dots(pen, [looks.place(*point) for point in points], 3, ORANGE)
        ends.append((looks.at_y(probes[-1][1]), f"{probes[-1][1]:.0f} %", ORANGE))
    paint.end_labels(pen, panel, ends)
    note = f"{len(losses)} steps    loss: each step (faint) and mean    learning rate (dots): up to {most:.2g}"
    note += "    probe (orange): % of the start" if len(probes) > 1 else ""
    pen.text((_BOX[0], SIZE[1] - 18), note, font=font(12), fill=MUTED, anchor="lm")
    return image


def _epochs(pen: ImageDraw.ImageDraw, panel: Panel, epochs: Sequence[int]) -> None:
    """Draw a vertical line where an epoch ends, and the names of at most twelve of them."""
    _, top, _, bottom = panel.box
    ends = [i for i in range(1, len(epochs)) if epochs[i] != epochs[i - 1]]
    every = max(1, math.ceil((len(ends) + 1) / _MOST_EPOCHS))
    for i in ends:
        x = panel.at_x(i)
        pen.line((x, top, x, bottom), fill=(46, 46, 52))
        if epochs[i - 1] % every == 0:
            pen.text((x, bottom + 4), f"e{epochs[i - 1]}", font=font(11), fill=MUTED, anchor="ma")
