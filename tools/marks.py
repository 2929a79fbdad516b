"""Put what is made by a program between the marks of a page that is written by hand."""

from __future__ import annotations

END = "<!-- end -->"


def rewritten(page: str, made: str) -> str:
    """Return the page with `made` in the place of what stood there; its first line is the begin mark, its last one END.

    Raises:
        ValueError: the page has no marks.
    """
    begin = made.partition("\n")[0]
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not found or not end:
        raise ValueError(f"it lacks the marks {begin} and {END}")
    return before + made + after
