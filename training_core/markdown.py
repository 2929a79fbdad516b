"""Texts of users inside of Markdown."""

from __future__ import annotations

import re

_MARKS = re.compile(r"([\\`*\[\]<>|#~]|(?<!\w)_|_(?!\w))")


def unmarked(text: str) -> str:
    """Return a text in which Markdown finds no marks, so that nothing in it becomes a picture, a link or an element of HTML."""
    return _MARKS.sub(r"\\\1", text)
