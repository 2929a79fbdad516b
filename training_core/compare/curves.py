"""What runs have logged so far, as curves: losses, learning rates, probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ..errors import AthanorError
from ..history import handle, registry
from ..history.handle import Run
from ..history.registry import Record
from ..host import folders
from .names import nearest

NEWEST = 8
"""Runs that * stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One value per step of a run, and its probes."""

    name: str
    epochs: tuple[float, ...]  # finished ones after each step, with their part
    losses: tuple[float, ...]
    lrs: tuple[float, ...]
    probes: tuple[tuple[int, float], ...]  # finished steps, per cent of the start

    def x(self, axis: str) -> Sequence[float]:
        """Return where each loss stands on the axis: finished epochs, or steps from 1."""
        return self.epochs if axis == "epoch" else range(1, len(self.losses) + 1)

    def at(self, step: int, axis: str) -> float:
        """Return where a number of finished steps stands on the axis."""
        return self.x(axis)[min(step, len(self.losses)) - 1] if step else 0.0


def of_run(run: Run) -> Curve:
    """Return the curve of a handle."""
    counts: dict[int, int] = {}
    for epoch in run.epochs:
        counts[epoch] = counts.get(epoch, 0) + 1
    # The last epoch may be cut short: it is taken to be as long as the longest one.
    longest = max(counts.values(), default=1)
    done: dict[int, int] = {}
    parts = []
    for epoch in run.epochs:
        done[epoch] = done.get(epoch, 0) + 1
        length = longest if epoch == run.epochs[-1] else counts[epoch]
        parts.append(epoch - 1 + done[epoch] / max(1, length))
    return Curve(name=run.name, epochs=tuple(parts), losses=run.losses, lrs=run.lrs, probes=run.probes)


def of_record(record: Record) -> Curve:
    """Return the curve of a run as its folder describes it, finished or not: the same as that of its handle.

    Raises:
        AthanorError: it has no step yet.
    """
    run = handle.of_record(record, lambda path: path.name)
    if not run.losses:
        raise AthanorError(f"The run {run.name} ({run.run_id}) has no step yet; wait for it to begin.")
    return of_run(run)


def find(text: str) -> list[Curve]:
    """Return the curves of runs that a text names, one a line: a name (its newest run), an id, or * for the newest eight.

    Raises:
        AthanorError: there is no such run, and the nearest are listed; or it has no step yet.
    """
    names = [line.strip() for line in text.splitlines() if line.strip()]
    runs = registry.summaries(folders.runs_folder()) if names else []
    by_name = {run.run_id: run.folder for run in runs}
    for run in runs:
        by_name.setdefault(run.output_name, run.folder)
    curves = []
    for name in names:
        if name == "*":
            begun = (run.folder for run in runs if (run.folder / "metrics.jsonl").is_file())
            wanted = list(islice(begun, NEWEST))[::-1]
        elif name in by_name:
            wanted = [by_name[name]]
        else:
            raise AthanorError(f"runs: there is no run '{name}'; {nearest(name, list(by_name))}.")
        curves += [of_record(record) for folder in wanted if (record := registry.read(folder))]
    return curves


def check(curves: Sequence[Curve]) -> None:
    """Refuse to draw nothing.

    Raises:
        AthanorError: no run is given.
    """
    if not curves:
        raise AthanorError("runs is empty: connect a run, or write the names of runs, one a line (* = the newest).")
