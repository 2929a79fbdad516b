"""Merge Tags: how the captions of several taggers become one."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class MergeTagsSettings(Settings):
    """How many of the taggers must agree on a tag for it to be kept."""

    mode: Literal["union", "intersection", "vote"] = setting(
        "union",
        "Which tags are kept. union: those of any tagger (finds the most); intersection: those of all taggers "
        "(fewest wrong tags); vote: those of at least min_votes taggers (for three or four taggers).",
    )
    min_votes: int = setting(
        2, "For vote: how many taggers must have a tag (2 of 3 is usual). The other modes ignore it.", ge=1, le=4
    )
    separator: str = setting(",", "Text between two tags, usually a comma.", advanced=True)
