"""Numbers, times and lists in sentences: '1 picture', '2 pictures', '2 h 10 min', 'a, b, c and 5 more'."""

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
    """Return a time as people say it, to the second or the minute: 45 s, 12 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
