"""Aspect-ratio bucket arithmetic, as sd-scripts has it (pure functions; sizes are (width, height) in pixels)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import AthanorError
from ..settings import BucketSettings

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placement:
    """How one picture meets its bucket: resize to `resized`, then cut `bucket` out at `crop` (left, top)."""

    bucket: Size
    resized: Size
    crop: tuple[int, int]


def bucket_sizes(resolution: Size, minimum: int, maximum: int, step: int) -> list[Size]:
    """All buckets of about the resolution's area, sorted.

    The square of side floor(sqrt(area) / step) * step, and for each width from `minimum` to `maximum` the
    largest height whose area stays within the resolution's, with its transpose.
    """
    area = resolution[0] * resolution[1]
    minimum, maximum = max(step, minimum // step * step), -(-maximum // step) * step
    square = math.isqrt(area) // step * step
    sizes = {(square, square)}
    for width in range(minimum, maximum + 1, step):
        height = min(maximum, area // width // step * step)
        if height >= minimum:
            sizes |= {(width, height), (height, width)}
    return sorted(sizes)


def choose(size: Size, sizes: Sequence[Size]) -> tuple[Size, Size]:
    """Bucket and resized size of a picture, enlarging it if need be.

    An exact match wins, else the smallest difference of aspect ratios (the first of equals). The picture is
    scaled to cover the bucket.
    """
    width, height = size
    if size in sizes:
        return size, size
    ratio = width / height
    bucket = min(sizes, key=lambda b: abs(b[0] / b[1] - ratio))
    scale = bucket[1] / height if ratio > bucket[0] / bucket[1] else bucket[0] / width
    return bucket, (int(width * scale + 0.5), int(height * scale + 0.5))


def choose_no_upscale(size: Size, resolution: Size, step: int) -> tuple[Size, Size]:
    """Bucket and resized size of a picture that is only ever made smaller.

    Within the resolution's area it keeps its size and the bucket is cut from it; above, it is scaled to the
    area so that one side is a multiple of `step` and the aspect ratio is kept best.
    """
    width, height = size
    area, ratio = resolution[0] * resolution[1], width / height
    if width * height <= area:
        resized = size
    else:
        ideal_width = math.sqrt(area * ratio)
        ideal_height = area / ideal_width

        def down(x: float) -> int:
            return int(x + 0.5) // step * step

        w1, h2 = down(ideal_width), down(ideal_height)
        h1, w2 = down(w1 / ratio), down(h2 * ratio)
        # A side shorter than one step gives no ratio: that option is the worse one.
        error1 = abs(w1 / h1 - ratio) if h1 else math.inf
        error2 = abs(w2 / h2 - ratio) if h2 else math.inf
        resized = (w1, int(w1 / ratio + 0.5)) if error1 < error2 else (int(h2 * ratio + 0.5), h2)
    return (resized[0] // step * step, resized[1] // step * step), resized


@dataclass(frozen=True, slots=True)
class Table:
    """The buckets of one resolution."""

    resolution: Size
    sizes: tuple[Size, ...]  # empty: cut from the picture itself (bucket_no_upscale)
    step: int


def bucket_table(resolution: Size, settings: BucketSettings) -> Table:
    """The buckets of `resolution`: one without enable_bucket, else sd-scripts' list."""
    step = settings.bucket_reso_steps
    if not settings.enable_bucket:
        return Table(resolution, (resolution,), step)
    if settings.bucket_no_upscale:
        return Table(resolution, (), step)
    sizes = bucket_sizes(resolution, settings.min_bucket_reso, settings.max_bucket_reso, step)
    return Table(resolution, tuple(sizes), step)


def place(size: Size, table: Table, focus: tuple[float, float] | None = None) -> Placement:
    """Where a picture of `size` goes, cropped about its centre or, as far as its edges allow, about `focus`
    (parts of width and height).

    Raises:
        AthanorError: the picture is smaller than one bucket step and must not be enlarged.
    """
    if table.sizes:
        bucket, resized = choose(size, table.sizes)
    else:
        bucket, resized = choose_no_upscale(size, table.resolution, table.step)
        if 0 in bucket:
            raise AthanorError(
                f"bucket_no_upscale: a picture of {size[0]}x{size[1]} has no bucket, one side is below "
                f"bucket_reso_steps ({table.step})."
            )
    left, top = ((r - b) // 2 for r, b in zip(resized, bucket, strict=True))
    if focus:
        left, top = (min(max(0, round(at * r - b / 2)), r - b) for at, r, b in zip(focus, resized, bucket, strict=True))
    return Placement(bucket, resized, (left, top))


def recorded_crop(size: Size, bucket: Size, flip: bool = False) -> tuple[int, int]:
    """(left, top) that sd-scripts tells SDXL: not what is cut, but where the whole picture would lie in the bucket.

    The picture is fitted into the bucket with bars; numbers are cut to whole ones. Mirrored, left is measured from
    the other side.
    """
    (width, height), (bucket_w, bucket_h) = size, bucket
    ratio = width / height
    tall = bucket_w / bucket_h > ratio
    fitted = (bucket_h * ratio, bucket_h) if tall else (bucket_w, bucket_w / ratio)
    left, top = (math.floor((b - f) / 2) for b, f in zip(bucket, fitted, strict=True))
    return (int(bucket_w - (left + fitted[0])) if flip else left), top
