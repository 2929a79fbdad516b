"""How control pictures are cut for a sample: with the picture that is trained on, or in their own shape (pure)."""

from __future__ import annotations

from dataclasses import replace

from ..control_size import own_size
from .buckets import Placement, Size
from .plan import Buckets, CropVariant

SAME_SHAPE = 0.01
"""Part by which aspect ratios differ at most that count as one: sizes are whole pixels."""


def controls_of(buckets: Buckets, variant: CropVariant, size: str) -> tuple[CropVariant, ...]:
    """Return the control pictures of a sample, mirrored and recoloured as its own picture is.

    Args:
        variant: of the picture that is trained on.
        size: "same": cut as that picture; "own": whole, in their own shape, of about the bucket's area.
    """
    picture = buckets.dataset.pictures[variant.picture]
    return tuple(
        replace(variant, control=number, placement=_placed(control.size, picture.size, variant.placement, size))
        for number, control in enumerate(picture.controls)
    )


def _placed(control: Size, picture: Size, placement: Placement, size: str) -> Placement:
    if size == "own":
        own = own_size(control, placement.bucket)
        return Placement(own, own, (0, 0))
    width, height = control
    if abs(width * picture[1] / (height * picture[0]) - 1) <= SAME_SHAPE:
        return placement
    return _covering(control, placement)


def _covering(size: Size, placement: Placement) -> Placement:
    """Return how a picture of another shape covers the same bucket, cut at the same place as far as it goes."""
    bucket = placement.bucket
    scale = max(b / s for b, s in zip(bucket, size, strict=True))
    resized = tuple(max(b, round(s * scale)) for b, s in zip(bucket, size, strict=True))
    spots = []
    for own, other, b, at in zip(resized, placement.resized, bucket, placement.crop, strict=True):
        spots.append(round((own - b) * (at / (other - b) if other > b else 0.5)))
    return Placement(bucket, (resized[0], resized[1]), (spots[0], spots[1]))
