"""The loss curve as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font, font_for

PROBE = (240, 170, 80)


def ema(values: Sequence[float], half_life: float) -> list[float]:
    """Causal exponential mean with bias correction: what is drawn never changes later."""
    decay, total, weight, result = 0.5 ** (1 / half_life), 0.0, 0.0, []
    for value in values:
        total, weight = decay * total + (1 - decay) * value, decay * weight + 1 - decay
        result.append(total / weight)
    return result


def loss_curve(
    title: str,
    losses: Sequence[float],
    lrs: Sequence[float],
    epochs: Sequence[int],
    probes: Sequence[tuple[int, float]] = (),
) -> Image.Image:
    """Loss of every step (faint), its mean (bright), the learning rate (dotted) and the probe, 960 x 480.

    `probes`: (finished steps, per cent of the first); drawn between 0 and the largest.
    """
    size, left, right, top, bottom = (960, 480), 70, 70, 46, 44
    image = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(image)
    pen.text((16, 12), title, font=font_for(title, 17), fill=INK)
    width, height = size[0] - left - right, size[1] - top - bottom
    finite = sorted(v for v in losses if math.isfinite(v))
    high = finite[min(len(finite) - 1, int(len(finite) * 0.995))] * 1.08 if finite else 1.0
    high = high or 1.0
    # From 0, unless the whole curve would lie in the upper part.
    low = finite[0] * 0.95 if finite and finite[0] > 0.4 * high else 0.0

    def at(step: int, value: float, top_value: float, floor: float) -> tuple[float, float]:
        x = left + width * (step / max(1, len(losses) - 1))
        return x, top + height * (1 - min(max((value - floor) / (top_value - floor), 0), 1))

    for i in range(5):
        value = low + (high - low) * i / 4
        y = at(0, value, high, low)[1]
        pen.line((left, y, left + width, y), fill=LINE)
        pen.text((left - 8, y), f"{value:.3g}", font=font(12), fill=MUTED, anchor="rm")
    marks = [i for i in range(1, len(epochs)) if epochs[i] != epochs[i - 1]]
    every = max(1, math.ceil((len(marks) + 1) / 12))
    for i in marks:
        x = at(i, 0, 1, 0)[0]
        pen.line((x, top, x, top + height), fill=(46, 46, 52))
        if (epochs[i] - 1) % every == 0:
            pen.text((x, top + height + 4), f"e{epochs[i] - 1}", font=font(11), fill=MUTED, anchor="ma")
    top_lr = max(lrs, default=0) or 1.0
    for i in range(0, len(lrs), max(1, len(lrs) // 160)):
        x, y = at(i, lrs[i], top_lr * 1.08, 0)
        pen.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=(120, 150, 220))
    if len(losses) > 1:
        pen.line([at(i, v, high, low) for i, v in enumerate(losses) if math.isfinite(v)], fill=(80, 110, 90))
        smooth = ema([v if math.isfinite(v) else high for v in losses], max(1.0, len(losses) / 20))
        pen.line([at(i, v, high, low) for i, v in enumerate(smooth)], fill=ACCENT, width=3)
        pen.text(
            (left + width + 6, at(len(smooth) - 1, smooth[-1], high, low)[1]),
            f"{smooth[-1]:.4f}",
            font=font(13),
            fill=ACCENT,
            anchor="lm",
        )
    if len(probes) > 1:
        most = max(100.0, *(percent for _, percent in probes)) * 1.04
        points = [at(step - 1 if step else 0, percent, most, 0) for step, percent in probes]
        pen.line(points, fill=PROBE, width=2)
        for x, y in points:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=PROBE)
        pen.text(
            (left + width + 6, max(points[-1][1], top + 8)),
            f"{probes[-1][1]:.0f} %",
            font=font(13),
            fill=PROBE,
            anchor="lm",
        )
    note = f"{len(losses)} steps    loss: each step (faint) and mean    learning rate (dots): up to {top_lr:.2g}"
    note += "    probe (orange): % of the start" if len(probes) > 1 else ""
    pen.text((left, size[1] - 18), note, font=font(12), fill=MUTED, anchor="lm")
    return image
