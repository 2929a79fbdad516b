"""Where a run starts: at its first step, at its own state, or where a shorter run with the same settings has ended."""

from __future__ import annotations

import shutil
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

    Args:
        root: the folder of all runs.
        steps: of the whole run.
    """
    own = root / job.run_id
    if job.training.retrain:
        return StartPoint(None, None, ())
    if saved := state.latest(own / "state"):
        return StartPoint(saved, None, ())
    lineage = [r for r in registry.records(root, lineage_id=job.lineage_id) if r.run_id != job.run_id]
    with_state = sorted(((state.step_of(r.folder / "state"), r) for r in lineage), key=lambda pair: -pair[0])
    for step, record in with_state:
        if 0 < step < steps and (saved := state.latest(record.folder / "state")):
            return StartPoint(saved, record, tuple(_warnings_about_length(job, step, record.steps, steps)))
    return StartPoint(None, None, (*_about_damaged_state(own), *_why_not_continued(root, job)))


def _about_damaged_state(folder: Path) -> Iterator[str]:
    """Yield that the run's state cannot be used, if it has one."""
    path = state.damaged(folder / "state")
    if path:
        yield f"The saved state {path.name} is damaged and cannot be used: the run begins at its first step again."


def _warnings_about_length(job: Job, step: int, old: int, new: int) -> Iterator[str]:
    """Yield that a shorter run is continued, and how its learning rates differ from those of a run of the new length."""
    yield f"Continues the run of {old} steps that was trained before, from step {step}."

    def rate(at: int, total: int) -> float:
        return schedulers.learning_rate(job.optimizer, at, total)

    if any(rate(at, old) != rate(at, new) for at in {0, 1, step // 2, max(0, step - 1)}):
        yield (
            f"lr_scheduler {job.optimizer.lr_scheduler} depends on the length of the run: the first {step} steps used the learning "
            f"rates of a run of {old} steps, the rest uses those of {new} steps; the learning rate goes "
            f"from {rate(step - 1, old):.3g} to {rate(step, new):.3g}."
        )


def keep_final_file(before: Record, folder: Path) -> list[dict[str, Any]]:
    """Let the new run begin with the logs of the one it continues, whose last file is copied under the name of its epoch.

    Returns:
        the events "saved" that the new run is to note: of the copied file, or none if it is gone.
    """
    registry.carry_over(before.folder, folder)
    last = next((event for event in before.saved if Path(event["path"]) == before.target), None)
    if last is None:
        return []
    copy = before.target.with_name(f"{before.target.stem}-{last['epoch']:06d}.safetensors")
    if not copy.exists():
        shutil.copyfile(before.target, copy)
    values = {name: value for name, value in last.items() if name not in ("event", "time")}
    return [values | {"path": str(copy), "kind": "epoch"}]


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
