"""What a part says, as lines on its standard output that the runner collects: rows of the table, and numbers by name."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterable
from typing import Any

ROW, VALUE = "| ", "= "


def row(*cells: object) -> None:
    """A row of the part's table."""
    print(ROW + " | ".join(" ".join(str(cell).replace("|", "/").split()) for cell in cells) + " |", flush=True)


def gib(number: float) -> str:
    """A size in words; NaN is that of a machine without a card."""
    return "-" if math.isnan(number) else f"{number:.2f} GiB"


def value(name: str, number: float) -> None:
    """A number that bars and ratios are made of; NaN is none."""
    if not math.isnan(number):
        print(f"{VALUE}{name} {float(number)!r}", flush=True)


def tried(label: str, what: Callable[[], Any]) -> bool:
    """Run `what`; an error becomes a row and its traceback goes to the log. Whether it went well."""
    try:
        what()
    except Exception as error:
        row(label, "FAILED", f"{type(error).__name__}: {' '.join(str(error).split())[:220]}")
        traceback.print_exc()
        return False
    return True


def table(lines: Iterable[str]) -> list[str]:
    """The rows among the lines of a part, as one table, each filled up to the longest."""
    rows = [line.removeprefix(ROW).removesuffix(" |").split(" | ") for line in lines if line.startswith(ROW)]
    if not rows:
        return []
    width = max(map(len, rows))
    filled = (row + [""] * (width - len(row)) for row in rows)
    return ["| " * width + "|", "|---" * width + "|", *(f"| {' | '.join(row)} |" for row in filled)]


def values_of(lines: Iterable[str]) -> dict[str, float]:
    return {name: float(number) for name, number in (line[2:].split() for line in lines if line.startswith(VALUE))}
