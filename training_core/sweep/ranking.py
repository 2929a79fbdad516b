"""Which run of a sweep is the best, and where that cannot be told: the ranking table as text (pure)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..byte_size import format_bytes
from ..wording import first_few, plural

SEEDS = 3
"""Below so many seeds a standard error says little: of two, it is off by a factor of two or more in 43 of 100 cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run of a sweep, in numbers; None is what is not known of it."""

    label: str  # "learning_rate 1e-4, rank 8"
    values: tuple[str, ...]  # of the settings that vary, in the order of their lines
    told: tuple[tuple[str, str], ...] = ()  # name and value of those that differ
    name: str  # output_name
    status: (
        str  # of the run: done, stopped, failed, interrupted, ...; "" of one that was not begun, "left out" by a budget
    )
    note: str = ""  # why it ended before its end, or was left out
    step: int = 0
    steps: int = 0
    best: float | None = None  # lowest probe after the first step, in % of the start
    best_step: int | None = None
    last: float | None = None  # the last probe
    noise: float | None = None  # of the probe in points; None with too few measurements to tell
    held_out: bool = False  # the probe measures pictures that training does not see
    loss: float | None = None  # mean of the last twentieth of the steps
    minutes: float | None = None
    bytes: int | None = None  # of the last file
    likeness: tuple[float, float | None] | None = None  # of its last samples: mean and standard error
    place: str = ""  # "1", or "1-3" where these cannot be told apart; "" without a rank


def ranked(rows: Sequence[Row]) -> list[Row]:
    """Return the rows, the best first, with their places: by the lowest probe, without probes by the loss, the rest as they come.

    Runs that were ended before their end come behind those that were not, in the order of their probes; each place is shared
    by those that lie within the noise of the first of them.
    """
    by_probe = any(row.best is not None for row in rows)

    def value(row: Row) -> float | None:
        return row.best if by_probe else row.loss

    whole = [row for row in rows if value(row) is not None and row.status == "done"]
    ended = [row for row in rows if value(row) is not None and row.status != "done"]
    rest = [row for row in rows if value(row) is None]
    whole.sort(key=lambda row: value(row) or 0.0)
    ended.sort(key=lambda row: (-row.step / max(1, row.steps), value(row) or 0.0))
    return [*_placed(whole, by_probe), *ended, *rest]


def _placed(rows: list[Row], by_probe: bool) -> list[Row]:
    placed, at = list[Row](), 0
    while at < len(rows):
        end = at + 1
        while by_probe and end < len(rows) and is_tie(rows[at], rows[end]):
            end += 1
        place = f"{at + 1}" if end == at + 1 else f"{at + 1}-{end}"
        placed += [replace(row, place=place) for row in rows[at:end]]
        at = end
    return placed


def is_tie(better: Row, worse: Row) -> bool:
    """Return whether the difference of two runs' lowest probes is within the noise of their probes; unknown noise counts as 0.

    The difference of two measurements has sqrt(2) times the noise of one.
    """
    if better.best is None or worse.best is None:
        return False
    noise = max(better.noise or 0.0, worse.noise or 0.0)
    return worse.best - better.best <= math.sqrt(2) * noise


def sentences(rows: Sequence[Row], seeds: int | None = None) -> list[str]:
    """Return what a ranking tells, and what it cannot tell, in sentences.

    Args:
        rows: as `ranked` gives them.
        seeds: which of the settings that vary is the seed, by its place among them; None: none is.
    """
    placed = [row for row in rows if row.place]
    told = list(_first(placed, len(rows)))
    if placed and placed[0].best is not None:
        told += _about_the_probe(placed)
    elif placed:
        told.append("There is no probe, so that the order is that of the loss, which does not show overfitting and cannot compare runs of "
                    "other losses, noise or timesteps: connect a Validation Config.")  # fmt: skip
    told += over_seeds(rows, seeds)
    failed = [row for row in rows if row.status == "failed"]
    if failed:
        told.append(
            f"{plural(len(failed), 'run')} failed: {first_few([f'{row.label} ({row.note})' for row in failed], 2, '; ')}."
        )
    return told


def _first(placed: Sequence[Row], count: int) -> list[str]:
    if not placed:
        return ["No run has come to its end, so that there is no order yet."]
    ties = [row for row in placed if row.place == placed[0].place]
    if len(ties) == 1 < len(placed) and placed[0].best is not None and any(row.noise is None for row in placed[:2]):
        return [f"Lowest: {placed[0].label}, by a probe whose noise is not known."]
    if len(ties) == 1 and count > 1:
        return [
            f"Best: {placed[0].label}."
            if len(placed) > 1
            else f"Best: {placed[0].label}, the only one that has come to its end."
        ]
    if len(ties) == len(placed) > 1:
        return [f"All {len(placed)} runs lie within the noise of the probe: it does not tell which is the best."]
    if len(ties) > 1:
        return [
            f"The first {len(ties)} lie within the noise of the probe and cannot be told apart: decide by pictures, size or time."
        ]
    return []


def _about_the_probe(placed: Sequence[Row]) -> list[str]:
    told = []
    if not all(row.held_out for row in placed):
        told.append("The probe uses training pictures: the order says who has learned them best, not who overfits; set validation_split in "
                    "Validation Config.")  # fmt: skip
    if any(row.noise is None for row in placed):
        told.append(
            "The probe was measured too few times in some runs to know its noise: set validate_every_n_steps lower."
        )
    return told


def over_seeds(rows: Sequence[Row], seeds: int | None) -> list[str]:
    """Return the mean probe of each set of settings over its seeds with its standard error: what a single run cannot tell."""
    if seeds is None or len(rows[0].values if rows else ()) < 2:
        return []
    groups: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        if row.best is not None and row.status == "done":
            groups.setdefault(row.values[:seeds] + row.values[seeds + 1 :], []).append(row.best)
    several = {key: values for key, values in groups.items() if len(values) > 1}
    if not several:
        return []
    means = sorted(
        (statistics.mean(v), statistics.stdev(v) / math.sqrt(len(v)), ", ".join(k)) for k, v in several.items()
    )
    told = "; ".join(f"{name}: {mean:.1f} ± {error:.1f} %" for mean, error, name in means)
    more = ""
    if len(means) > 1:
        apart = means[1][0] - means[0][0] > 2 * math.hypot(means[0][1], means[1][1])
        more = (
            " The first two differ by more than two standard errors."
            if apart
            else " The first two differ by less than two standard errors."
        )
        few = min(map(len, several.values()))
        more += f" Errors of {few} seeds are themselves uncertain: use {SEEDS} or more." if few < SEEDS else ""
    return [f"Lowest probe over the seeds, mean and standard error: {told}.{more}"]


HEADS = ("place", "settings", "probe, lowest", "probe, last", "loss", "minutes", "size")


def short_cells(row: Row) -> tuple[str, ...]:
    """Return the place, the values and the lowest probe (without one: the loss) of a row, for where there is little room."""
    values = ", ".join(value for _, value in row.told) or row.label
    number = _probe(row) if row.best is not None else "" if row.loss is None else f"loss {row.loss:.4f}"
    return _place(row), values, number


def short_heads(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the heads of the columns that `short_cells` fills."""
    names = ", ".join(name for name, _ in rows[0].told) if rows else ""
    return "", names or "settings", "lowest probe" if any(row.best is not None for row in rows) else ""


def _place(row: Row) -> str:
    return row.place or (row.status if row.status in ("failed", "left out") else "-")


def _probe(row: Row) -> str:
    noise = "" if row.noise is None else f" ± {row.noise:.1f}"
    return "" if row.best is None else f"{row.best:.1f}{noise} %"


def cells(row: Row) -> tuple[str, ...]:
    """Return a row as texts under HEADS, and its likeness where it has one."""
    best = "" if row.best is None else f"{_probe(row)} (step {row.best_step})"
    likeness = ()
    if row.likeness:
        mean, error = row.likeness
        likeness = (f"{mean:.3f}" + ("" if error is None else f" ± {error:.3f}"),)
    return (
        _place(row),
        row.label,
        best,
        "" if row.last is None else f"{row.last:.1f} %",
        "" if row.loss is None else f"{row.loss:.4f}",
        "" if row.minutes is None else f"{row.minutes:.1f}",
        "" if row.bytes is None else format_bytes(row.bytes),
        *likeness,
    )


def heads(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the heads of the columns that `cells` fills."""
    return (*HEADS, "likeness") if any(row.likeness for row in rows) else HEADS


def text(rows: Sequence[Row], seeds: int | None = None) -> str:
    """Return the ranking as lines of text: the sentences, a table in Markdown, and what is noted of single runs."""
    names = heads(rows)
    lines = [*sentences(rows, seeds), "", f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    for row in rows:
        filled = [*cells(row), *[""] * len(names)][: len(names)]
        lines.append(f"| {' | '.join(each.replace('|', '/') for each in filled)} |")
    notes = [f"{row.label}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, *([""] if notes else []), *notes])
