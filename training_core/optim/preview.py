"""The learning rate over a run, as a picture, before anything is trained."""

from __future__ import annotations

from PIL import Image

from ..charts import rates as chart
from ..settings import OptimizerSettings
from . import names, rates
from .schedulers import learning_rate

PARTS = {"unet": "U-Net", "te1": "text encoder 1", "te2": "text encoder 2", "te3": "text encoder 3"}
MARKS = 5
"""Steps between the first and the last row of the text, one more than the rows between them."""


def curves(settings: OptimizerSettings) -> dict[str, float]:
    """Return what is drawn: name -> factor on learning_rate; one line for parts that share their rate.

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
    """Return optimizer, schedule and length, in words."""
    if names.schedule_free(settings):
        schedule = "no schedule"
    elif names.relative_step(settings):
        schedule = "its own rate, times the size of each weight"
    else:
        schedule = settings.lr_scheduler
    unit = "; times d, which it finds itself" if names.adapts(settings) else ""
    return f"{names.named(settings)}: {schedule}{unit}, {total} steps"


def table(settings: OptimizerSettings, total: int) -> str:
    """Return the learning rate at some steps, one line each: the first, the last, and in between."""
    lines = curves(settings)
    steps = sorted({round((total - 1) * i / MARKS) for i in range(MARKS + 1)})
    rows = [f"{'step':>8}  " + "  ".join(f"{name:>12}" for name in lines)]
    for step in steps:
        rate = learning_rate(settings, step, total)
        values = (f"{rate * factor:.3g}".rjust(max(12, len(name))) for name, factor in lines.items())
        rows.append(f"{step + 1:>8}  " + "  ".join(values))
    return "\n".join(rows)


def preview(settings: OptimizerSettings, total: int) -> Image.Image:
    """Draw the learning rate of every part over the steps of a run of `total` steps."""
    steps = sorted({round((total - 1) * i / chart.POINTS) for i in range(chart.POINTS + 1)})
    values = [learning_rate(settings, step, total) for step in steps]
    lines = {
        name: [(step + 1, value * factor) for step, value in zip(steps, values, strict=True)] if factor else []
        for name, factor in curves(settings).items()
    }
    return chart.draw(title(settings, total), total, lines)
