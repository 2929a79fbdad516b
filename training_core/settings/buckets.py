"""Bucketer: which sizes pictures are trained at."""

from __future__ import annotations

from pydantic import model_validator
from typing_extensions import Self

from .base import Settings, setting


class BucketSettings(Settings):
    """Aspect-ratio buckets and the batch size."""

    width: int = setting(
        512,
        "Training resolution, width in pixels: 512 for SD1.5, 1024 for SDXL and SD3. With buckets only the area "
        "counts.",
        flag="resolution",
        ge=64,
        le=8192,
        step=8,
    )
    height: int = setting(512, "Training resolution, height in pixels.", flag="resolution", ge=64, le=8192, step=8)
    enable_bucket: bool = setting(
        True,
        "Sort pictures into buckets of similar aspect ratio, so that little is cropped. Off: every picture is "
        "cropped to the resolution.",
        flag="enable_bucket",
    )
    min_bucket_reso: int = setting(
        256, "Shortest side of a bucket in pixels.", flag="min_bucket_reso", ge=32, le=8192, step=8, advanced=True
    )
    max_bucket_reso: int = setting(
        1024,
        "Longest side of a bucket in pixels; 2048 for 1024-pixel models.",
        flag="max_bucket_reso",
        ge=64,
        le=16384,
        step=8,
        advanced=True,
    )
    bucket_reso_steps: int = setting(
        64,
        "Bucket sides are multiples of this many pixels: 64, or 32 for finer buckets (SDXL, SD3).",
        flag="bucket_reso_steps",
        ge=8,
        le=512,
        step=8,
    )
    bucket_no_upscale: bool = setting(
        False, "Never enlarge a picture; small ones get small buckets of their own.", flag="bucket_no_upscale"
    )
    batch_size: int = setting(
        1,
        "Pictures per training step. More is steadier and faster per picture, and needs more memory (1 to 8 is usual).",
        flag="train_batch_size",
        ge=1,
        le=1024,
    )

    @model_validator(mode="after")
    def _sides(self) -> Self:
        step = self.bucket_reso_steps
        if self.enable_bucket:
            if self.bucket_reso_steps % 8:
                raise ValueError(f"bucket_reso_steps is {step}: it must be a multiple of 8.")
            for name in ("width", "height"):
                value = getattr(self, name)
                if value % step:
                    near = max(step, round(value / step) * step)
                    raise ValueError(
                        f"{name} is {value}: it must be a multiple of bucket_reso_steps ({step}), for example {near}."
                    )
            low = self.min_bucket_reso // step * step
            high = -(-self.max_bucket_reso // step) * step
            if low > min(self.width, self.height):
                raise ValueError(
                    f"min_bucket_reso is {self.min_bucket_reso}: it must not be above the resolution's shorter side "
                    f"({min(self.width, self.height)})."
                )
            if high < max(self.width, self.height) and not self.bucket_no_upscale:
                raise ValueError(
                    f"max_bucket_reso is {self.max_bucket_reso}: it must not be below the resolution's longer side "
                    f"({max(self.width, self.height)})."
                )
        else:
            for name in ("width", "height"):
                if getattr(self, name) % 8:
                    raise ValueError(f"{name} is {getattr(self, name)}: it must be a multiple of 8.")
        return self
