"""What runs have told so far: losses, learning rates, probes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AthanorError
from ..history.handle import Run
from . import runs as finding
from .names import nearest
from .store import read_lines


@dataclass(frozen=True, slots=True)
class Curve:
    """What a run has told so far; `x` in steps or epochs."""

    name: str
    steps: tuple[int, ...]  # from 1
    epochs: tuple[float, ...]  # finished ones, with their part
    losses: tuple[float, ...]
    lrs: tuple[float, ...]
    probes: tuple[tuple[int, float], ...]  # finished steps, per cent of the start

    def x(self, axis: str) -> tuple[float, ...]:
        """Where each loss stands."""
        return self.epochs if axis == "epoch" else self.steps

    def at(self, step: int, axis: str) -> float:
        """Where a number of finished steps stands."""
        return self.x(axis)[min(step, len(self.steps)) - 1] if step else 0.0


def of_run(run: Run) -> Curve:
    """The curve of a handle."""
    return _curve(run.name, run.losses, run.lrs, run.epochs, run.probes)


def of_folder(folder: Path) -> Curve:
    """The curve of a run's folder, finished or not.

    Raises:
        AthanorError: it has no step yet.
    """
    lines = [line for line in read_lines(folder / "metrics.jsonl") if "loss" in line]
    name = finding.name_of(folder) or folder.name
    if not lines:
        raise AthanorError(f"The run {name} ({folder.name}) has no step yet; wait for it to begin.")
    losses = [float("nan") if line["loss"] is None else float(line["loss"]) for line in lines]
    probes = finding.probes(read_lines(folder / "events.jsonl"))
    return _curve(name, losses, [line["lr"] for line in lines], [line["epoch"] for line in lines], probes)


def _curve(
    name: str,
    losses: Sequence[float],
    lrs: Sequence[float],
    epochs: Sequence[int],
    probes: Sequence[tuple[int, float]],
) -> Curve:
    counts: dict[int, int] = {}
    for epoch in epochs:
        counts[epoch] = counts.get(epoch, 0) + 1
    # The last epoch may be cut short: it is as long as the one before it.
    longest = max(counts.values(), default=1)
    done: dict[int, int] = {}
    parts = []
    for epoch in epochs:
        done[epoch] = done.get(epoch, 0) + 1
        length = longest if epoch == epochs[-1] else counts[epoch]
        parts.append(epoch - 1 + done[epoch] / max(1, length))
    steps = tuple(range(1, len(losses) + 1))
    return Curve(name, steps, tuple(parts), tuple(losses), tuple(lrs), tuple(probes))


def find(text: str) -> list[Curve]:
    """The runs that a text names, one a line: a name (its newest run), an id, or * for the newest eight.

    Raises:
        AthanorError: there is no such run; the nearest are listed.
    """
    newest = sorted(finding.run_folders(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    named: dict[str, Path] = {}
    for folder in newest:
        named.setdefault(finding.name_of(folder), folder)
        named[folder.name] = folder
    curves = []
    for line in [part.strip() for part in text.splitlines() if part.strip()]:
        if line == "*":
            begun = [folder for folder in newest if (folder / "metrics.jsonl").is_file()]
            curves += [of_folder(folder) for folder in reversed(begun[:8])]
        elif line in named:
            curves.append(of_folder(named[line]))
        else:
            raise AthanorError(f"runs: there is no run '{line}'; {nearest(line, [n for n in named if n])}.")
    return curves


def check(curves: Sequence[Curve]) -> None:
    """There is something to draw.

    Raises:
        AthanorError: no run is given.
    """
    if not curves:
        raise AthanorError("runs is empty: connect a run, or write the names of runs, one a line (* = the newest).")
