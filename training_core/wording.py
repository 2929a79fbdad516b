"""Numbers, lists and times in sentences: '1 picture', 'a, b, c and 5 more', '2 h 05 min'."""

from __future__ import annotations

from collections.abc import Sequence

from .text_files import one_line


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return a number and its noun, in the plural unless it is 1: '1 picture', '2 pictures'; `nouns`: where it is not noun + s."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def first_few(things: Sequence[str], most: int = 3, separator: str = ", ") -> str:
    """Return the first `most` names and how many follow: 'a, b, c and 5 more'; a character that no line can show is U+FFFD."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return one_line(separator.join(things[:most])) + more


def duration(seconds: float) -> str:
    """Return a time that was measured: '2 h 05 min', '3 min 20 s', '12 s'; '' for less than a second."""
    if seconds < 1:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def about(seconds: float) -> str:
    """Return a time that is estimated, no finer than anybody can know it: 'about 2 h 05 min', 'about 12 min', 'about 45 s'."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    return f"about {duration(60 * round(seconds / 60)).removesuffix(' 00 s')}"
