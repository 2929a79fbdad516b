"""One run of a sweep, before and while it is trained: what it trains, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..compare.axes import WidgetEdit
from ..history import handle, patience, registry, run_facts
from ..history.registry import Record, RunSummary
from ..host import folders
from ..settings import Job
from . import result
from .combinations import Combination
from .ranking import Row

Edits = tuple[WidgetEdit, ...]
"""Widgets of the graph with the values that they have in one run."""


@dataclass(slots=True, kw_only=True)
class Planned:
    """One run of the sweep, before and while it is trained."""

    combination: Combination
    name: str  # output_name
    edits: Edits
    job: Job | None = None  # None: it cannot be trained
    steps: int = 0
    note: str = ""  # why it is not trained, or not to its end
    left_out: bool = False  # by the budget
    begun: bool = False  # in this session
    record: Record | None = None  # what its folder held when it was looked at last; None before it is begun
    reached: int = 0  # its last step, by the record
    seconds: float = 0.0  # that it has trained in all
    lowest: float | None = None  # of its probe, in % of the start

    def look(self) -> Record | None:
        """Read the run's folder anew: before the sweep, and after each time that it was trained."""
        record = self.record = registry.read(folders.run_folder(self.job.run_id)) if self.job else None
        if record is not None:
            self.reached = RunSummary.of(record).step
            self.seconds = run_facts.times(record)["seconds"] or 0.0
            found = patience.best(handle.probes(record))
            self.lowest = found[1] if found else None
        return record

    @property
    def is_again(self) -> bool:
        """Whether it is still to be trained from its first step on, whatever there is of it (retrain)."""
        return self.job is not None and self.job.training.retrain and not self.begun

    @property
    def step(self) -> int:
        """The steps that are made, of those that the sweep wants."""
        if self.record is None or self.is_again:
            return 0
        return self.steps if self.record.done else min(self.steps, self.reached)

    @property
    def left(self) -> int:
        """The steps that are still to be made."""
        return self.steps - self.step

    def row(self) -> Row:
        """Return what the ranking shows of it."""
        return result.row(self.combination, self.name, self.record, self.note, self.left_out)


def refused(runs: Sequence[Planned]) -> str:
    """Return which combinations cannot be trained and why, as one sentence; '' where all can."""
    found = [run for run in runs if run.job is None]
    if not found:
        return ""
    verb = "combination cannot" if len(found) == 1 else "combinations cannot"
    first = f"{found[0].combination.label}: {found[0].note}"
    return (
        f"{len(found)} {verb} be trained: {first}"
        if len(found) == 1
        else f"{len(found)} {verb} be trained, the first: {first}"
    )
