"""The buckets as bars, each with its shape and its count."""

from __future__ import annotations

import math

from PIL import Image

from ..charts import bars
from ..charts.bars import Bar
from .plan import Buckets

MOST = 40
"""Buckets that are shown."""


def histogram(buckets: Buckets) -> Image.Image:
    """Draw one row per bucket, widest aspect first: its shape, size, aspect ratio, and a bar of pictures x repeats.

    The bright part of a bar is full batches; the rest of it, in orange, is the short last batch of an epoch.
    """
    size = buckets.settings.batch_size
    groups = sorted(buckets.by_size().items(), key=lambda g: (-g[0][0] / g[0][1], g[0]))
    fullest = sorted(sorted(groups, key=lambda g: -len(g[1]))[:MOST], key=groups.index)
    seen = sum(len(entries) for _, entries in groups)
    title = (
        f"{len(groups)} buckets, {seen} pictures with repeats, {buckets.batches_per_epoch} batches of {size} per epoch"
    )
    if len(groups) > MOST:
        title += f" (the {MOST} fullest shown)"
    short = sum(len(entries) % size for _, entries in groups)
    note = "full batches" + (f", short last batches in orange ({short} of {seen} pictures)" if short else "")
    rows = [
        Bar(
            label=f"{width}x{height}",
            value=len(entries),
            text=f"{len(entries)}  ({math.ceil(len(entries) / size)} batches)",
            rest=len(entries) % size,
            shape=(width, height),
            note=f"{width / height:.2f}",
        )
        for (width, height), entries in fullest
    ]
    return bars.chart(title, note, rows)
