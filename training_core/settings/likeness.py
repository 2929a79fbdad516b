"""Likeness: which training pictures are compared with, and how many of them."""

from __future__ import annotations

from .base import Settings, setting


class LikenessSettings(Settings):
    """Which pictures of the dataset a likeness is measured to."""

    caption_filter: str = setting(
        "",
        "Only training pictures whose caption has all of these, separated by commas; with a - in front: has it not. Example: "
        "'red dress, -full body'. Empty: all of them. Copies are looked for in all of them anyway.",
    )
    k: int = setting(
        3,
        "Likeness is the mean over so many of the nearest training pictures (3 is usual; 1 = the nearest alone).",
        ge=1,
        le=1000,
        advanced=True,
    )
    prompt: str = setting(
        "",
        "Only for images: what they were drawn with, for how well they follow it. One line for each picture, or one for all.",
        multiline=True,
        advanced=True,
    )
