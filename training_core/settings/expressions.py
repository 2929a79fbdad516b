"""Regular expressions that users type for names of layers, and which of them would never come to an end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .. import lists
from ..errors import quoted, shortened

MOST = 500
"""Expressions of one field."""

_LONGEST = 1000
"""Characters of one expression."""

_MOST_VARYING = 12
"""Parts of variable length in a row."""

_REPEAT = re.compile(r"[*+?]|\{\d*,?\d*\}")
_GROUP = re.compile(r"\(\?(?:P<\w+>|P=\w+|#[^)]*|<?[=!]|[a-zA-Z-]*:|[a-zA-Z-]+(?=\))|>)?")


@lru_cache(maxsize=4096)
def compiled(field: str, text: str) -> re.Pattern[str]:
    """Return a regular expression for the names of layers.

    Python's engine cannot be interrupted, and tries every way to divide a name between parts that repeat: (a+)+ takes
    2^30 tries on a name of 30 letters. So an expression may not repeat a part that varies in length itself, nor have four
    parts like .* with no letter between them, nor more than a dozen in all.

    Raises:
        ValueError: it cannot be read, or could take forever; names the field and the expression.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"{field}: {quoted(text)} is longer than {_LONGEST} characters; write several expressions.")
    try:
        expression = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else shortened(error, 100)
        raise ValueError(f"{field}: {quoted(text)} is not a valid regular expression ({reason}).") from None
    if wrong := _endless(text):
        raise ValueError(
            f"{field}: {quoted(text)} {wrong}, which can take forever; write it more simply, such as 'attn2'."
        )
    return expression


def parts(field: str, text: str) -> list[str]:
    """Return the parts of a text with one expression a line or between commas, where "quotes" protect a comma, as in "a{2,3}".

    Raises:
        ValueError: a quote is not closed; names `field`.
    """
    return lists.parts(text, field)


def check_count(field: str, count: int) -> None:
    """Check how many expressions a field has.

    Raises:
        ValueError: more than MOST.
    """
    if count > MOST:
        raise ValueError(f"{field} has {count} expressions; at most {MOST} are possible: join some with |.")


@dataclass(slots=True, kw_only=True)
class _Group:
    """What has been read of a group, or of the whole expression."""

    most: int = 0  # parts of variable length in its longest branch
    now: int = 0  # and in the branch that is being read
    run: int = 0  # of these since the last plain letter
    letter: bool = False  # whether the branch has a plain letter
    letters: bool = True  # whether each branch before it has
    branches: int = 1

    def end(self) -> None:
        """Count a branch that ends here."""
        self.most, self.letters = max(self.most, self.now), self.letters and self.letter
        self.now, self.run, self.letter = 0, 0, False

    def item(self, inner: int, letter: bool, repeat: str) -> str:
        """Count an item of the branch, with its own parts of variable length; return what is wrong with it, or ''."""
        fixed = re.fullmatch(r"\{([1-4])\}", repeat)
        if inner and repeat not in ("", "?") and not fixed:
            return "repeats a part that varies in length itself"
        times = int(fixed[1]) if fixed else 1
        varies = bool(repeat) and not re.fullmatch(r"\{\d+\}", repeat)
        self.now += inner * times + varies
        if letter and not varies:
            self.run, self.letter = int(inner > 0), True
        elif inner or (varies and repeat != "?"):
            self.run += times
        if self.now > _MOST_VARYING:
            return f"has more than {_MOST_VARYING} parts of variable length in a row"
        return "has four parts of variable length with no letter between them" if self.run > 3 else ""


def _endless(text: str) -> str:
    """Return why a valid expression could take forever, in words; '' if it could not."""
    groups, at = [_Group()], 0
    while at < len(text):
        sign, inner, letter = text[at], 0, False
        if sign == "(":
            start = _GROUP.match(text, at)
            comment = start is not None and start.group().startswith(("(?#", "(?P="))
            at = text.find(")", at) + 1 if comment else start.end() if start else at + 1
            groups += [] if comment else [_Group()]
            continue
        if sign == "|":
            groups[-1].end()
            groups[-1].branches += 1
            at += 1
            continue
        if sign == ")" and len(groups) > 1:
            group = groups.pop()
            group.end()
            inner, letter = group.most + (group.branches > 1), group.letters
        elif sign == "[":
            at = _end_of_set(text, at)
        elif sign == "\\":
            at += 1
            letter = not text[at : at + 1].isalnum()
        else:
            letter = sign not in ".^$"
        at += 1
        repeat = _REPEAT.match(text, at)
        at = repeat.end() + (text[repeat.end() : repeat.end() + 1] in ("?", "+")) if repeat else at
        if wrong := groups[-1].item(inner, letter, repeat.group() if repeat else ""):
            return wrong
    return ""


def _end_of_set(text: str, at: int) -> int:
    """Return where the set of characters that begins at `at` ends."""
    at += 1 + (text[at + 1 : at + 2] == "^")
    at += text[at : at + 1] == "]"
    while at < len(text) and text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at
