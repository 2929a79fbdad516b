"""What the values of an axis are called on a grid: what they have in common goes into the title (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .axes import Axis

WORTH = 8
"""Characters in common that are worth taking out, if they are two fifths of a name as well."""

_EDGE = re.compile(r"[\s_\-./,:]")

_NUMBER = re.compile(r"\d[\d.]*[eE][-+]?\d+")


@dataclass(frozen=True, slots=True)
class Labels:
    """An axis' title, what its values have in common ('my_char-…'), and what is left of each."""

    title: str
    common: str
    short: tuple[str, ...]


def labels(axis: Axis) -> Labels:
    """Short names for the values of an axis. Numbers are never cut in two: a common part ends at a separator."""
    names = [value.label for value in axis.values if not value.special]
    head, tail = common(names)
    if len(head) + len(tail) < max(WORTH, 0.4 * max(map(len, names), default=0)):
        head = tail = ""
    short = tuple(
        v.label if v.special else v.label[len(head) : len(v.label) - len(tail) or None].strip() for v in axis.values
    )
    return Labels(axis.title, f"{head.rstrip()} … {tail.lstrip()}".strip() if head or tail else "", short)


def common(names: Sequence[str]) -> tuple[str, str]:
    """Return the beginning and the end that all names share, cut at a separator, so that something is left of each."""
    if len(set(names)) < 2:
        return "", ""
    head = _shared(names)
    end = len(head)
    while end and (not _edge(head[end - 1], head[max(0, end - 2) : end - 1]) or _is_in_a_number(names, end)):
        end -= 1
    head = head[:end]
    rest = [name[len(head) :] for name in names]
    tail = _shared([name[::-1] for name in rest])[::-1]
    begin = 0
    while begin < len(tail) and (
        not _edge(tail[begin], tail[begin + 1 : begin + 2]) or _is_in_a_number(names, begin - len(tail))
    ):
        begin += 1
    tail = tail[begin:]
    if any(not name[: len(name) - len(tail)].strip() for name in rest):
        tail = ""
    if any(not name.strip() for name in rest):
        return "", ""
    return head, tail


def _is_in_a_number(names: Sequence[str], at: int) -> bool:
    """Return whether a place, counted from the beginning or (below 0) from the end, lies inside of a number such as 1e-4."""
    places = [(name, at if at > 0 else len(name) + at) for name in names]
    return any(found.start() < place < found.end() for name, place in places for found in _NUMBER.finditer(name))


def _shared(names: Sequence[str]) -> str:
    """Return the beginning that all names share, to the letter."""
    first, last = min(names), max(names)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def _edge(char: str, inside: str) -> bool:
    """Return whether a name may be cut at `char`; a decimal point is part of its number."""
    return bool(_EDGE.match(char)) and not (char in ".," and inside.isdigit())
