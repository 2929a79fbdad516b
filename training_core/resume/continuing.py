"""Where a run starts: at its first step, at its own state, or where a shorter run with the same settings has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..history import registry
from ..history.registry import Record
from ..optim import schedulers
from ..settings import NOT_IN_IDENTITY, Job, identity
from . import state
from .state import SavedState


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where a run starts, and what the user should know about it."""

    state: SavedState | None  # None: it starts at the first step
    before: Record | None  # the shorter run that it continues
    warnings: tuple[str, ...]


def start_point(root: Path, job: Job, steps: int) -> StartPoint:
    """Return where the run of `job` starts: at its own state, else at that of a shorter run of the same lineage, else at step 0.

    A run of the same length in other words (epochs instead of max_train_steps) counts as a shorter one, at its end as well. One
    whose state is beyond the length that is asked for does not: what a network was before cannot be had from it.

    Args:
        root: the folder of all runs.
        steps: of the whole run.
    """
    own = root / job.run_id
    if job.training.retrain:
        return StartPoint(None, None, ())
    saved = state.latest(own / "state")
    gone = tuple(_about_a_missing_file(own, saved.step if saved else 0, steps))
    if saved and saved.step <= steps:
        return StartPoint(saved, None, gone)
    lineage = [r for r in registry.records(root, lineage_id=job.lineage_id) if r.run_id != job.run_id]
    lineage = [r for r in lineage if _watched_alike(r, job)]
    with_state = sorted(((state.step_of(r.folder / "state"), r) for r in lineage), key=lambda pair: -pair[0])
    for step, record in with_state:
        within = step < steps or step == steps == record.steps
        if step > 0 and within and (found := state.latest(record.folder / "state")):
            return StartPoint(found, record, tuple(_warnings_about_length(job, step, record.steps, steps)))
    longer = tuple(_about_a_longer_run([record for step, record in with_state if step > steps], steps))
    return StartPoint(
        None, None, (*gone, *_about_own_state(own, saved, steps), *(longer or _why_not_continued(root, job)))
    )


def _watched_alike(record: Record, job: Job) -> bool:
    """Return whether a run's probe was measured as patience needs it: else nobody knows which of its steps was the best."""
    asked = job.validation
    if not asked.patience:
        return True
    stored = registry.job(record.folder).get("validation") or {}
    same = all(stored.get(name) == getattr(asked, name) for name in ("probe_samples", "validate_every_n_steps"))
    return bool(stored.get("patience")) and bool(asked.validate_every_n_steps) and same


def _about_a_missing_file(folder: Path, step: int, steps: int) -> Iterator[str]:
    """Yield that the last file of a finished run is gone, and what is done to have it again; `step`: of its saved state."""
    record = registry.read(folder)
    if record is None or record.state != "done" or any(Path(event["path"]) == record.target for event in record.saved):
        return
    how = "no state of it is kept, so that it is trained again from its first step"
    if step:
        ended = next((e.get("step") for e in reversed(record.events) if e["event"] == "done"), steps)
        how = (
            "it is written again from the saved state"
            if step in (steps, ended)
            else f"it is trained again from step {step} on"
        )
    yield f"{record.target.name} of this finished run was deleted, moved or renamed: {how}."


def _about_own_state(folder: Path, saved: SavedState | None, steps: int) -> Iterator[str]:
    """Yield why the run's state cannot be used, if it has one."""
    path = state.damaged(folder / "state")
    if path:
        yield f"The saved state {path.name} is damaged and cannot be used: the run begins at its first step again."
    elif saved:
        yield (
            f"The saved state {saved.path.name} is beyond the {steps} steps of the run, which another version of Athanor has counted "
            "otherwise: the run begins at its first step again."
        )


def _about_a_longer_run(longer: list[Record], steps: int) -> Iterator[str]:
    """Yield that runs which differ in their length alone are beyond this one's, and which of their files may do instead."""
    if not longer:
        return
    there = (Path(event["path"]).name for record in longer for event in record.saved if event["step"] == steps)
    file = next(there, None)
    yield (
        f"The run of {longer[0].steps} steps with the same settings is beyond step {steps} already and cannot be made shorter, so this "
        f"one begins at its first step{f'; {file} is what that run had learned by step {steps}' if file else ''}."
    )


def _warnings_about_length(job: Job, step: int, old: int, new: int) -> Iterator[str]:
    """Yield that a shorter run is continued, and how its learning rates differ from those of a run of the new length."""
    if step == new:
        yield f"Takes over the run of {old} steps that was trained before, which is as long as this one."
        return
    yield f"Continues the run of {old} steps that was trained before, from step {step}."

    def rate(at: int, total: int) -> float:
        return schedulers.learning_rate(job.optimizer, at, total)

    if any(rate(at, old) != rate(at, new) for at in {*range(0, step, max(1, step // 500)), 1, step - 1}):
        yield (
            f"lr_scheduler {job.optimizer.lr_scheduler} depends on the length of the run: the first {step} steps used the learning "
            f"rates of a run of {old} steps, the rest uses those of {new} steps; the learning rate goes "
            f"from {rate(step - 1, old):.3g} to {rate(step, new):.3g}."
        )
    for warmup in sorted({dataset.token_warmup_step for dataset in job.datasets if 0 < dataset.token_warmup_step < 1}):
        if int(warmup * old) < min(step, int(warmup * new)):
            yield (
                f"token_warmup_step {warmup:g} depends on the length of the run: tags were warmed up during the first "
                f"{int(warmup * old)} steps, in a run of {new} steps it would be {int(warmup * new)}."
            )


def _why_not_continued(root: Path, job: Job) -> Iterator[str]:
    """Yield one sentence on why the last run of the same name is not gone on with; nothing without such a run.

    Of a finished run only that another version has made it: who has changed a setting knows that it is another run.
    """
    same = [r for r in registry.records(root, output_name=job.training.output_name) if r.run_id != job.run_id]
    stored = registry.job(same[0].folder) if same else None
    if not stored:
        return
    if same[0].status == "done":
        if _made_by_another_version(same[0], stored, job):
            yield "The finished run of this name is neither used nor continued, since it was made by another version of Athanor."
        return
    if not state.step_of(same[0].folder / "state"):
        return
    try:
        changes = differences(stored, job)
        unknown = [path for path in identity.unknown(Job, stored) if path != "graph"]
    except (ValueError, TypeError, AttributeError):  # no job.json that any version has written
        return
    if changes:
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        yield (
            f"The stopped run of this name is not continued, since settings that matter have changed: {'; '.join(changes[:4])}{more}."
        )
    else:
        why = f", with settings that this one does not have: {', '.join(unknown)}" if unknown else ""
        yield f"The stopped run of this name is not continued, since it was made by another version of Athanor{why}."


def _made_by_another_version(record: Record, stored: Mapping[str, Any], job: Job) -> bool:
    """Whether a run differs from `job` in its length at most, but has an id of another version's making."""
    try:
        return record.lineage_id != job.lineage_id == Job.lineage_of(stored)
    except (ValueError, TypeError, AttributeError):  # no job.json that any version has written
        return False


_WORDS = {"dataset_fingerprint": "pictures or captions", "model_fingerprint": "the model, CLIP or VAE"}


def differences(stored: Mapping[str, Any], job: Job) -> list[str]:
    """Return what differs in `job` from a job.json, in words; only settings that make a run another one.

    A setting that the file lacks, since an older version has saved it, counts as its default. One that this version does
    not know does not count: nobody can tell whether it was at its default.
    """
    old = {entry.key: entry.value for entry in identity.entries(Job, stored, NOT_IN_IDENTITY)}
    new = sorted(identity.entries(Job, job.model_dump(), NOT_IN_IDENTITY), key=lambda entry: entry.key)
    changed = [entry for entry in new if entry.key in old and old[entry.key] != entry.value]
    return [_WORDS.get(e.name, f"{e.name} was {old[e.key]}, is {e.value}") for e in changed]
