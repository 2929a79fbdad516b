"""Merge Tags: how the captions of several taggers become one."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class MergeTagsSettings(Settings):
    """How many of the taggers must agree on a tag for it to be kept."""

    mode: Literal["union", "intersection", "vote"] = setting(
        "union",
        "Which tags are kept: those that any tagger has (union, finds most), that all have (intersection, errs least), "
        "or that at least min_votes have (vote, for three or four taggers).",
    )
    min_votes: int = setting(
        2, "How many taggers must have a tag, for vote (2 of 3 is usual); not used by the other modes.", ge=1, le=4
    )
    separator: str = setting(",", "What separates tags, usually a comma.", advanced=True)
