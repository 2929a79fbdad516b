"""The numbers, seeds and sizes in the text of an axis (pure). A superset of what other grid tools read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation

from ..errors import AthanorError, quoted
from ..lists import LIMIT, Part, limited, marked, within

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_PLAIN = re.compile(_NUMBER)
_RANGE = re.compile(
    rf"(?P<first>{_NUMBER})\s*-\s*(?P<last>{_NUMBER})"
    rf"(?:\s*\(\s*(?P<step>{_NUMBER})\s*\)|\s*\[\s*(?P<count>\d+)\s*\])?"
)
_RANDOM = re.compile(r"x(\d{1,9})")
_SIZE = re.compile(r"(\d{1,9})\s*(?:[xX×*]\s*(\d{1,9}))?")
_DOTS = ("..", "...", "…")

_LONGEST = 100
"""Characters of a number or a range; what is longer is none."""

_DIGITS = 30
"""Numbers lie below 10 to this power, and above 10 to minus this power (the largest seed has 20 digits)."""

_EXACT = Context(prec=100)

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # digits and signs of Chinese keyboards, as ASCII
_SIGNS = _WIDE | dict.fromkeys(map(ord, "–—−"), "-") | {ord("、"): ","}


@dataclass(frozen=True, slots=True)
class RandomSeed:
    """The `number`-th random seed: what it is, is fixed when the grid is planned."""

    number: int


def plain(value: Decimal | float) -> str:
    """Return a number as people write it: 0.6, 10, 1e-05."""
    return f"{float(value):.10g}"


def _parts(text: str, field: str) -> list[Part]:
    """Return the single numbers and ranges of a text; what Chinese keyboards write for digits and signs is read as such."""
    lines = marked(text.translate(_SIGNS), field=field)
    return limited([part for line in lines for part in within(line, field)], text, field)


def numbers(text: str, field: str = "values", whole: bool = False) -> list[Decimal]:
    """Return the numbers of a text: `1, 2`, `1, 2, .., 10`, `1-5`, `0.6-1(0.1)`, `10-1(-3)`, `1-10[4]`, `1e-4`.

    A range includes its end exactly when a step hits it and never goes beyond; both directions. `[n]` gives n
    evenly spaced numbers (whole numbers are cut down). Equal numbers stay. `SKIP: 3` counts for `..`, and is left out, also of
    ranges.

    Raises:
        AthanorError: names the part that cannot be read.
    """
    parts = _parts(text, field)
    result = _read(parts, text, field, whole)
    if not result:
        raise AthanorError(f"{field} is empty: give at least one number, such as 0.6, 0.8, 1 or 0.6-1(0.1).")
    return result


def _read(parts: Sequence[Part], text: str, field: str, whole: bool) -> list[Decimal]:
    """Return the numbers of the parts of a text, each a number, a range or dots."""
    left_out = {_decimal(part.text, field) for part in parts if part.skipped and _is_plain(part.text)}
    before: list[Decimal] = []  # what `..` goes on from: skipped numbers, too
    result: list[Decimal] = []
    for i, part in enumerate(parts):
        if part.skipped:
            found = [_decimal(part.text, field)] if _is_plain(part.text) else []
        elif part.text in _DOTS:
            found = _continued(before, parts, i, field)
        else:
            found = _numbers(part.text, field, whole)
        before += found
        alone = not part.skipped and _is_plain(part.text)
        result += [value for value in found if alone or value not in left_out]
        limited(result, text, field)
    for value in result:
        if whole and value != value.to_integral_value():
            raise AthanorError(f"{field}: '{plain(value)}' is not a whole number.")
    return result


def seeds(text: str, field: str = "values") -> list[int | RandomSeed]:
    """Whole numbers as `numbers` reads them; `x3` means three random seeds, -1 one. Skipped ones keep their numbers."""
    result: list[int | RandomSeed] = []
    drawn = 0
    rest: list[Part] = []

    def take() -> None:
        if rest:
            result.extend(int(value) for value in _read(rest, text, field, whole=True))
            rest.clear()

    for part in _parts(text, field):
        match = _RANDOM.fullmatch(part.text)
        if match is None and part.text != "-1":
            rest.append(part)
            continue
        take()
        count = int(match[1]) if match else 1
        if count > LIMIT:
            raise AthanorError(f"{field}: {quoted(part.text)} gives more than {LIMIT} values.")
        if not part.skipped:
            result += [RandomSeed(drawn + i + 1) for i in range(count)]
        drawn += count
        limited(result, text, field)
    take()
    if not result:
        raise AthanorError(f"{field} is empty: give at least one seed, such as 1, 2, 3, or x3 for three random ones.")
    for value in result:
        if isinstance(value, int) and not 0 <= value < 2**64:
            raise AthanorError(f"{field}: {value} is not between 0 and 2^64 - 1.")
    return limited(result, text, field)


def _is_plain(text: str) -> bool:
    return len(text) <= _LONGEST and bool(_PLAIN.fullmatch(text))


def _decimal(text: str, field: str) -> Decimal:
    """Return the number that a text of the form _NUMBER means.

    Raises:
        AthanorError: it is larger or finer than any setting takes, so that counting with it would take forever.
    """
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of more digits than a Decimal can have
        value = Decimal("Infinity")
    if not value:
        return Decimal(0)  # 0e99999999 is one, too
    if not value.is_finite() or not -_DIGITS <= value.adjusted() < _DIGITS:
        raise AthanorError(
            f"{field}: {quoted(text)} is out of bounds; numbers from 1e-{_DIGITS} to 1e{_DIGITS} are read."
        )
    return value


def _continued(before: Sequence[Decimal], parts: Sequence[Part], i: int, field: str) -> list[Decimal]:
    """Return what `..` stands for: on from the two values before it, up to (without) the one after it."""
    after = parts[i + 1].text if i + 1 < len(parts) else ""
    if not before or not _is_plain(after):
        raise AthanorError(f"{field}: '{parts[i].text}' needs numbers around it, as in 1, 2, .., 10.")
    last, end = before[-1], _decimal(after, field)
    step = last - before[-2] if len(before) > 1 else Decimal(1 if end > last else -1)
    if step == 0 or (end - last) * step < 0:
        raise AthanorError(f"{field}: {plain(last)}, .. never reaches {plain(end)} in steps of {plain(step)}.")
    # The end itself follows as the next part; if no step hits it, it does not belong to the list.
    steps = _EXACT.divide(end - last, step)
    if steps != steps.to_integral_value(context=_EXACT):
        raise AthanorError(
            f"{field}: steps of {plain(step)} from {plain(last)} miss {plain(end)}; write "
            f"{plain(before[0])}-{plain(end)}({plain(step)}) to stop before it."
        )
    return _steps(last + step, end - step, step, field) if steps > 1 else []


def _steps(first: Decimal, last: Decimal, step: Decimal, field: str) -> list[Decimal]:
    count = int(_EXACT.divide(last - first, step)) + 1
    if count > LIMIT:
        counted = count if count < 10**15 else f"{float(count):.0e}"
        raise AthanorError(f"{field}: {plain(first)}-{plain(last)} gives {counted} values; use a larger step.")
    return [first + i * step for i in range(count)]


def _numbers(part: str, field: str, whole: bool) -> list[Decimal]:
    """Return the numbers of one part, which is a number or a range."""
    if _is_plain(part):
        return [_decimal(part, field)]
    match = _RANGE.fullmatch(part) if len(part) <= _LONGEST else None
    if match is None:
        raise AthanorError(f"{field}: {quoted(part)} is not a number or a range such as 1-5, 0.6-1(0.1) or 1-10[4].")
    first, last = _decimal(match["first"], field), _decimal(match["last"], field)
    if match["count"] is not None:
        return _spread(first, last, count=int(match["count"]), part=part, field=field, whole=whole)
    if match["step"] is None:
        if first != first.to_integral_value() or last != last.to_integral_value():
            raise AthanorError(f"{field}: {quoted(part)} has no step; write {part}(0.1) or {part}[5].")
        return _steps(first, last, Decimal(1 if last >= first else -1), field)
    step = _decimal(match["step"], field)
    if step == 0:
        raise AthanorError(f"{field}: {quoted(part)} has a step of 0.")
    down, signed = last < first, match["step"][0] in "+-"
    if signed and first != last and (step < 0) != down:
        advice = f"write ({plain(-step)}), or leave the sign out"
        raise AthanorError(f"{field}: {quoted(part)} steps away from its end; {advice}.")
    return _steps(first, last, -abs(step) if down else abs(step), field)


def _spread(first: Decimal, last: Decimal, *, count: int, part: str, field: str, whole: bool) -> list[Decimal]:
    if not 1 <= count <= LIMIT:
        raise AthanorError(f"{field}: {quoted(part)} asks for {count} values; between 1 and {LIMIT} are possible.")
    if count == 1:
        return [first]
    values = [first + (last - first) * i / (count - 1) for i in range(count)]
    if whole:
        return [value.to_integral_value(ROUND_DOWN) for value in values]
    return [value.quantize(Decimal("1e-9"), context=_EXACT).normalize() for value in values]


def sizes(text: str) -> list[tuple[int, int]]:
    """`512x768, 768` -> (width, height) in pixels; one number is a square.

    Raises:
        AthanorError: not of that form, not a multiple of 8, or out of bounds.
    """
    parts = _parts(text, "values")
    result = []
    for part in (each.text for each in parts if not each.skipped):
        match = _SIZE.fullmatch(part if len(part) <= _LONGEST else "")
        if match is None:
            raise AthanorError(f"values: {quoted(part)} is not a size such as 512x768.")
        size = (int(match[1]), int(match[2] or match[1]))
        for side in size:
            if not 16 <= side <= 16384 or side % 8:
                near = min(16384, max(16, round(side / 8) * 8))
                raise AthanorError(
                    f"values: {side} in {quoted(part)} is not a multiple of 8 from 16 to 16384; try {near}."
                )
        result.append(size)
    if not result:
        raise AthanorError("values is empty: give at least one size, such as 512x768.")
    return result
