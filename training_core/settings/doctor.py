"""Dataset Doctor: what a dataset is checked against."""

from __future__ import annotations

from pydantic import field_validator

from .base import Settings, setting


class DoctorSettings(Settings):
    """The resolution and batch size that the pictures are checked for, and how strict the check is."""

    trigger: str = setting(
        "",
        "Trigger word that every caption should have, for example 'mychar' or 'sks dog'. Empty: not checked.",
    )
    resolution: int = setting(
        512,
        "Training resolution in pixels, as in the Bucketer: 512 for SD1.5, 1024 for SDXL and SD3. Pictures too "
        "small for it are listed.",
        ge=256,
        le=4096,
        step=64,
    )
    batch_size: int = setting(
        1,
        "Pictures per training step, as in the Bucketer (1 to 8 is usual). Buckets with fewer pictures are listed.",
        ge=1,
        le=1024,
    )
    near_duplicates: int = setting(
        6,
        "How many bits of a 64-bit perceptual hash may differ between two pictures that count as duplicates. 6 "
        "finds re-saved, resized and retouched copies; 10 finds more; 0 = only identical files.",
        ge=0,
        le=16,
        advanced=True,
    )
    stop_on_errors: bool = setting(
        True,
        "Stop the graph if an error is found that spoils the training, such as a trigger word that no caption "
        "has. Off: errors are only shown in the report.",
    )

    @field_validator("resolution")
    @classmethod
    def _multiple(cls, value: int) -> int:
        if value % 64:
            raise ValueError(
                f"resolution is {value}: it must be a multiple of 64, for example {round(value / 64) * 64}."
            )
        return value
