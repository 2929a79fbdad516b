"""What the chosen objective does, as a picture: how often each timestep is trained, and how much it counts."""

from __future__ import annotations

import torch
from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font, font_for
from .objective import Objective

DRAWS, BINS = 200_000, 100
SECOND = (240, 180, 90)


def preview(
    objective: Objective, size: tuple[int, int], title: str, width: int = 960, height: int = 480
) -> Image.Image:
    """Density of timesteps (bars), loss weight (line) and their product (dotted) over t in 0..1000.

    Args:
        size: (height, width) of the latents in cells, for flux_shift.
    """
    _, t = objective.timesteps(DRAWS, size, 0, "preview")
    density = torch.histc(t, BINS, 0, 1000) / DRAWS * BINS
    sigma, at = objective.spread(BINS)
    weight = torch.zeros(BINS)
    weight[(at / 1000 * BINS).long().clamp(max=BINS - 1)] = objective.weights(sigma)
    share = density * weight
    share = share / share.mean().clamp(min=1e-12)

    image = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(image)
    left, right, top, bottom = 64, 64, 76, 44
    inner_w, inner_h = width - left - right, height - top - bottom
    pen.text((16, 10), title, font=font_for(title, 17), fill=INK)
    legend = (
        ("how often a timestep is trained", ACCENT),
        ("how much its error counts (right scale)", SECOND),
        ("together", INK),
    )
    x = 16.0
    for text, colour in legend:
        pen.rectangle((x, 42, x + 14, 54), fill=colour)
        pen.text((x + 20, 40), text, font=font(13), fill=colour)
        x += 34 + font(13).getlength(text)
    high = float(max(density.max(), share.max(), 1.0)) * 1.05
    high = min(high, 12.0)
    most = float(weight.max()) * 1.05 or 1.0

    def point(i: float, value: float, top_value: float) -> tuple[float, float]:
        return left + inner_w * i / BINS, top + inner_h * (1 - min(value / top_value, 1))

    for i in range(5):
        y = top + inner_h * (1 - i / 4)
        pen.line((left, y, left + inner_w, y), fill=LINE)
        pen.text((left - 8, y), f"{high * i / 4:.2g}", font=font(12), fill=MUTED, anchor="rm")
        pen.text((left + inner_w + 8, y), f"{most * i / 4:.3g}", font=font(12), fill=SECOND, anchor="lm")
    for i in range(BINS):
        (x0, y0), (x1, _) = point(i, float(density[i]), high), point(i + 1, 0, high)
        if density[i] > 0:
            pen.rectangle((x0, y0, x1 - 1, top + inner_h), fill=(60, 120, 80))
    pen.line([point(i + 0.5, float(v), most) for i, v in enumerate(weight)], fill=SECOND, width=3)
    for i, v in enumerate(share):
        x, y = point(i + 0.5, float(v), high)
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=INK)
    for t_mark in range(0, 1001, 200):
        x = left + inner_w * t_mark / 1000
        pen.text((x, top + inner_h + 6), str(t_mark), font=font(12), fill=MUTED, anchor="ma")
    pen.text(
        (left + inner_w / 2, height - 14),
        "timestep: 0 the picture, 1000 pure noise",
        font=font(12),
        fill=MUTED,
        anchor="mm",
    )
    return image
