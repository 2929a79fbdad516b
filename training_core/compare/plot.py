"""Loss curves of several runs in one plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from ..charts.curve import ema
from ..drawing import INK, LINE, MUTED, PAPER, font, font_for, shorten
from ..settings import CurvesSettings
from .curves import Curve, check

COLOURS = (
    (90, 200, 120), (240, 150, 70), (100, 160, 250), (235, 100, 130), (190, 130, 240), (225, 205, 90), (90, 205, 215),
    (200, 200, 205), (160, 120, 90), (120, 220, 60),
)  # fmt: skip
SIZE = (1280, 800)


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of the plot with its own scale."""

    box: tuple[int, int, int, int]  # left, top, right, bottom
    low: float
    high: float
    right: float  # largest x
    log: bool = False

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a point; beyond the scale it stays at its edge."""
        left, top, right, bottom = self.box
        low, high, value = self.low, self.high, y
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(y, low))
        part = (value - low) / (high - low)
        return left + (right - left) * x / max(self.right, 1e-9), bottom - (bottom - top) * min(max(part, 0.0), 1.0)

    def frame(self, pen: ImageDraw.ImageDraw, title: str, lines: int) -> None:
        """Horizontal lines at round values, and the panel's name above it."""
        left, top, right, bottom = self.box
        pen.rectangle((left, top, right, bottom), outline=LINE)
        for value in self._ticks(lines):
            y = self.place(0, value)[1]
            pen.line((left, y, right, y), fill=LINE)
            pen.text((left - 8, y), f"{value:.4g}", font=font(13), fill=MUTED, anchor="rm")
        pen.text((left, top - 3), title, font=font(13), fill=MUTED, anchor="lb")

    def _ticks(self, lines: int) -> list[float]:
        if not self.log:
            step = round_step((self.high - self.low) / lines)
            first = math.ceil(self.low / step - 1e-9)
            return [step * i for i in range(first, math.floor(self.high / step + 1e-9) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        few = (1,) if len(powers) > 4 else (1, 1.5, 2, 3, 5, 7)
        return [m * 10.0**p for p in powers for m in few if self.low <= m * 10.0**p <= self.high]


def round_step(rough: float) -> float:
    """The next larger number that people count in: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(max(rough, 1e-12)))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)


def draw(curves: Sequence[Curve], settings: CurvesSettings) -> Image.Image:
    """Loss (faint: every step; bright: its mean), learning rates and probes of all runs, 1280 x 800."""
    check(curves)
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    lengths = sorted(len(curve.losses) for curve in curves)
    half_life = settings.half_life or max(1.0, lengths[len(lengths) // 2] / 20)
    smooth = [_smooth(curve.losses, half_life) for curve in curves]
    legend = _legend(pen, curves, smooth)
    bottom = SIZE[1] - 50
    lower = [
        name
        for name, wanted in (
            ("probe", settings.probe and any(len(curve.probes) > 1 for curve in curves)),
            ("lr", settings.learning_rate),
        )
        if wanted
    ]
    height = 130
    boxes = {}
    for name in reversed(lower):
        boxes[name] = (80, bottom - height + 22, SIZE[0] - 90, bottom)
        bottom -= height + 8
    right = max(curve.x(settings.x_axis)[-1] for curve in curves)
    low, high = _scale([v for line in smooth for v in line], [v for c in curves for v in c.losses], settings)
    panel = Panel((80, legend + 26, SIZE[0] - 90, bottom), low, high, right, settings.log_scale)
    panel.frame(pen, "loss" + (", logarithmic" if settings.log_scale else ""), 5)
    _bottom_axis(pen, right, settings.x_axis)
    for curve, colour in zip(curves, COLOURS * 10, strict=False):
        if settings.raw:
            faint = tuple(round(p + (c - p) * 0.28) for c, p in zip(colour, PAPER, strict=True))
            _line(pen, panel, curve.x(settings.x_axis), curve.losses, faint, 1)
    for curve, line, colour in zip(curves, smooth, COLOURS * 10, strict=False):
        _line(pen, panel, curve.x(settings.x_axis), line, colour, 3)
    ends = [(panel.place(right, line[-1])[1], f"{line[-1]:.4g}") for line in smooth]
    _end_labels(pen, ends)
    if "probe" in boxes:
        _probes(pen, boxes["probe"], curves, right, settings.x_axis)
    if "lr" in boxes:
        most = max((v for curve in curves for v in curve.lrs), default=0) or 1.0
        rates = Panel(boxes["lr"], 0.0, most * 1.1, right)
        rates.frame(pen, "learning rate", 2)
        for curve, colour in zip(curves, COLOURS * 10, strict=False):
            _line(pen, rates, curve.x(settings.x_axis), curve.lrs, colour, 2)
    note = f"bright: mean of the past, half-life {half_life:g} steps" + (";  faint: every step" if settings.raw else "")
    pen.text((80, SIZE[1] - 14), note, font=font(12), fill=MUTED, anchor="lm")
    return image


def _smooth(losses: Sequence[float], half_life: float) -> list[float]:
    """The causal mean; a step without a number keeps the one before it."""
    filled, last = [], next((v for v in losses if math.isfinite(v)), 0.0)
    for value in losses:
        last = value if math.isfinite(value) else last
        filled.append(last)
    return ema(filled, half_life)


def _scale(means: Sequence[float], raw: Sequence[float], settings: CurvesSettings) -> tuple[float, float]:
    """Room for the means, and for nearly all single losses: a few outliers must not flatten the rest."""
    shown = sorted(v for v in [*means, *(raw if settings.raw else ())] if math.isfinite(v))
    if not shown:
        return (0.1, 1.0) if settings.log_scale else (0.0, 1.0)
    high = max(shown[min(len(shown) - 1, int(len(shown) * 0.99))], max(means, default=0)) * 1.05 or 1.0
    low = shown[int(len(shown) * 0.01)]
    if settings.log_scale:
        low = max(low * 0.95, high * 1e-6)
        return low, max(high, low * 1.1)
    low = low * 0.95 if low > 0.4 * high else 0.0
    return low, max(high, low + 1e-9)


def _legend(pen: ImageDraw.ImageDraw, curves: Sequence[Curve], smooth: Sequence[Sequence[float]]) -> int:
    """Names with their colours, in columns; returns where the plot may begin."""
    columns = 1 if len(curves) == 1 else 2 if len(curves) <= 6 else 3
    width = (SIZE[0] - 60) // columns
    for i, (curve, line, colour) in enumerate(zip(curves, smooth, COLOURS * 10, strict=False)):
        x, y = 30 + (i % columns) * width, 14 + (i // columns) * 24
        pen.line((x, y + 9, x + 26, y + 9), fill=colour, width=4)
        told = f"{len(curve.losses)} steps, loss {line[-1]:.4g}"
        if len(curve.probes) > 1:
            told += f", probe {curve.probes[-1][1]:.1f} %"
        room = width - 60 - round(font(13).getlength(told))
        name = shorten(curve.name, font_for(curve.name, 15), room)
        pen.text((x + 34, y + 9), name, font=font_for(name, 15), fill=INK, anchor="lm")
        end = x + 34 + font_for(name, 15).getlength(name)
        pen.text((end + 10, y + 9), told, font=font(13), fill=MUTED, anchor="lm")
    return 14 + math.ceil(len(curves) / columns) * 24


def _bottom_axis(pen: ImageDraw.ImageDraw, right: float, axis: str) -> None:
    """Round numbers below the lowest panel."""
    step = max(1.0, round_step(right / 8))
    for i in range(int(right / step) + 1):
        x = 80 + (SIZE[0] - 170) * i * step / max(right, 1e-9)
        pen.line((x, SIZE[1] - 50, x, SIZE[1] - 45), fill=MUTED)
        pen.text((x, SIZE[1] - 42), f"{i * step:g}", font=font(12), fill=MUTED, anchor="ma")
    pen.text((SIZE[0] - 90, SIZE[1] - 14), axis, font=font(13), fill=MUTED, anchor="rm")


def _line(
    pen: ImageDraw.ImageDraw,
    panel: Panel,
    xs: Sequence[float],
    ys: Sequence[float],
    colour: tuple[int, ...],
    width: int,
) -> None:
    """A curve; a value that is no number interrupts it. Long ones are drawn by their extremes per pixel."""
    points: list[tuple[float, float]] = []
    columns: dict[int, list[tuple[float, float]]] = {}
    dense = len(xs) > 4 * SIZE[0]
    for x, y in [*zip(xs, ys, strict=True), (0.0, float("nan"))]:
        if math.isfinite(y):
            point = panel.place(x, y)
            if dense:
                columns.setdefault(int(point[0]), []).append(point)
            else:
                points.append(point)
            continue
        if dense:
            points = [p for c in columns.values() for p in sorted({min(c, key=_height), max(c, key=_height)})]
            columns = {}
        if len(points) > 1:
            pen.line(points, fill=colour, width=width, joint="curve" if width > 1 else None)
        elif points:
            pen.point(points, fill=colour)
        points = []


def _height(point: tuple[float, float]) -> float:
    return point[1]


def _end_labels(pen: ImageDraw.ImageDraw, ends: Sequence[tuple[float, str]]) -> None:
    """Last values at the right edge, moved apart where they would overlap."""
    last = -math.inf
    for (y, words), colour in sorted(zip(ends, COLOURS * 10, strict=False), key=lambda item: item[0][0]):
        last = max(y, last + 15)
        pen.text((SIZE[0] - 84, last), words, font=font(13), fill=colour, anchor="lm")


def _probes(
    pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], curves: Sequence[Curve], right: float, axis: str
) -> None:
    values = [percent for curve in curves for _, percent in curve.probes]
    low, high = min(values), max(values)
    panel = Panel(box, low - 0.1 * (high - low) - 0.1, high + 0.1 * (high - low) + 0.1, right)
    panel.frame(pen, "probe, % of the start", 3)
    for curve, colour in zip(curves, COLOURS * 10, strict=False):
        points = [panel.place(curve.at(step, axis), percent) for step, percent in curve.probes]
        if len(points) > 1:
            pen.line(points, fill=colour, width=2)
        for x, y in points:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
