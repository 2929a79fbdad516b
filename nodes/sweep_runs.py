"""Trains the runs of a sweep one after the other: what each would be, which fit the budget, which are ended early."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..training_core.compare.axes import WidgetEdit
from ..training_core.compare.upstream import Slot
from ..training_core.errors import AthanorError
from ..training_core.history import handle, labels, registry
from ..training_core.history.registry import Record, RunSummary
from ..training_core.host import folders, guard
from ..training_core.settings import Job, SweepSettings
from ..training_core.sweep import budget, halving, result
from ..training_core.sweep.combinations import Combination
from ..training_core.sweep.ranking import Row, ranked
from . import types
from .sweep_clones import Clones, Edits
from .train_job import job_of, models_of

_log = logging.getLogger("athanor")
SAMPLE = 40
"""Runs that are looked at for the speed of earlier ones."""


@dataclass(slots=True, kw_only=True)
class Planned:
    """One run of the sweep, before and while it is trained."""

    combination: Combination
    name: str  # output_name
    edits: Edits
    job: Job | None = None  # None: it cannot be trained
    steps: int = 0
    note: str = ""  # why it is not trained, or not to its end
    begun: bool = False  # in this session

    @property
    def record(self) -> Record | None:
        """What the run's folder holds now; None before it is begun."""
        return registry.read(folders.run_folder(self.job.run_id)) if self.job else None

    @property
    def left(self) -> int:
        """The steps that are still to be made."""
        record = self.record
        if record is None or record.done:
            return 0 if record else self.steps
        return max(0, self.steps - RunSummary.of(record).step)

    def row(self) -> Row:
        """Return what the ranking shows of it."""
        return result.row(self.combination, self.name, self.record, self.note)


@dataclass(slots=True, kw_only=True)
class Sweep:
    """All runs of a sweep, and how they are trained."""

    clones: Clones
    given: Mapping[Slot, Any]
    settings: SweepSettings
    base: str  # output_name of Train LoRA
    say: Callable[[str], None]  # shows a text on the node
    bar: Callable[[int, int], None]  # shows that so many of so many runs are done
    runs: list[Planned] = field(default_factory=list)

    def plan(self, combinations: Sequence[Combination]) -> None:
        """Find out what each combination would train; one that cannot is noted, so that it does not stop the others.

        Raises:
            AthanorError: none of them can be trained.
        """
        for each in combinations:
            name = f"{self.base}{each.suffix}"
            edits = (*each.edits, WidgetEdit(self.clones.train, "output_name", name))
            planned = Planned(combination=each, name=name, edits=edits)
            try:
                self._describe(planned)
            except AthanorError as error:
                planned.note = str(error)
            self.runs.append(planned)
        if all(run.job is None for run in self.runs):
            raise AthanorError(f"No combination can be trained: {self.runs[0].note}")

    def _describe(self, run: Planned) -> None:
        from ..training_core.data.holdout import hold_out
        from ..training_core.data.plan import length
        from ..training_core.run import ranks

        folders.lora_path(run.name)
        values = self.clones.inputs(run.edits, self.given)
        probe, held_out = values.get("validation") or types.ProbeInputs()
        sampling = (values.get("samples") or types.SampleInputs()).settings
        models = models_of(values["model"], values["clip"], values["vae"], values.get("network"))
        count = ranks.current().count
        run.job = job_of(values | {"sampling": sampling}, values["buckets"], probe, models, count)
        run.steps = length(hold_out(values["buckets"], probe, held_out).training, run.job.training).steps

    def train(self) -> None:
        """Train what is left of all runs, as far as the budget has room and, with early_end, as long as each is worth it."""
        possible = [run for run in self.runs if run.job is not None]
        fitting = self._within_budget(possible)
        self._check_the_probe(fitting)
        parts = halving.rungs(len(fitting)) if self.settings.early_end else []
        for part in parts:
            for run in fitting:
                self._until(run, halving.step_of(part, run.steps), fitting)
            fitting = self._better_half(fitting, part)
        for run in fitting:
            self._until(run, None, fitting)

    def _check_the_probe(self, runs: Sequence[Planned]) -> None:
        without = [run.name for run in runs if run.job and not run.job.validation.probe_samples]
        if self.settings.early_end and without:
            raise AthanorError(
                "early_end compares runs by their probe, and there is none: set probe_samples of Validation Config to 8."
            )

    def _within_budget(self, runs: Sequence[Planned]) -> list[Planned]:
        """Return the runs that the budget has room for, and say what comes."""
        settings, speed = self.settings, self._speed()
        in_steps = settings.budget_unit == "steps"
        cost = 1.0 if in_steps else None if speed is None else speed / 60
        limit = settings.budget if cost is not None else 0.0
        # The whole length counts, also of a finished run: else a sweep that is queued again would draw others.
        fits = budget.fitting([run.steps * (cost or 0.0) for run in runs], limit, settings.seed)
        kept = [
            run for number, run in enumerate(runs) if number in fits or run.record
        ]  # what is begun stays, whatever the speed
        if not kept:
            unit = settings.budget_unit
            raise AthanorError(
                f"budget {settings.budget:g} {unit} has no room for one run of {runs[0].steps} steps: raise it, or train fewer."
            )
        for run in runs:
            if run not in kept:
                run.note = f"left out: the budget of {settings.budget:g} {settings.budget_unit} has no room for it"
        left = [run.left for run in kept if run.left]
        seconds = None if speed is None else [steps * speed for steps in left]
        said = budget.announcement(left, seconds, len(kept) - len(left), len(runs) - len(kept))
        if settings.budget and cost is None:
            said += "; the budget counts from the first run on, as the speed is not known yet"
        _log.info("Athanor: sweep of %s: %s", self.base, said)
        self.say(said)
        return kept

    def _speed(self) -> float | None:
        """Return the seconds of a step by the newest run of the same model and dataset, its own runs last; None without any."""
        job = next(run.job for run in self.runs if run.job)
        own = {run.job.run_id for run in self.runs if run.job}
        size = job.buckets.width * job.buckets.height * job.buckets.batch_size
        for summary in sorted(registry.summaries(folders.runs_folder())[:SAMPLE], key=lambda each: each.run_id in own):
            stored = registry.job(summary.folder)
            buckets = stored.get("buckets") or {}
            if stored.get("model_fingerprint") != job.model_fingerprint or not summary.step:
                continue
            record = registry.read(summary.folder)
            seconds = result.seconds_per_step(record) if record else None
            theirs = [each for name in ("width", "height", "batch_size") if type(each := buckets.get(name)) is int]
            if seconds and len(theirs) == 3 and all(theirs):
                return seconds * size / math.prod(theirs)
        return None

    def _until(self, run: Planned, pause: int | None, runs: Sequence[Planned]) -> None:
        """Train a run to its end, or to its first measurement of the probe from a step on; not again what it has done.

        A run that fails is noted, and the next ones are trained all the same. An interrupt goes through.
        """
        from ..training_core.run import control

        guard.stop_if_interrupted()
        record = run.record
        again = run.job is not None and run.job.training.retrain and not run.begun
        if run.note or run.job is None or (pause and record and not again and _looks(record, pause)):
            return
        if self._over_budget(run, runs):
            return
        done = sum(each.left == 0 for each in runs)
        self.bar(done, len(runs))
        self.say(f"run {runs.index(run) + 1} of {len(runs)}: {run.combination.label}{self._time_left(runs)}")
        once = (WidgetEdit(self.clones.train, "retrain", False),) if run.begun else ()
        new = record is None or not record.done
        run.begun = True
        try:
            with control.pausing(pause):
                self.clones.trained((*run.edits, *once), self.given)
        except Exception as error:
            run.note = str(error) or type(error).__name__
            trace = None if isinstance(error, AthanorError) else error
            _log.error("Athanor: %s of the sweep failed, the others go on: %s", run.name, run.note, exc_info=trace)
        if new and (after := run.record):
            labels.add_tag(after.folder, f"sweep {self.base}")
            if after.status == "stopped" and not (pause and _looks(after, pause)):
                run.note = "stopped by you" if not after.why else after.why
        self.bar(sum(each.left == 0 for each in runs), len(runs))

    def _over_budget(self, run: Planned, runs: Sequence[Planned]) -> bool:
        """Return whether minutes that were not known before the first run are used up by now; the run is noted then."""
        settings = self.settings
        if not settings.budget or settings.budget_unit != "minutes":
            return False
        rows = [each.row() for each in runs]
        spent = sum(row.minutes or 0.0 for row in rows)
        made = sum(row.step for row in rows if row.minutes)
        needed = run.left * spent / made if made else 0.0
        if (
            run.left and made and spent + needed > settings.budget * 1.1
        ):  # speeds vary, and what was told before is to be kept
            run.note = f"left out: {spent:.0f} of {settings.budget:g} minutes are used up"
        return bool(run.note)

    def _time_left(self, runs: Sequence[Planned]) -> str:
        records = [record for run in runs if run.begun and (record := run.record)]
        speeds = [speed for record in records if (speed := result.seconds_per_step(record))]
        if not speeds:
            return ""
        return f"; about {budget.duration(sum(run.left for run in runs) * sum(speeds) / len(speeds))} left"

    def _better_half(self, runs: Sequence[Planned], part: float) -> list[Planned]:
        """Return the runs that go on after a rung; of the others those that are not at their end are noted, also in their folders."""
        from ..training_core.history import log

        looks: dict[int, Any] = {}
        for number, run in enumerate(runs):
            record = run.record
            seen = None if record is None or run.note else _looks(record, halving.step_of(part, run.steps))
            if seen:
                looks[number] = seen
        kept = halving.survivors(looks, list(looks))
        lowest = {
            number: min((percent for step, percent in looks[number] if step), default=math.inf) for number in looks
        }
        limit = max((lowest[number] for number in kept), default=0.0)
        for number in looks.keys() - set(kept):
            run, (step, _) = runs[number], looks[number][-1]
            if run.left == 0:
                continue
            run.note = halving.why(step, run.steps, lowest[number], limit)
            log.ended_early(folders.run_folder(run.job.run_id if run.job else ""), step, run.note)
        return [runs[number] for number in kept]

    def ranking(self) -> list[tuple[Row, Planned]]:
        """Return all runs, the best first, each with its row."""
        rows = {run.name: run for run in self.runs}
        return [(row, rows[row.name]) for row in ranked([run.row() for run in self.runs])]


def _looks(record: Record, step: int) -> Any:
    """Return the measurements of a run that count at a rung; None if it has not come so far. One that has ended by itself has."""
    probes = handle.probes(record)
    return halving.reached(probes, step) or (probes if record.done else None)


def files_of(runs: Sequence[Planned]) -> list[tuple[Planned, handle.Run]]:
    """Return the runs that have a LoRA file, with their handles."""
    found = [(run, handle.of_record(record, folders.lora_name)) for run in runs if (record := run.record)]
    return [(run, made) for run, made in found if made.checkpoints]


def checkpoint(made: handle.Run, which: str) -> handle.Checkpoint:
    """Return the last file of a run, or ("best") the one nearest to the step where its probe was lowest."""
    from ..training_core.compare import epochs, runs

    points = runs.of_run(made)
    return epochs.choose(points, "best 1")[0] if which == "best" and made.probes else points.checkpoints[-1]
