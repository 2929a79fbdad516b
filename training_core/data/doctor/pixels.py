"""What is wrong with the pixels: unreadable, flat, blurred, enlarged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..dataset import Dataset, few, several
from .finding import Finding, names
from .measure import Measure

FLAT = 3.0
"""Standard deviation of grey values (of 255) below which there is nothing to learn."""

BLURRED = 0.45
"""Sharpness below which a picture is blurred whatever the others are: a blur of about 1.5 of 512 pixels."""

SOFT, PART_OF_MEDIAN = 0.6, 0.3
"""Between BLURRED and SOFT it depends on the dataset: below this part of its median, a picture stands out."""


def check(dataset: Dataset, measures: Sequence[Measure | None], resolution: int) -> list[Finding]:
    """The findings; `resolution` is that of the training, in pixels."""
    result = []
    if gone := [i for i, m in enumerate(measures) if m is None]:
        text = f"{several(len(gone), 'picture')} can no longer be read, load the dataset again: {names(dataset, gone)}."
        result.append(Finding(level="error", kind="unreadable", text=text, pictures=tuple(gone)))
    flat = {i for i, m in enumerate(measures) if m and m.contrast < FLAT}
    if flat:
        text = f"{several(len(flat), 'picture')} of nearly one colour, nothing can be learnt: {names(dataset, sorted(flat))}."
        result.append(Finding(level="warning", kind="flat", text=text, pictures=tuple(sorted(flat))))
    sharpness = {i: m.sharpness for i, m in enumerate(measures) if m and i not in flat and not math.isnan(m.sharpness)}
    blurred = blurred_of(sharpness)
    if blurred:
        text = (
            f"{several(len(blurred), 'picture')} look{'s' * (len(blurred) == 1)} blurred, the LoRA would learn the blur: "
            f"{names(dataset, blurred)}."
        )
        result.append(Finding(level="warning", kind="blurred", text=text, pictures=tuple(blurred)))
    enlarged = _enlarged(dataset, measures, resolution, flat | set(blurred))
    if enlarged:
        sizes = [f"{dataset.pictures[i].name} (detail of about {w}x{h})" for i, (w, h) in enlarged.items()]
        text = (
            f"{several(len(enlarged), 'picture')} look{'s' * (len(enlarged) == 1)} enlarged, without detail for "
            f"{resolution} pixels; use the originals: {few(sizes)}."
        )
        result.append(Finding(level="warning", kind="upscaled", text=text, pictures=tuple(enlarged)))
    return result


def blurred_of(sharpness: dict[int, float]) -> list[int]:
    """The blurred ones, worst first."""
    if not sharpness:
        return []
    limit = min(SOFT, max(BLURRED, PART_OF_MEDIAN * float(np.median(list(sharpness.values())))))
    return sorted((i for i, value in sharpness.items() if value < limit), key=sharpness.__getitem__)


def _enlarged(
    dataset: Dataset, measures: Sequence[Measure | None], resolution: int, skip: set[int]
) -> dict[int, tuple[int, int]]:
    """Pictures that are big enough, but whose detail is not: index -> the size that their detail would fit in."""
    result = {}
    for index, (picture, measure) in enumerate(zip(dataset.pictures, measures, strict=True)):
        if measure is None or index in skip or measure.detail >= 1:
            continue
        width, height = (round(side * measure.detail) for side in measure.size)
        if picture.size[0] * picture.size[1] >= resolution**2 > 1.25 * width * height:
            result[index] = (width, height)
    return result
