"""The loss curves of several runs in one picture, with their probes and learning rates below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from PIL import Image, ImageDraw

from ..drawing import INK, LINE, MUTED, font, font_for, shorten
from . import paint
from .paint import COLOURS, faint
from .scale import Panel, ema, number, value_range

SIZE = (1280, 800)
_LEFT, _RIGHT, _BOTTOM, _LOWER = 80, SIZE[0] - 90, SIZE[1] - 50, 138


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One kind of score of a run's samples."""

    title: str
    scorer: str  # who has measured it
    points: Sequence[tuple[int, float, float]]  # finished steps, mean, standard error (0: unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One value per step of a run, and its probes."""

    name: str
    epochs: Sequence[float]  # finished ones after each step, with their part
    losses: Sequence[float]
    lrs: Sequence[float]
    probes: tuple[tuple[int, float], ...]  # finished steps, per cent of the start
    scores: Sequence[Score] = ()

    def x(self, axis: str) -> Sequence[float]:
        """Return where each loss stands on the axis: finished epochs, or steps from 1."""
        return self.epochs if axis == "epoch" else range(1, len(self.losses) + 1)

    def at(self, step: int, axis: str) -> float:
        """Return where a number of finished steps stands on the axis."""
        return self.x(axis)[min(step, len(self.losses)) - 1] if step else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of the runs is drawn, and on which axes."""

    x_axis: str  # "step" or "epoch"
    half_life: float  # of the mean, in steps; 0: a twentieth of the run of middle length
    log_scale: bool  # of the loss
    raw: bool  # every step's loss
    learning_rate: bool  # in a panel of its own
    probe: bool
    scores: bool = True  # likeness and prompt, each in a panel of its own that makes the picture higher


def draw(curves: Sequence[Curve], shown: Shown) -> Image.Image:
    """Draw loss (faint: every step; bright: its mean), learning rates, probes and scores of one run or more, 1280 x 800 or higher."""
    titles = dict.fromkeys(score.title for curve in curves for score in curve.scores) if shown.scores else {}
    height = SIZE[1] + _LOWER * len(titles)
    image, pen = paint.canvas((SIZE[0], height))
    lengths = sorted(len(curve.losses) for curve in curves)
    half_life = shown.half_life or max(1.0, lengths[len(lengths) // 2] / 20)
    means = [ema(curve.losses, half_life) for curve in curves]
    top, bottom = _legend(pen, curves, means) + 26, height - 50
    x = (0.0, max(curve.x(shown.x_axis)[-1] for curve in curves))
    if shown.learning_rate:
        most = max((rate for curve in curves for rate in curve.lrs if math.isfinite(rate)), default=0.0) or 1.0
        panel = _panel(pen, Panel(box=_lower(bottom), x=x, y=(0.0, most * 1.1)), "learning rate", 2)
        for curve, colour in zip(curves, cycle(COLOURS), strict=False):
            paint.line(pen, panel, zip(curve.x(shown.x_axis), curve.lrs, strict=True), colour, 2)
        bottom -= _LOWER
    if shown.probe and any(len(curve.probes) > 1 for curve in curves):
        y = value_range((), [percent for curve in curves for _, percent in curve.probes], zero=False)
        panel = _panel(pen, Panel(box=_lower(bottom), x=x, y=y), "probe, % of the start", 3)
        for curve, colour in zip(curves, cycle(COLOURS), strict=False):
            points = [(curve.at(step, shown.x_axis), percent) for step, percent in curve.probes]
            paint.line(pen, panel, points, colour, 2)
            paint.dots(pen, [panel.place(*point) for point in points], 3, colour)
        bottom -= _LOWER
    for title in list(titles)[::-1]:
        _scores(pen, title, curves, _lower(bottom), x, shown.x_axis)
        bottom -= _LOWER
    every = [loss for curve in curves for loss in curve.losses] if shown.raw else []
    y = value_range(every, [value for line in means for value in line], shown.log_scale)
    panel = Panel(box=(_LEFT, top, _RIGHT, bottom), x=x, y=y, log=shown.log_scale)
    _panel(pen, panel, "loss, logarithmic" if shown.log_scale else "loss", 5)
    _losses(pen, panel, curves, means, shown)
    paint.bottom_axis(pen, Panel(box=_lower(height - 50), x=x, y=(0.0, 1.0)), shown.x_axis)
    note = f"bright: moving average, half-life {half_life:g} steps" + (";  faint: every step" if shown.raw else "")
    pen.text((_LEFT, height - 14), note, font=font(12), fill=MUTED, anchor="lm")
    return image


def _scores(
    pen: ImageDraw.ImageDraw,
    title: str,
    curves: Sequence[Curve],
    box: tuple[int, int, int, int],
    x: tuple[float, float],
    axis: str,
) -> None:
    """Draw one kind of score of all runs that have it, with its standard error as a band; who has measured it is in its title."""
    own = [[score for score in curve.scores if score.title == title][:1] for curve in curves]
    points = [
        [(curve.at(step, axis), mean, error) for step, mean, error in score[0].points] if score else []
        for curve, score in zip(curves, own, strict=True)
    ]
    ends = [end for each in points for _, mean, error in each for end in (mean - error, mean + error)]
    scorers = dict.fromkeys(score[0].scorer for score in own if score)
    differ = ": different scorers, not to be compared" if len(scorers) > 1 else ""
    name = f"{title}, measured by {', '.join(scorers)}{differ}"
    panel = _panel(pen, Panel(box=box, x=x, y=value_range((), ends, zero=False)), name, 3)
    for each, colour in zip(points, cycle(COLOURS), strict=False):
        around = [panel.place(at, mean - error) for at, mean, error in each]
        around += [panel.place(at, mean + error) for at, mean, error in reversed(each)]
        if len(each) > 1:
            pen.polygon(around, fill=faint(colour, 0.2))
    for each, colour in zip(points, cycle(COLOURS), strict=False):
        paint.line(pen, panel, [(at, mean) for at, mean, _ in each], colour, 2)
        paint.dots(pen, [panel.place(at, mean) for at, mean, _ in each], 3, colour)


def _lower(bottom: int) -> tuple[int, int, int, int]:
    """Return the box of a small panel that ends at `bottom`."""
    return _LEFT, bottom - _LOWER + 30, _RIGHT, bottom


def _panel(pen: ImageDraw.ImageDraw, panel: Panel, title: str, count: int) -> Panel:
    """Draw the frame of a panel and its left axis."""
    pen.rectangle(panel.box, outline=LINE)
    paint.left_axis(pen, panel, count, title)
    return panel


def _losses(
    pen: ImageDraw.ImageDraw, panel: Panel, curves: Sequence[Curve], means: Sequence[Sequence[float]], shown: Shown
) -> None:
    """Draw the losses of all runs, then their means over them, and the last mean of each beside its end."""
    for curve, colour in zip(curves, cycle(COLOURS), strict=False):
        if shown.raw:
            paint.line(pen, panel, zip(curve.x(shown.x_axis), curve.losses, strict=True), faint(colour))
    ends: list[tuple[float, str, paint.Colour]] = []
    for curve, line, colour in zip(curves, means, cycle(COLOURS), strict=False):
        paint.line(pen, panel, zip(curve.x(shown.x_axis), line, strict=True), colour, 3)
        ends.append((panel.at_y(line[-1]), number(line[-1]), colour))
    paint.end_labels(pen, panel, ends)


def _legend(pen: ImageDraw.ImageDraw, curves: Sequence[Curve], means: Sequence[Sequence[float]]) -> int:
    """Draw names with their colours and last values, in columns; return the pixel below them."""
    columns = 1 if len(curves) == 1 else 2 if len(curves) <= 6 else 3
    width = (SIZE[0] - 60) // columns
    for i, (curve, line, colour) in enumerate(zip(curves, means, cycle(COLOURS), strict=False)):
        x, y = 30 + (i % columns) * width, 14 + (i // columns) * 24
        pen.line((x, y + 9, x + 26, y + 9), fill=colour, width=4)
        values = f"{len(curve.losses)} steps, loss {number(line[-1])}"  # nan if no step gave a number
        if len(curve.probes) > 1:
            values += f", probe {curve.probes[-1][1]:.1f} %"
        room = width - 60 - round(font(13).getlength(values))
        name = shorten(curve.name, font_for(curve.name, 15), room)
        pen.text((x + 34, y + 9), name, font=font_for(name, 15), fill=INK, anchor="lm")
        end = x + 34 + font_for(name, 15).getlength(name)
        pen.text((end + 10, y + 9), values, font=font(13), fill=MUTED, anchor="lm")
    return 14 + math.ceil(len(curves) / columns) * 24
