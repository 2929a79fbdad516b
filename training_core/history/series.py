"""Read metrics.jsonl, the long ones a piece at a time: what is asked for costs the same after a thousand steps and after a million."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..files import parse_lines
from .lines import is_step
from .stretches import head, stretches

WHOLE = 1_000_000
"""Bytes that are read whole, about as many lines as a curve has points; of more, one line for each point."""
SAMPLED = 4_000_000
"""Bytes of which `sampled` reads every line; of more, evenly spread parts of that many bytes in all."""
PIECE = 4096

MetricsLine = dict[str, Any]


def points(folder: Path, after: int = 0, most: int = 2000, until: int | None = None) -> list[MetricsLine]:
    """Return at most `most` entries of steps above `after` and up to `until`, evenly spread, with the first and the last step.

    Each has `mean`, `low` and `high`: the mean, the lowest and the highest loss of the steps that it stands for, or None if
    none of them gave a number; and `trained`: the seconds of all steps up to its own, whatever lay between them.
    """
    most, path = max(2, most), folder / "metrics.jsonl"
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            start = _begin(file, size, after) if after else 0
            end = size if until is None else _end(path, size, until)
            if end - start > WHOLE:
                return _of_long(path, file, after, most, until)
            file.seek(start)
            entries = _ordered(_entries(file.read(max(0, end - start))))
            found = [e for e in entries if e["step"] > after and (until is None or e["step"] <= until)]
            return _grouped(_timed(found, _trained(path, file, after)), most)
    except OSError:
        return []


def _end(path: Path, size: int, until: int) -> int:
    """Return a byte behind all lines of steps up to `until`."""
    return next((stretch.offset for stretch in stretches(path) if stretch.first > until), size)


def _trained(path: Path, file: BinaryIO, after: int) -> float:
    """Return how many seconds the steps up to `after` took."""
    if not after:
        return 0.0
    found = stretches(path)
    total = sum(stretch.seconds for stretch in found if stretch.last <= after)
    for stretch in (s for s in found if s.first <= after < s.last):
        file.seek(stretch.offset)
        upto = itertools.takewhile(lambda entry: entry["step"] <= after, _entry_of_lines(file))
        total += sum(map(_seconds, upto))
    return total


def _timed(entries: list[MetricsLine], before: float) -> list[MetricsLine]:
    """Return entries that follow each other with `trained`, the seconds of all steps up to each."""
    totals = itertools.accumulate(map(_seconds, entries), initial=before)
    return [entry | {"trained": round(total, 3)} for entry, total in zip(entries, list(totals)[1:], strict=True)]


def _seconds(entry: MetricsLine) -> float:
    return entry.get("seconds") or 0.0


def _of_long(path: Path, file: BinaryIO, after: int, most: int, until: int | None) -> list[MetricsLine]:
    """Do the same for a part that is too long to be read whole: one line is read for each point."""
    found = stretches(path)
    later = [stretch for stretch in found if stretch.last > after and (until is None or stretch.last <= until)]
    if not later:
        return []
    total = sum(stretch.seconds for stretch in found if stretch.last <= after)
    count = min(most - 2, len(later))
    groups = [later[i * len(later) // count : (i + 1) * len(later) // count] for i in range(count)]
    entries = [_stand_in(_timed([_first(file, later[0].offset, after)], total))]
    for group in groups:
        count = sum(stretch.count for stretch in group)
        total += sum(stretch.seconds for stretch in group)
        entries.append({
            **_line(file, group[-1].last_line),
            "mean": sum(stretch.total for stretch in group) / count if count else None,
            "low": min(stretch.low for stretch in group) if count else None,
            "high": max(stretch.high for stretch in group) if count else None,
            "trained": round(total, 3),
        })  # fmt: skip
    if not groups:
        total = sum(stretch.seconds for stretch in found if stretch.last <= later[-1].last)
        entries.append(_stand_in([_line(file, later[-1].last_line) | {"trained": round(total, 3)}]))
    return [e for e in _ordered(e for e in entries if "step" in e) if e["step"] > after]


def _first(file: BinaryIO, at: int, after: int) -> MetricsLine:
    """Return the entry of the first step above `after`, from byte `at` on."""
    file.seek(at)
    return next((entry for entry in _entry_of_lines(file) if entry["step"] > after), {})


def _line(file: BinaryIO, at: int) -> MetricsLine:
    file.seek(at)
    return next(_entries(file.readline()), {})


def loss(entry: MetricsLine) -> float:
    """Return the loss of a step; NaN, which JSON writes as null, where it gave no number."""
    return math.nan if entry["loss"] is None else entry["loss"]


def rate(entry: MetricsLine) -> float:
    """Return the learning rate that the optimizer used: d * lr where it finds d itself (D-Adaptation, Prodigy), else lr; NaN
    where neither is a number."""
    known = (entry[name] for name in ("d_lr", "lr") if entry.get(name) is not None)
    return next(known, math.nan)


def is_left_out(entry: MetricsLine) -> bool:
    """Return whether a step had no picture that could be trained on: its loss is no number, which says nothing of the settings."""
    return entry["loss"] is None and entry.get("pictures") == []


def every(folder: Path) -> Iterator[MetricsLine]:
    """Yield the entries of all steps in order, each step once, a line at a time however long the file is; with `trained`."""
    try:
        with (folder / "metrics.jsonl").open("rb") as file:
            returns = _returns(file)
            file.seek(0)
            at, total = 0, 0.0
            for line in iter(file.readline, b""):
                while returns and returns[0][0] <= at:
                    returns.pop(0)
                at += len(line)
                for entry in _entries(line):
                    if returns and returns[0][1] <= entry["step"]:
                        continue  # it is done again further down
                    total += _seconds(entry)
                    yield entry | {"trained": round(total, 3)}
    except OSError:
        return


def _returns(file: BinaryIO) -> list[tuple[int, int]]:
    """Return where a run has gone back to an earlier step: each line's byte, and the lowest step from there on that it returned to."""
    found, before, at = list[tuple[int, int]](), -1, 0
    for line in iter(file.readline, b""):
        step = head(line)[0]
        if step is not None:
            if step <= before:
                found.append((at, step))
            before = step
        at += len(line)
    lowest = list(itertools.accumulate((step for _, step in reversed(found)), min))
    return [(at, step) for (at, _), step in zip(found, reversed(lowest), strict=True)]


def _entry_of_lines(file: BinaryIO) -> Iterator[MetricsLine]:
    return (entry for line in iter(file.readline, b"") for entry in _entries(line))


def sampled(folder: Path, count: int = 200) -> list[MetricsLine]:
    """Return all entries, or those of `count` evenly spread pieces of a large file."""
    try:
        with (folder / "metrics.jsonl").open("rb") as file:
            size = file.seek(0, 2)
            if size <= SAMPLED:
                file.seek(0)
                return _ordered(_entries(file.read(size)))
            return _ordered(entry for group in _pieces(file, 0, size, count, SAMPLED // count) for entry in group)
    except OSError:
        return []


def _entries(data: bytes) -> Iterator[MetricsLine]:
    return _with_steps(parse_lines(data))


def _with_steps(values: Iterable[MetricsLine]) -> Iterator[MetricsLine]:
    return filter(is_step, values)


def _ordered(entries: Iterable[MetricsLine]) -> list[MetricsLine]:
    """Return entries with rising steps: a step that is done again takes the place of itself and of all after it."""
    rising: list[MetricsLine] = []
    for entry in entries:
        while rising and rising[-1]["step"] >= entry["step"]:
            rising.pop()
        rising.append(entry)
    return rising


def _grouped(entries: list[MetricsLine], most: int) -> list[MetricsLine]:
    """Return the first, the last, and the last of each of equally long groups between, each as a stand-in of its group."""
    if len(entries) <= most:
        return [_stand_in([entry]) for entry in entries]
    inner, stand_ins = entries[1:-1], [_stand_in(entries[:1])]
    every = -(-len(inner) // max(1, most - 2))
    if most > 2:
        stand_ins += [_stand_in(inner[i : i + every]) for i in range(0, len(inner), every)]
    return [*stand_ins, _stand_in(entries[-1:])]


def _stand_in(group: list[MetricsLine]) -> MetricsLine:
    losses = [e["loss"] for e in group if isinstance(e.get("loss"), float) and math.isfinite(e["loss"])]
    mean, low, high = (sum(losses) / len(losses), min(losses), max(losses)) if losses else (None, None, None)
    return {**group[-1], "mean": mean, "low": low, "high": high}


def _pieces(file: BinaryIO, start: int, size: int, count: int, length: int) -> Iterator[list[MetricsLine]]:
    """Yield the entries of `count` pieces of `length` bytes; of each, whole lines, one at least."""
    stride = (size - start) / max(1, count)
    for number in range(count):
        file.seek(start + int(number * stride))
        if number:
            file.readline()
        lines, read = [], 0
        while read < min(length, stride) and (line := file.readline()):
            lines.append(line)
            read += len(line)
        yield list(_entries(b"".join(lines)))


def _begin(file: BinaryIO, size: int, after: int) -> int:
    """Return the byte to read from, so that no step above `after` is missed: by halving, for steps rise along the file.

    After a run was cut short they fall back once; whichever side of that is found, the later lines count.
    """
    low, high = 0, size
    while high - low > PIECE:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        entry = next(_entries(file.readline()), None)
        if entry is None or entry["step"] > after:
            high = middle
        else:
            low = middle
    file.seek(low)
    if low:
        file.readline()
    return file.tell()
