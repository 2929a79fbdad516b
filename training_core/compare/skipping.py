"""`SKIP:` in a filter of checkpoints: what stands behind it is left out of what the rest keeps (pure)."""

from __future__ import annotations

import re

from .averages import BRACKETS

_INSIDE = r"\((?:[^()]|\([^()]*\))*\)"  # brackets, whose commas part nothing here
_BLANK = r"[^\S\n]*"  # within its line: across lines it would try each line break of many anew
_SKIPPED = re.compile(
    rf"{_INSIDE}|(?:^|(?<=[,，、\n|])){_BLANK}(?:skip{_BLANK}[:：]{_BLANK})+(?P<what>(?:[^,，、\n|()]|{_INSIDE})*)[,，、\n|]*",
    re.IGNORECASE,
)


def parted(text: str) -> tuple[str, list[str]]:
    """Return a filter without what is skipped, and what is skipped: `all, SKIP: 4` -> `all` and `4`."""
    text = text.translate(BRACKETS)
    skipped = [match["what"].strip() for match in _SKIPPED.finditer(text) if match["what"] is not None]
    if not skipped:
        return text, []
    rest = _SKIPPED.sub(lambda match: match[0] if match["what"] is None else "", text)
    return rest.strip(" ,，、\n|"), [part for part in skipped if part]
