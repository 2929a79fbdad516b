"""Check pictures' pixels: unreadable, of one colour, blurred, or enlarged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...wording import first_few, plural
from ..dataset import Dataset
from .finding import Finding, names
from .measure import Measure

FLAT = 3.0
"""Standard deviation of grey values (0 to 255) below which a picture shows nothing."""

BLURRED = 0.45
"""Sharpness below which a picture counts as blurred, whatever the others are: a blur of about 1.5 of 512 pixels."""

SOFT, PART_OF_MEDIAN = 0.6, 0.3
"""Between BLURRED and SOFT a picture counts as blurred if its sharpness is below this fraction of the dataset's median."""


def check(dataset: Dataset, measures: Sequence[Measure | None], resolution: int) -> list[Finding]:
    """Return the findings about pixels.

    Args:
        measures: of all pictures, from `measure_all`.
        resolution: of the training, the side of a square in pixels.
    """
    result = []
    if unreadable := [i for i, m in enumerate(measures) if m is None]:
        text = f"{plural(len(unreadable), 'picture')} can no longer be read, load the dataset again: {names(dataset, unreadable)}."
        result.append(Finding(level="error", kind="unreadable", text=text, pictures=tuple(unreadable)))
    flat = {i for i, m in enumerate(measures) if m and m.contrast < FLAT}
    if flat:
        text = f"{plural(len(flat), 'picture')} of nearly one colour, from which a LoRA learns nothing: {names(dataset, sorted(flat))}."
        result.append(Finding(level="warning", kind="flat", text=text, pictures=tuple(sorted(flat))))
    sharpness = {i: m.sharpness for i, m in enumerate(measures) if m and i not in flat and not math.isnan(m.sharpness)}
    blurred = blurred_of(sharpness)
    if blurred:
        text = (
            f"{plural(len(blurred), 'picture')} look{'s' * (len(blurred) == 1)} blurred, the LoRA would learn the blur: "
            f"{names(dataset, blurred)}."
        )
        result.append(Finding(level="warning", kind="blurred", text=text, pictures=tuple(blurred)))
    enlarged = _enlarged(dataset, measures, resolution, flat | set(blurred))
    if enlarged:
        sizes = [f"{dataset.pictures[i].name} (detail of about {w}x{h})" for i, (w, h) in enlarged.items()]
        text = (
            f"{plural(len(enlarged), 'picture')} look{'s' * (len(enlarged) == 1)} enlarged, without detail for "
            f"{resolution} pixels; use the originals: {first_few(sizes)}."
        )
        result.append(Finding(level="warning", kind="upscaled", text=text, pictures=tuple(enlarged)))
    return result


def blurred_of(sharpness: dict[int, float]) -> list[int]:
    """Return the pictures (keys of `sharpness`) that count as blurred, the worst first."""
    if not sharpness:
        return []
    limit = min(SOFT, max(BLURRED, PART_OF_MEDIAN * float(np.median(list(sharpness.values())))))
    return sorted((i for i, value in sharpness.items() if value < limit), key=sharpness.__getitem__)


def _enlarged(
    dataset: Dataset, measures: Sequence[Measure | None], resolution: int, skip: set[int]
) -> dict[int, tuple[int, int]]:
    """Return the pictures large enough for `resolution` whose detail is not: index -> (width, height) that would hold it."""
    result = {}
    for index, (picture, measure) in enumerate(zip(dataset.pictures, measures, strict=True)):
        if measure is None or index in skip or measure.detail >= 1:
            continue
        width, height = (round(side * measure.detail) for side in measure.size)
        if picture.size[0] * picture.size[1] >= resolution**2 > 1.25 * width * height:
            result[index] = (width, height)
    return result
