"""A text with several values -> its single values, as typed (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from .errors import AthanorError, quoted
from .text_files import lines as lines_in

LIMIT = 10_000
"""Values of one axis."""

COMMAS = ",，、"
"""What parts values: the comma, and where a line has none, those of Chinese keyboards."""

_CLOSING = {'"': '"', "“": "”“", "”": "”“", "„": "“”", "＂": "＂", "「": "」", "『": "』"}
"""A quote that opens -> those that close it."""

_SKIP = re.compile(r"skip\s*[:：]\s*", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a text as typed; with `SKIP:` in front of it, it keeps its place in the text and is not drawn."""

    text: str
    skipped: bool = False


def once(values: Iterable[T]) -> list[T]:
    """Return the values without repetitions, in the order of their first places."""
    return list(dict.fromkeys(values))


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank, without blanks around them."""
    return [line.strip() for line in lines_in(text) if line.strip()]


def split(text: str, commas: bool = True, field: str = "values") -> list[str]:
    """Return the single values of a text, without those that are skipped; see `marked`.

    Raises:
        AthanorError: as `marked`.
    """
    return _drawn(marked(text, commas, field))


def marked(text: str, commas: bool = True, field: str = "values") -> list[Part]:
    """Return the single values of a text, each with whether `SKIP:` stands in front of it.

    With `||` in it, it is cut there; with several lines, each line is a value; else at commas (if `commas`), where
    "double quotes" protect a comma and "" inside them stands for a quote. With `commas`, one at a line's end belongs to
    no value.

    Raises:
        AthanorError: a quote is not closed, or there are more than LIMIT values; names `field`.
    """
    lines = lines_of(text)
    if "||" in text:
        parts = [_part(part.strip()) for part in " ".join(lines_in(text)).split("||") if part.strip()]
    elif len(lines) > 1:
        parts = [_part(line, _unquoted) for line in (_without_commas(lines) if commas else lines)]
    elif commas and lines:
        parts = _cells(lines[0], field)
    else:
        parts = [_part(line, _unquoted) for line in lines]
    return limited(parts, text, field)


def names(text: str, known: Callable[[str], bool], whole: Callable[[str], bool] | None = None) -> list[str]:
    """Return the names in a text, without those that are skipped; see `marked_names`.

    Raises:
        AthanorError: as `marked`.
    """
    return _drawn(marked_names(text, known, whole))


def marked_names(text: str, known: Callable[[str], bool], whole: Callable[[str], bool] | None = None) -> list[Part]:
    """Return the names in a text: as `marked`, but a name that is `known` may have commas, and a line may have several.

    Args:
        whole: which lines are one value although they have commas, if not just the known names.

    Raises:
        AthanorError: as `marked`.
    """
    if known((only := _part(text.strip())).text):
        return [only]
    if "||" in text:
        return marked(text)
    result: list[Part] = []
    for part in marked(text):
        several = _has_comma(part.text) and not (whole or known)(part.text)
        result += within(part) if several else [part]
        limited(result, text)
    return result


def within(part: Part, field: str = "values") -> list[Part]:
    """Return the values of a line that commas part, of which `SKIP:` in front of the line means the first alone.

    Raises:
        AthanorError: a quote is not closed; names `field`.
    """
    if not _has_comma(part.text):
        return [part]
    first, *others = _cells(part.text, field) or [part]
    return [Part(first.text, first.skipped or part.skipped), *others]


def skipped(text: str, commas: bool = True) -> int:
    """Return how many values of a text are skipped, for what is said of it.

    Raises:
        AthanorError: as `marked`.
    """
    parts = marked(text, commas)
    return sum(each.skipped for part in parts for each in (within(part) if commas else [part]))


def _has_comma(text: str) -> bool:
    return any(comma in text for comma in COMMAS)


def _drawn(parts: Iterable[Part]) -> list[str]:
    return [part.text for part in parts if not part.skipped]


def _part(text: str, read: Callable[[str], str] = str) -> Part:
    """Return the value that a text is, without the `SKIP:` in front of it."""
    match = _SKIP.match(text)
    return Part(read(text[match.end() :]), skipped=True) if match else Part(read(text))


def parts(text: str, field: str = "values") -> list[str]:
    """Return what stands in the lines of a text and between the commas of a line, where "double quotes" protect a comma.

    Raises:
        AthanorError: a quote is not closed; names `field`.
    """
    return [part for line in lines_of(text) for part in cells(line, field)]


def limited(values: list[T], text: str, field: str = "values") -> list[T]:
    """Return the values that `text` gives, unless there are too many.

    Raises:
        AthanorError: there are more than LIMIT.
    """
    check(len(values), text, field)
    return values


def check(count: int, text: str, field: str = "values") -> None:
    """Check the number of values that `text` gives, before they are made.

    Raises:
        AthanorError: there are more than LIMIT.
    """
    if count > LIMIT:
        raise AthanorError(f"{field}: {quoted(text.strip())} gives more than {LIMIT} values; leave some out.")


def _without_commas(lines: list[str]) -> list[str]:
    """Return lines without the comma that parts each from the next.

    In `old => new` it may belong to the new text: there it parts only if all lines but the last end with one.
    """
    all_end = all(line[-1] in COMMAS for line in lines[:-1])
    ended = (line[:-1].rstrip() if line[-1] in COMMAS and (all_end or "=>" not in line) else line for line in lines)
    return [line for line in ended if line]


def _unquoted(line: str) -> str:
    inside = line[1:-1]
    if len(line) < 2 or line[0] not in _CLOSING or line[-1] not in _CLOSING[line[0]]:
        return line
    if line[0] == '"':
        return inside.replace('""', '"') if '"' not in inside.replace('""', "") else line
    return inside if not set(inside) & set(_CLOSING[line[0]]) else line


def cells(line: str, field: str = "values") -> list[str]:
    """Return the values of one line, separated by commas. A quote counts only where a value begins.

    Raises:
        AthanorError: a quote is not closed; names `field`.
    """
    return [text for text, _ in _scanned(line, field, marks=False)]


def _cells(line: str, field: str) -> list[Part]:
    """Return the values of one line as `cells`, where `SKIP:` may stand in front of each."""
    return [Part(text, skipped) for text, skipped in _scanned(line, field, marks=True)]


def _scanned(line: str, field: str, *, marks: bool) -> list[tuple[str, bool]]:
    """Return the values of one line, each with whether it is skipped; with `marks` a quote may stand behind `SKIP:`."""
    comma = _comma(line)
    if not any(sign in line for sign in _CLOSING):
        words = [word for word in map(str.strip, line.split(comma)) if word]
        found = [_part(word) if marks else Part(word) for word in words]
        return [(part.text, part.skipped) for part in found if part.text]
    last = {sign: line.rfind(sign) for sign in set("".join(_CLOSING.values()))}
    result, at = [], 0
    while at <= len(line):
        while at < len(line) and line[at].isspace():
            at += 1
        mark = _SKIP.match(line, at) if marks else None
        at = mark.end() if mark else at
        end = _closing_quote(line, at, last, field)
        after = line.find(comma, max(at, end))
        after = len(line) if after < 0 else after
        if end > at:
            tail = line[end + 1 : after].rstrip()
            inside = line[at + 1 : end].replace('""', '"') if line[at] == '"' else line[at + 1 : end]
            result.append((line[at : end + 1] + tail if tail else inside, bool(mark)))
        elif word := line[at:after].strip():
            result.append((word, bool(mark)))
        at = after + 1
    return result


def _comma(line: str) -> str:
    """Return the comma that parts the values of a line: the first one of COMMAS that stands outside of quotes."""
    present = [comma for comma in COMMAS if comma in line]
    if len(present) < 2 or not any(sign in line for sign in _CLOSING):
        return next(iter(present), ",")
    outside, closing, begins = set(), "", True
    for sign in line:
        if closing:
            closing = "" if sign in closing else closing
        elif begins and sign in _CLOSING:
            closing = _CLOSING[sign]
        elif sign in COMMAS:
            outside.add(sign)
        begins = sign in COMMAS or (begins and sign.isspace())
    return next((comma for comma in COMMAS if comma in outside), ",")


def _closing_quote(line: str, at: int, last: dict[str, int], field: str) -> int:
    """Return where the quote that opens at `at` is closed; -1 if there is none.

    Args:
        last: where each closing quote stands for the last time, so that none is sought that is not there.

    Raises:
        AthanorError: it is a plain quote that is not closed.
    """
    opening = line[at : at + 1]
    if not opening or opening not in _CLOSING:
        return -1
    if opening != '"':
        return min((line.find(sign, at + 1) for sign in _CLOSING[opening] if last[sign] > at), default=-1)
    end = at + 1
    while True:
        end = line.find('"', end)
        if end < 0:
            raise AthanorError(f'{field}: the quote before {quoted(line[at + 1 :])} is not closed; write "a, b", "c".')
        if line[end + 1 : end + 2] != '"':
            return end
        end += 2
