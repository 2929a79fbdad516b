"""Curves of runs as a table for spreadsheets: CSV, made a piece at a time."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from . import series
from .registry import Record

COLUMNS = ("run", "name", "step", "epoch", "seconds", "loss", "mean", "lr", "probe")
MEAN = 50
"""Steps whose losses make a mean."""
_LINES = 1000
"""Rows that are made at once."""


def pieces(records: Iterable[Record]) -> Iterator[bytes]:
    """Yield the CSV of all steps of some runs: UTF-8, a line of names first, then one a step.

    `seconds` are those of all steps up to this one, `mean` is the mean loss of the last 50 steps, `lr` the rate that the
    optimizer used, `probe` percent of its first value at the steps that have one. What is no number is empty.
    """
    rows = (row for record in records for row in _rows(record))
    yield _text([COLUMNS])
    while some := tuple(islice(rows, _LINES)):
        yield _text(some)


def _text(rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _rows(record: Record) -> Iterator[tuple[object, ...]]:
    probes = {e["step"]: e["percent"] for e in record.events if e["event"] == "probed"}
    recent: deque[float] = deque(maxlen=MEAN)
    name = _plain(record.target.stem)
    for entry in series.every(record.folder):
        if entry["loss"] is not None:
            recent.append(entry["loss"])
        mean = float(f"{sum(recent) / len(recent):.6g}") if recent else None
        rate = entry["lr"] if entry.get("d_lr") is None else entry["d_lr"]
        step = entry["step"]
        yield (
            record.folder.name,
            name,
            step,
            entry["epoch"],
            entry["trained"],
            entry["loss"],
            mean,
            rate,
            probes.get(step),
        )


def _plain(name: str) -> str:
    """Return a name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@" else name
