"""Balance Repeats: which groups of pictures should be seen equally often."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class RebalanceSettings(Settings):
    """What makes a group of pictures, and how far its repeats may be raised."""

    by: Literal["sub-folders", "tags"] = setting(
        "sub-folders",
        "What makes a group: the sub-folder of a picture (one folder per outfit or character), or the first of "
        "the tags below that its caption has.",
    )
    tags: str = setting(
        "",
        "For by = tags: one tag per group, separated by commas or lines, for example 'front view, side view, from"
        " behind'. Pictures without any of them keep their repeats.",
        multiline=True,
    )
    max_repeats: int = setting(
        20,
        "Repeats are not raised above this (10 to 30 is usual): pictures that are seen too often cause "
        "overfitting. Pictures that already have more keep them.",
        ge=1,
        le=1000,
    )
