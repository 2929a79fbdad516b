"""The text of an axis -> its values, as typed (pure). A superset of what other grid tools read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TypeVar

from ..errors import AthanorError

LIMIT = 10_000
"""Values of one axis."""

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(_NUMBER)
_RANGE = re.compile(
    rf"(?P<first>{_NUMBER})\s*-\s*(?P<last>{_NUMBER})"
    rf"(?:\s*\(\s*(?P<step>{_NUMBER})\s*\)|\s*\[\s*(?P<count>\d+)\s*\])?"
)
_RANDOM = re.compile(r"x(\d+)")
_DOTS = ("..", "...", "…")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RandomSeed:
    """The `number`-th random seed: what it is, is fixed when the grid is planned."""

    number: int


@dataclass(frozen=True, slots=True)
class SearchReplace:
    """Search and replace in a prompt; `old == new` leaves it as it is."""

    old: str
    new: str


def once(values: Iterable[T]) -> list[T]:
    """Return the values without repetitions, in the order of their first places."""
    return list(dict.fromkeys(values))


def split(text: str, commas: bool = True) -> list[str]:
    """Return the single values of a text.

    With `||` in it, it is cut there; with several lines, each line is a value; else at commas (if `commas`), where
    "double quotes" protect a comma and "" inside them stands for a quote. `SKIP:` before a value leaves it out.

    Raises:
        AthanorError: a quote is not closed.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "||" in text:
        parts = [part.strip() for part in text.replace("\n", " ").split("||") if part.strip()]
    elif len(lines) > 1:
        parts = [_unquoted(line) for line in lines]
    elif commas and lines:
        parts = _cells(lines[0])
    else:
        parts = [_unquoted(line) for line in lines]
    return [part for part in parts if not part.upper().startswith("SKIP:")]


def _unquoted(line: str) -> str:
    inside = line[1:-1]
    if len(line) > 1 and line[0] == line[-1] == '"' and '"' not in inside.replace('""', ""):
        return inside.replace('""', '"')
    return line


def _cells(line: str) -> list[str]:
    """Return the values of one line, separated by commas. A quote counts only where a value begins."""
    result, at = [], 0
    while at <= len(line):
        while at < len(line) and line[at] == " ":
            at += 1
        if line[at : at + 1] == '"':
            end = at + 1
            while True:
                end = line.find('"', end)
                if end < 0:
                    raise AthanorError(f'values: the quote before {line[at + 1 :]!r} is not closed; write "a, b", "c".')
                if line[end + 1 : end + 2] != '"':
                    break
                end += 2
            after = line.find(",", end)
            after = len(line) if after < 0 else after
            tail = line[end + 1 : after].rstrip()
            result.append(line[at : end + 1] + tail if tail else line[at + 1 : end].replace('""', '"'))
        else:
            after = line.find(",", at)
            after = len(line) if after < 0 else after
            if word := line[at:after].strip():
                result.append(word)
        at = after + 1
    return result


def plain(value: Decimal | float) -> str:
    """Return a number as people write it: 0.6, 10, 1e-05."""
    return f"{float(value):.10g}"


def numbers(text: str, field: str = "values", whole: bool = False) -> list[Decimal]:
    """Return the numbers of a text: `1, 2`, `1, 2, .., 10`, `1-5`, `0.6-1(0.1)`, `10-1(-3)`, `1-10[4]`, `1e-4`.

    A range includes its end exactly when a step hits it and never goes beyond; both directions. `[n]` gives n
    evenly spaced numbers (whole numbers are cut down).

    Raises:
        AthanorError: names the part that cannot be read.
    """
    parts = [cell for line in split(text) for cell in (_cells(line) if "\n" in text or "||" in text else [line])]
    if not parts:
        raise AthanorError(f"{field} is empty: give at least one number, such as 0.6, 0.8, 1 or 0.6-1(0.1).")
    result: list[Decimal] = []
    for i, part in enumerate(parts):
        if part in _DOTS:
            result += _continued(result, parts, i, field)
        else:
            result += _numbers(part, field, whole)
        if len(result) > LIMIT:
            raise AthanorError(f"{field}: '{text.strip()}' gives more than {LIMIT} values; use a larger step.")
    for value in result:
        if whole and value != value.to_integral_value():
            raise AthanorError(f"{field}: '{plain(value)}' is not a whole number.")
    return once(result)


def seeds(text: str, field: str = "values") -> list[int | RandomSeed]:
    """Whole numbers as `numbers` reads them; `x3` means three random seeds, -1 one."""
    result: list[int | RandomSeed] = []
    drawn = 0
    rest: list[str] = []

    def take() -> None:
        if rest:
            result.extend(int(value) for value in numbers(", ".join(rest), field, whole=True))
            rest.clear()

    for part in [cell for line in split(text) for cell in _cells(line)]:
        match = _RANDOM.fullmatch(part)
        if match is None and part != "-1":
            rest.append(part)
            continue
        take()
        count = int(match[1]) if match else 1
        if count > LIMIT:
            raise AthanorError(f"{field}: '{part}' gives more than {LIMIT} values.")
        result += [RandomSeed(drawn + i + 1) for i in range(count)]
        drawn += count
    take()
    if not result:
        raise AthanorError(f"{field} is empty: give at least one seed, such as 1, 2, 3, or x3 for three random ones.")
    for value in result:
        if isinstance(value, int) and not 0 <= value < 2**64:
            raise AthanorError(f"{field}: {value} is not between 0 and 2^64 - 1.")
    return once(result)


def _continued(before: Sequence[Decimal], parts: Sequence[str], i: int, field: str) -> list[Decimal]:
    """Return what `..` stands for: on from the two values before it, up to (without) the one after it."""
    if not before or i + 1 >= len(parts) or not _PLAIN.fullmatch(parts[i + 1]):
        raise AthanorError(f"{field}: '{parts[i]}' needs numbers around it, as in 1, 2, .., 10.")
    last, end = before[-1], Decimal(parts[i + 1])
    step = last - before[-2] if len(before) > 1 else Decimal(1 if end > last else -1)
    if step == 0 or (end - last) * step < 0:
        raise AthanorError(f"{field}: {plain(last)}, .. never reaches {plain(end)} in steps of {plain(step)}.")
    # The end itself follows as the next part; if no step hits it, it does not belong to the list.
    steps = (end - last) / step
    if steps != steps.to_integral_value():
        raise AthanorError(
            f"{field}: steps of {plain(step)} from {plain(last)} miss {plain(end)}; write "
            f"{plain(before[0])}-{plain(end)}({plain(step)}) to stop before it."
        )
    return _steps(last + step, end - step, step, field) if steps > 1 else []


def _steps(first: Decimal, last: Decimal, step: Decimal, field: str) -> list[Decimal]:
    count = int((last - first) / step) + 1
    if count > LIMIT:
        raise AthanorError(f"{field}: {plain(first)}-{plain(last)} gives {count} values; use a larger step.")
    return [first + i * step for i in range(count)]


def _numbers(part: str, field: str, whole: bool) -> list[Decimal]:
    """Return the numbers of one part, which is a number or a range."""
    if _PLAIN.fullmatch(part):
        return [Decimal(part)]
    match = _RANGE.fullmatch(part)
    if match is None:
        raise AthanorError(f"{field}: '{part}' is not a number or a range such as 1-5, 0.6-1(0.1) or 1-10[4].")
    first, last = Decimal(match["first"]), Decimal(match["last"])
    if match["count"] is not None:
        return _spread(first, last, count=int(match["count"]), part=part, field=field, whole=whole)
    if match["step"] is None:
        if first != first.to_integral_value() or last != last.to_integral_value():
            raise AthanorError(f"{field}: '{part}' has no step; write {part}(0.1) or {part}[5].")
        return _steps(first, last, Decimal(1 if last >= first else -1), field)
    step = Decimal(match["step"])
    if step == 0:
        raise AthanorError(f"{field}: '{part}' has a step of 0.")
    down, signed = last < first, match["step"][0] in "+-"
    if signed and first != last and (step < 0) != down:
        raise AthanorError(f"{field}: '{part}' steps away from its end; write ({plain(-step)}), or leave the sign out.")
    return _steps(first, last, -abs(step) if down else abs(step), field)


def _spread(first: Decimal, last: Decimal, *, count: int, part: str, field: str, whole: bool) -> list[Decimal]:
    if not 1 <= count <= LIMIT:
        raise AthanorError(f"{field}: '{part}' asks for {count} values; between 1 and {LIMIT} are possible.")
    if count == 1:
        return [first]
    values = [first + (last - first) * i / (count - 1) for i in range(count)]
    if whole:
        return [value.to_integral_value(ROUND_DOWN) for value in values]
    return [+value.quantize(Decimal("1e-9")).normalize() for value in values]


def replacements(text: str) -> list[SearchReplace]:
    """Search and replace: `cat, dog, bird` (the first is searched for, and kept once), `cat => dog` pairs, or a
    placeholder first, `[[animal]], dog, bird`, which is never drawn itself.

    Raises:
        AthanorError: there is nothing to search for, or pairs and lists are mixed.
    """
    parts = split(text)
    if not parts:
        raise AthanorError(
            "values is empty: give the text to search for and what to put there, such as cat, dog, bird."
        )
    pairs = ["=>" in part for part in parts]
    if all(pairs):
        result = []
        for part in parts:
            old, _, new = part.partition("=>")
            if not old.strip():
                raise AthanorError(f"values: '{part}' has nothing to search for before '=>'.")
            result.append(SearchReplace(old.strip(), new.strip()))
        return once(result)
    if any(pairs):
        raise AthanorError(f"values: '{parts[pairs.index(False)]}' has no '=>' though others have; write old => new.")
    search = parts[0]
    if not search:
        raise AthanorError('values: the first value is the text to search for and cannot be "".')
    if len(parts) == 1:
        raise AthanorError(f"values: '{search}' alone is only what to search for; add what to put there, such as a, b.")
    return once(SearchReplace(search, new) for new in (parts[1:] if is_placeholder(search) else parts))


def is_placeholder(text: str) -> bool:
    """Return whether a text is of the form `[[name]]`, which stands in a prompt only to be replaced."""
    return text.startswith("[[") and text.endswith("]]")


def replace(text: str, change: SearchReplace, whole_word: bool = True) -> str:
    """`text` with every occurrence replaced; `whole_word`: not inside longer words or numbers."""
    if not whole_word or is_placeholder(change.old):
        return text.replace(change.old, change.new)
    return _word(change.old).sub(lambda _: change.new, text)


def contains(text: str, search: str, whole_word: bool = True) -> bool:
    """Return whether `replace` would change `text` where it searches for `search`."""
    return search in text and (not whole_word or is_placeholder(search) or bool(_word(search).search(text)))


def _word(search: str) -> re.Pattern[str]:
    before = r"(?<![\w])(?<!\d\.)" if re.match(r"\w", search) else ""
    after = r"(?!\w|\.\d)" if re.search(r"\w$", search) else ""
    return re.compile(before + re.escape(search) + after)


def sizes(text: str) -> list[tuple[int, int]]:
    """`512x768, 768` -> (width, height) in pixels; one number is a square.

    Raises:
        AthanorError: not of that form, not a multiple of 8, or out of bounds.
    """
    parts = [cell for line in split(text) for cell in _cells(line)]
    if not parts:
        raise AthanorError("values is empty: give at least one size, such as 512x768.")
    result = []
    for part in parts:
        match = re.fullmatch(r"(\d+)\s*(?:[xX×*]\s*(\d+))?", part)
        if match is None:
            raise AthanorError(f"values: '{part}' is not a size such as 512x768.")
        size = (int(match[1]), int(match[2] or match[1]))
        for side in size:
            if not 16 <= side <= 16384 or side % 8:
                near = min(16384, max(16, round(side / 8) * 8))
                raise AthanorError(f"values: {side} in '{part}' is not a multiple of 8 from 16 to 16384; try {near}.")
        result.append(size)
    return once(result)
