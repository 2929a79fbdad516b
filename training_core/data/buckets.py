"""Aspect-ratio buckets computed as sd-scripts does (pure functions; all sizes are (width, height) in pixels)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import AthanorError
from ..settings import BucketSettings

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Placement:
    """How a picture is fitted to its bucket: resized to `resized`, then a rectangle of size `bucket` is cut out at `crop`."""

    bucket: Size
    resized: Size
    crop: tuple[int, int]  # left, top, in the resized picture


def bucket_sizes(resolution: Size, minimum: int, maximum: int, step: int) -> list[Size]:
    """Return all bucket sizes of about the resolution's area, sorted (sd-scripts' make_bucket_resolutions).

    These are the square of side floor(sqrt(area) / step) * step, and for each width from `minimum` to `maximum` in
    steps of `step` the greatest height whose area stays within the resolution's, and the same turned by 90 degrees.
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
    """Return a picture's bucket out of `sizes`, and its size after resizing it to cover that bucket.

    A bucket of exactly the picture's size wins, else the one whose aspect ratio differs least (the first of equals).
    Pictures smaller than their bucket are enlarged.
    """
    width, height = size
    if size in sizes:
        return size, size
    ratio = width / height
    bucket = min(sizes, key=lambda b: abs(b[0] / b[1] - ratio))
    scale = bucket[1] / height if ratio > bucket[0] / bucket[1] else bucket[0] / width
    return bucket, (int(width * scale + 0.5), int(height * scale + 0.5))


def choose_no_upscale(size: Size, resolution: Size, step: int) -> tuple[Size, Size]:
    """Return a picture's bucket and its size after resizing, without ever enlarging it (bucket_no_upscale).

    A picture within the resolution's area keeps its size. A larger one is scaled down to that area so that one side is
    a multiple of `step`, the side that keeps the aspect ratio better. The bucket is the resized picture with both sides
    rounded down to multiples of `step`; a side below one step gives 0.
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
        # A side shorter than one step is rounded to 0 and has no ratio: the other option is taken.
        error1 = abs(w1 / h1 - ratio) if h1 else math.inf
        error2 = abs(w2 / h2 - ratio) if h2 else math.inf
        resized = (w1, int(w1 / ratio + 0.5)) if error1 < error2 else (int(h2 * ratio + 0.5), h2)
    return (resized[0] // step * step, resized[1] // step * step), resized


@dataclass(frozen=True, slots=True)
class BucketTable:
    """The buckets that pictures are sorted into at one resolution."""

    resolution: Size
    sizes: tuple[Size, ...]  # empty: each picture's own size makes its bucket (bucket_no_upscale)
    step: int


def bucket_table(resolution: Size, settings: BucketSettings) -> BucketTable:
    """Return the buckets of `resolution`: that size alone without enable_bucket, else those of `bucket_sizes`."""
    step = settings.bucket_reso_steps
    if not settings.enable_bucket:
        return BucketTable(resolution, (resolution,), step)
    if settings.bucket_no_upscale:
        return BucketTable(resolution, (), step)
    sizes = bucket_sizes(resolution, settings.min_bucket_reso, settings.max_bucket_reso, step)
    return BucketTable(resolution, tuple(sizes), step)


def place(size: Size, table: BucketTable, focus: tuple[float, float] | None = None) -> Placement:
    """Return the bucket, resized size and crop of a picture.

    Args:
        size: the picture's, in pixels.
        table: the buckets of the resolution.
        focus: the point in the crop's middle as (x, y), fractions of width and height; None: the picture's centre. The
            crop stays inside the picture, so a point near an edge ends up off the middle.

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
    """Return the crop position (left, top) in pixels that SDXL is conditioned on, as sd-scripts computes it.

    It is not where the picture was cut: imagine the whole picture fitted into the bucket with bars beside it; this is
    its top left corner there, rounded down. For a mirrored picture left is measured from the bucket's right edge.
    """
    (width, height), (bucket_w, bucket_h) = size, bucket
    ratio = width / height
    tall = bucket_w / bucket_h > ratio
    fitted = (bucket_h * ratio, bucket_h) if tall else (bucket_w, bucket_w / ratio)
    left, top = (math.floor((b - f) / 2) for b, f in zip(bucket, fitted, strict=True))
    return (int(bucket_w - (left + fitted[0])) if flip else left), top
