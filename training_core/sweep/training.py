"""Trains the runs of a sweep one after the other: which fit the budget, which are ended early, and what is said meanwhile."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..compare import epochs
from ..compare import runs as checkpoints
from ..errors import AthanorError
from ..history import handle, labels, log, registry
from ..history.registry import Record
from ..host import devices, folders, guard
from ..run import control
from ..settings import SweepSettings
from ..wording import duration
from . import budget, halving, result
from .planned import Edits, Planned, refused
from .ranking import Row, ranked

_log = logging.getLogger("athanor")
SAMPLE = 40
"""Runs that are looked at for the speed of earlier ones."""
PAUSE = 2.0
"""Seconds between two times that the node tells how far the sweep is."""


Hearing = Callable[[Callable[[Mapping[str, Any]], None]], AbstractContextManager[None]]
"""Inside of what it gives, a listener is called with each message of the run that is trained (docs/api.md: `athanor`)."""


@dataclass(slots=True, kw_only=True)
class Sweep:
    """All runs of a sweep, and how they are trained."""

    settings: SweepSettings
    base: str  # output_name of Train LoRA
    runs: list[Planned]
    train_one: Callable[[Edits, bool], object]  # trains a run; True: it goes on with what this session has begun
    hearing: Hearing
    say: Callable[[str], None]  # shows a text on the node
    bar: Callable[[int, int], None]  # shows that so many of so many steps are done
    announced: str = ""  # what was said of the whole before the first step
    speed: float | None = None  # seconds of a step by earlier runs

    def train(self) -> None:
        """Train what is left of all runs, as far as the budget has room and, with early_end, as long as each is worth it."""
        possible = [run for run in self.runs if run.job is not None]
        self._check_the_probe(possible)
        fitting = self._within_budget(possible)
        try:
            self._train(fitting)
        except BaseException:
            done = sum(run.left == 0 for run in fitting)
            self.say(f"interrupted: {done} of {len(fitting)} runs are finished; Run goes on from there")
            raise

    def _train(self, runs: Sequence[Planned]) -> None:
        for part in halving.rungs(len(runs)) if self.settings.early_end else []:
            for run in runs:
                self._until(run, halving.step_of(part, run.steps), runs)
            runs = self._better_half(runs, part)
        for run in runs:
            self._until(run, None, runs)

    def _check_the_probe(self, runs: Sequence[Planned]) -> None:
        without = [run.name for run in runs if run.job and not run.job.validation.probe_samples]
        if self.settings.early_end and without:
            raise AthanorError(
                "early_end compares runs by their probe, and there is none: set probe_samples of Validation Config to 8."
            )

    def _within_budget(self, runs: Sequence[Planned]) -> list[Planned]:
        """Return the runs that the budget has room for, and say what comes."""
        settings, self.speed = self.settings, self._speed_of_earlier_runs()
        is_known = settings.budget_unit == "steps" or self.speed is not None
        chosen = self._chosen(runs)
        kept = [run for run in runs if run in chosen or run.record]  # what is begun stays
        if not kept:
            unit = settings.budget_unit
            raise AthanorError(
                f"budget {settings.budget:g} {unit} has no room for one run of {runs[0].steps} steps: raise it, or train fewer."
            )
        for run in runs:
            if run not in kept:
                run.note = f"left out: the budget of {settings.budget:g} {settings.budget_unit} has no room for it"
                run.left_out = True
        left = [run.left for run in kept if run.left]
        seconds = None if self.speed is None else [steps * self.speed for steps in left]
        self.announced = budget.announcement(left, seconds, len(kept) - len(left), len(runs) - len(kept))
        if settings.budget and not is_known:
            self.announced += "; the budget counts from the first run on, as the speed is not known yet"
        _log.info("Athanor: sweep of %s: %s", self.base, self.announced)
        if not_trained := refused(self.runs):
            _log.warning("Athanor: sweep of %s: %s", self.base, not_trained)
            self.announced += f"\n{not_trained}"
        self.say(self.announced)
        return kept

    def _chosen(self, runs: Sequence[Planned]) -> list[Planned]:
        """Return the runs that the budget has room for: those of the last time, if it was asked the same."""
        settings = self.settings
        if not settings.budget:
            return [*runs]
        cost = 1.0 if settings.budget_unit == "steps" else (self.speed or 0.0) / 60
        place, ids = folders.runs_folder().parent / "sweeps", [run.job.run_id for run in runs if run.job]
        asked = f"{settings.budget:g} {settings.budget_unit} {settings.seed}"
        before = budget.noted(place, ids, asked)
        if before is None:
            fits = budget.fitting([run.steps * cost for run in runs], settings.budget, settings.seed)
            before = [ids[number] for number in fits]
            if before:
                budget.note(place, ids, asked, before)
        return [run for run in runs if run.job and run.job.run_id in before]

    def _speed_of_earlier_runs(self) -> float | None:
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
        guard.stop_if_interrupted()
        record = run.record
        if run.note or run.job is None or (pause and record and not run.is_again and _looks(record, pause)):
            return
        if run.begun and record and record.done:
            return
        if self._over_budget(run, runs, pause or run.steps):
            return
        self.say(self._now(run, run.step, runs))
        new, goes_on = record is None or not record.done or run.is_again, run.begun
        run.begun = True
        try:
            with control.pausing(pause), self._heard(run, runs) if new else nullcontext():
                self.train_one(run.edits, goes_on)
        except Exception as error:
            run.note = str(error) or type(error).__name__
            whole = not isinstance(error, AthanorError)
            _log.error("Athanor: %s of the sweep failed, the others go on: %s", run.name, run.note, exc_info=whole)
        finally:
            after = run.look()
        if run.note:
            devices.free_memory()  # what the failed run had on the card, its traceback has held
        if new and after:
            labels.add_tag(after.folder, f"sweep {self.base}")
            if after.status == "stopped" and not (pause and _looks(after, pause)):
                run.note = "stopped by you" if not after.why else after.why
        self.bar(sum(each.step for each in runs), sum(each.steps for each in runs))

    def _heard(self, run: Planned, runs: Sequence[Planned]) -> Any:
        """Return a context in which each step of a run, every PAUSE seconds, shows how far the sweep is."""
        before, all_steps, last = (
            sum(each.step for each in runs if each is not run),
            sum(each.steps for each in runs),
            0.0,
        )

        def hear(message: Mapping[str, Any]) -> None:
            nonlocal last
            now = time.monotonic()
            if message["kind"] == "step" and now - last > PAUSE:
                last = now
                self.say(self._now(run, message["step"], runs))
                self.bar(before + message["step"], all_steps)

        return self.hearing(hear)

    def _now(self, run: Planned, step: int, runs: Sequence[Planned]) -> str:
        """Return what the node shows while a run trains: the run, the time left, the best so far, the whole as it was announced.

        A node in the graph shows two lines of it, unless it is made higher.
        """
        lines = [
            f"run {runs.index(run) + 1} of {len(runs)}: {run.combination.label}",
            *self._time_left(run, step, runs),
        ]
        found = [(each.lowest, each.combination.label) for each in runs if each.lowest is not None]
        if found:
            percent, label = min(found)
            lines.append(f"lowest probe so far: {label} ({percent:.1f} %)")
        return "\n".join([*lines, self.announced])

    def _time_left(self, run: Planned, step: int, runs: Sequence[Planned]) -> list[str]:
        speeds = [each.seconds / each.reached for each in runs if each.begun and each.seconds and each.reached]
        speed = sum(speeds) / len(speeds) if speeds else self.speed
        if speed is None:
            return []
        left = sum(each.left for each in runs if each is not run and not each.note) + max(0, run.steps - step)
        return [f"about {duration(left * speed)} left of the whole"]

    def _over_budget(self, run: Planned, runs: Sequence[Planned], goal: int) -> bool:
        """Return whether minutes that were not known before the first run are used up by now; the run is noted then.

        Args:
            goal: the step to which the run is to be trained now.
        """
        settings = self.settings
        if not settings.budget or settings.budget_unit != "minutes":
            return False
        counted = [each for each in runs if each.seconds and not each.is_again]
        spent, made = sum(each.seconds for each in counted) / 60, sum(each.reached for each in counted)
        todo = max(0, goal - run.step)
        needed = todo * spent / made if made else 0.0
        if (
            todo and made and spent + needed > settings.budget * 1.1
        ):  # speeds vary, and what was told before is to be kept
            run.note = f"left out: {spent:.0f} of {settings.budget:g} minutes are used up"
            run.left_out = True
        return run.left_out

    def _better_half(self, runs: Sequence[Planned], part: float) -> list[Planned]:
        """Return the runs that go on after a rung; of the others those that are not at their end are noted, also in their folders."""
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
    points = checkpoints.of_run(made)
    return epochs.choose(points, "best 1")[0] if which == "best" and made.probes else points.checkpoints[-1]
