"""Bucketer: which sizes pictures are trained at."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import model_validator
from typing_extensions import Self

from ..errors import quoted
from .base import Settings, setting

_MOST_EXTRA = 100
"""Resolutions besides the main one; every picture is trained at each."""


class BucketSettings(Settings):
    """Training resolution, the aspect-ratio buckets around it and the batch size."""

    width: int = setting(
        512,
        "Training width in pixels: 512 for SD1.5, 1024 for SDXL and SD3. With buckets, only the area (width x "
        "height) counts.",
        flag="resolution",
        ge=64,
        le=8192,
        step=8,
    )
    height: int = setting(512, "Training height in pixels; see width.", flag="resolution", ge=64, le=8192, step=8)
    enable_bucket: bool = setting(
        True,
        "Sort pictures into buckets of similar aspect ratio, so that little is cropped. Off: every picture is "
        "cropped to width x height.",
        flag="enable_bucket",
        advanced=True,
    )
    min_bucket_reso: int = setting(
        256, "Shortest side of a bucket in pixels.", flag="min_bucket_reso", ge=32, le=8192, step=8, advanced=True
    )
    max_bucket_reso: int = setting(
        1024,
        "Longest side of a bucket in pixels. Use 2048 for 1024-pixel models.",
        flag="max_bucket_reso",
        ge=64,
        le=16384,
        step=8,
        advanced=True,
    )
    bucket_reso_steps: int = setting(
        64,
        "Bucket sides are multiples of this many pixels. 64 is usual; 32 gives finer buckets and crops less "
        "(SDXL, SD3).",
        flag="bucket_reso_steps",
        ge=8,
        le=512,
        step=8,
        advanced=True,
    )
    bucket_no_upscale: bool = setting(
        False,
        "Never enlarge a picture: small pictures go into smaller buckets.",
        flag="bucket_no_upscale",
        advanced=True,
    )
    batch_size: int = setting(
        1,
        "Pictures per training step (1 to 8 is usual). A larger batch gives steadier training and less time per "
        "picture, but needs more VRAM.",
        flag="train_batch_size",
        key="ss_batch_size_per_device",
        ge=1,
        le=1024,
    )

    extra_resolutions: str = setting(
        "",
        "Also train every picture at these resolutions, for example '768, 1024x1024'; it then counts once for "
        "each resolution. Empty: only width x height.",
        advanced=True,
    )
    crop_anchor: Literal["centre", "random", "focus"] = setting(
        "centre",
        "Which part of a picture is kept when it is cropped. centre; random: one of four places per picture; "
        "focus: the box in a file name such as name_400_300_120_120.png (centre x, y, width, height in pixels), "
        "or else the middle of the mask.",
        advanced=True,
    )
    resize_interpolation: Literal["auto", "area", "lanczos", "bicubic", "bilinear", "nearest"] = setting(
        "auto",
        "How pictures are resized. auto: area when shrinking, lanczos when enlarging.",
        flag="resize_interpolation",
        advanced=True,
    )
    control_size: Literal["auto", "same", "own"] = setting(
        "auto",
        "How control pictures are sized (edit models). same: resized, cropped and mirrored with their picture. own: whole, in "
        "their own shape, with as many pixels as the bucket. auto: what the model's usual trainers do.",
        advanced=True,
    )

    @property
    def resolutions(self) -> tuple[tuple[int, int], ...]:
        """All resolutions that are trained, as (width, height) in pixels: the main one first, each once.

        Raises:
            ValueError: extra_resolutions cannot be read; names the part.
        """
        sizes = [(self.width, self.height)]
        parts = [part.strip().lower() for part in re.split(r"[,，、\r\n]", self.extra_resolutions) if part.strip()]
        if len(parts) > _MOST_EXTRA:
            raise ValueError(f"extra_resolutions has {len(parts)} resolutions; at most {_MOST_EXTRA} are possible.")
        for part in parts:
            match = re.fullmatch(r"(\d{2,5})(?:\s*[x×*]\s*(\d{2,5}))?", part)
            if not match:
                raise ValueError(
                    f"extra_resolutions: {quoted(part)} is not a resolution; write for example 768, 1024x1024."
                )
            sizes.append((int(match[1]), int(match[2] or match[1])))
        return tuple(dict.fromkeys(sizes))

    @model_validator(mode="after")
    def _sides(self) -> Self:
        step = self.bucket_reso_steps if self.enable_bucket else 8
        if step % 8:
            raise ValueError(f"bucket_reso_steps is {step}: it must be a multiple of 8.")
        unit = f"bucket_reso_steps ({step})" if self.enable_bucket else "8"
        low = self.min_bucket_reso // step * step
        high = -(-self.max_bucket_reso // step) * step
        for number, size in enumerate(self.resolutions):
            for name, value in zip(("width", "height"), size, strict=True):
                name = name if number == 0 else "extra_resolutions: a side"
                if value % step or not 64 <= value <= 8192:
                    near = min(8192 // step * step, max(step, 64, round(value / step) * step))
                    raise ValueError(f"{name} is {value}: it must be a multiple of {unit}, for example {near}.")
            if self.enable_bucket and low > min(size):
                raise ValueError(
                    f"min_bucket_reso is {self.min_bucket_reso}: it must not be above the resolution's shorter side "
                    f"({min(size)}): lower it (an advanced setting of Bucketer), or raise width and height."
                )
            if self.enable_bucket and high < max(size) and not self.bucket_no_upscale:
                raise ValueError(
                    f"max_bucket_reso is {self.max_bucket_reso}: it must not be below the resolution's longer side "
                    f"({max(size)}): raise it (an advanced setting of Bucketer), or lower width and height."
                )
        return self
