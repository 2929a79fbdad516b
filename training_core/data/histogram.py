"""The buckets as bars, each with its shape and its count."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from ..drawing import ACCENT, INK, LINE, MUTED, PAPER, font_for
from .plan import Buckets

WARN = (230, 160, 70)


def histogram(buckets: Buckets, most: int = 40, width: int = 900) -> Image.Image:
    """One row per bucket, widest aspect first: its shape, size, pictures, and a bar of pictures x repeats.

    The bright part of a bar is full batches; the rest of it, in orange, is the short last batch of an epoch.
    """
    size = buckets.settings.batch_size
    groups = sorted(buckets.by_size().items(), key=lambda g: (-g[0][0] / g[0][1], g[0]))
    shown = sorted(sorted(groups, key=lambda g: -len(g[1]))[:most], key=groups.index)
    row, head, left, right = 30, 62, 210, 130
    image = Image.new("RGB", (width, head + row * len(shown) + 16), PAPER)
    pen = ImageDraw.Draw(image)
    seen = sum(len(entries) for _, entries in groups)
    title = (
        f"{len(groups)} buckets, {seen} pictures with repeats, {buckets.batches_per_epoch} batches of {size} per epoch"
    )
    if len(groups) > most:
        title += f" (the {most} fullest shown)"
    pen.text((16, 10), title, font=font_for(title, 15), fill=INK)
    short = sum(len(entries) % size for _, entries in groups)
    legend = "full batches" + (f", short last batches in orange ({short} of {seen} pictures)" if short else "")
    pen.text((16, 34), legend, font=font_for(legend, 12), fill=MUTED)
    longest = max(len(entries) for _, entries in shown)
    scale = (width - left - right) / longest
    for n, ((bucket_width, bucket_height), entries) in enumerate(shown):
        y = head + n * row
        shape = 22 / max(bucket_width, bucket_height)
        w, h = max(3, bucket_width * shape), max(3, bucket_height * shape)
        pen.rectangle((28 - w / 2, y + 13 - h / 2, 28 + w / 2, y + 13 + h / 2), outline=MUTED, fill=LINE)
        label = f"{bucket_width}x{bucket_height}"
        pen.text((54, y + 5), label, font=font_for(label, 13), fill=INK)
        ratio = f"{bucket_width / bucket_height:.2f}"
        pen.text((left - 12, y + 5), ratio, font=font_for(ratio, 13), fill=MUTED, anchor="ra")
        full = len(entries) // size * size
        pen.rectangle((left, y + 4, left + len(entries) * scale, y + 22), fill=WARN)
        if full:
            pen.rectangle((left, y + 4, left + full * scale, y + 22), fill=ACCENT)
        count = f"{len(entries)}  ({math.ceil(len(entries) / size)} batches)"
        pen.text((left + len(entries) * scale + 8, y + 5), count, font=font_for(count, 13), fill=INK)
    return image
