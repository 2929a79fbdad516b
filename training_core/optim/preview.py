"""The learning rate over a run, as a picture, before anything is trained."""

from __future__ import annotations

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font, font_for
from ..settings import OptimizerSettings
from . import names, rates
from .schedulers import learning_rate

COLOURS = (ACCENT, (240, 180, 90), (120, 150, 220), (220, 120, 160))
PARTS = {"unet": "U-Net", "te1": "text encoder 1", "te2": "text encoder 2", "te3": "text encoder 3"}
MARKS = 5
"""Grid lines on each axis, and rows of the text."""


def curves(settings: OptimizerSettings) -> dict[str, float]:
    """What is drawn: name -> factor on learning_rate; one line for parts that share their rate.

    Raises:
        AthanorError: as `rates.factors`.
    """
    parts = list(PARTS) if settings.text_encoder_lr.strip() else ["unet"]
    groups: dict[float, list[str]] = {}
    factors = rates.factors(settings, parts)
    if names.relative_step(settings) or names.adapts(settings):  # one rate for all that is trained
        one = 1.0 if names.relative_step(settings) else next(factor for factor in factors.values() if factor)
        factors = {part: one if factor else 0.0 for part, factor in factors.items()}
    for part, factor in factors.items():
        groups.setdefault(factor, []).append(part)
    result = {}
    for factor, members in groups.items():
        encoders = [part[-1] for part in members if part != "unet"]
        words = ["U-Net"] if "unet" in members else []
        words += [f"text encoder{'s' if len(encoders) > 1 else ''} {', '.join(encoders)}"] if encoders else []
        result[" and ".join(words)] = factor
    return result


def title(settings: OptimizerSettings, total: int) -> str:
    """Optimizer, schedule and length, in words."""
    if names.schedule_free(settings):
        schedule = "no schedule"
    elif names.relative_step(settings):
        schedule = "its own rate, times the size of each weight"
    else:
        schedule = settings.lr_scheduler
    found = "; times d, which it finds itself" if names.adapts(settings) else ""
    return f"{names.named(settings)}: {schedule}{found}, {total} steps"


def table(settings: OptimizerSettings, total: int) -> str:
    """The learning rate at some steps, one line each: the first, the last, and in between."""
    lines = curves(settings)
    steps = sorted({round((total - 1) * i / MARKS) for i in range(MARKS + 1)})
    rows = [f"{'step':>8}  " + "  ".join(f"{name:>12}" for name in lines)]
    for step in steps:
        rate = learning_rate(settings, step, total)
        values = (f"{rate * factor:.3g}".rjust(max(12, len(name))) for name, factor in lines.items())
        rows.append(f"{step + 1:>8}  " + "  ".join(values))
    return "\n".join(rows)


def preview(settings: OptimizerSettings, total: int, width: int = 960, height: int = 400) -> Image.Image:
    """The learning rate of every part over the steps of a run of `total` steps."""
    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    left, right, top, bottom = 84, 24, 76, 50
    inner_w, inner_h = width - left - right, height - top - bottom
    head = title(settings, total)
    pen.text((16, 10), head, font=font_for(head, 17), fill=INK)
    lines = curves(settings)
    steps = sorted({round((total - 1) * i / (2 * inner_w)) for i in range(2 * inner_w + 1)})
    values = [learning_rate(settings, step, total) for step in steps]
    most = max(values) * max(lines.values()) or 1.0
    high = most * 1.05
    for i in range(MARKS):
        value = most * i / (MARKS - 1)
        y = top + inner_h * (1 - value / high)
        pen.line((left, y, left + inner_w, y), fill=LINE)
        pen.text((left - 8, y), f"{value:.3g}", font=font(12), fill=MUTED, anchor="rm")
    x = 16.0
    for (name, factor), colour in zip(lines.items(), COLOURS, strict=False):
        label = f"{name}: up to {max(values) * factor:.3g}" if factor else f"{name}: not trained"
        pen.rectangle((x, 42, x + 14, 54), fill=colour)
        pen.text((x + 20, 40), label, font=font(13), fill=colour)
        x += 44 + font(13).getlength(label)
        points = [
            (left + inner_w * step / max(1, total - 1), top + inner_h * (1 - value * factor / high))
            for step, value in zip(steps, values, strict=True)
        ]
        if factor and len(points) > 1:
            pen.line(points, fill=colour, width=3, joint="curve")
        elif factor:
            pen.ellipse((points[0][0] - 3, points[0][1] - 3, points[0][0] + 3, points[0][1] + 3), fill=colour)
    for i in range(MARKS + 1):
        step = round((total - 1) * i / MARKS)
        at = left + inner_w * step / max(1, total - 1)
        pen.text((at, top + inner_h + 6), str(step + 1), font=font(12), fill=MUTED, anchor="ma")
    pen.text((left + inner_w / 2, height - 14), "step", font=font(12), fill=MUTED, anchor="mm")
    return image
