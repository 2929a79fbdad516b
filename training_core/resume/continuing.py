"""Does a new job go on where another one of the same kind has ended?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..history import registry
from ..history.registry import Record
from ..optim import schedulers
from ..settings import NOT_IN_IDENTITY, Job
from . import state
from .state import Kept


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a run starts."""

    state: Kept | None  # None: at the first step
    before: Record | None  # the shorter run that it continues
    said: tuple[str, ...]


def beginning(root: Path, job: Job, steps: int) -> Beginning:
    """Its own state, or else that of a shorter run of the same line, or none.

    Args:
        root: the folder of all runs.
        steps: of the whole run.
    """
    own = root / job.run_id
    if job.training.retrain:
        return Beginning(None, None, ())
    if found := state.latest(own / "state"):
        return Beginning(found, None, ())
    line = [r for r in registry.records(root, lineage_id=job.lineage_id) if r.run_id != job.run_id]
    with_state = sorted(((state.step_of(r.folder / "state"), r) for r in line), key=lambda pair: -pair[0])
    for step, record in with_state:
        if 0 < step < steps and (found := state.latest(record.folder / "state")):
            return Beginning(found, record, tuple(_length_matters(job, step, record.steps, steps)))
    return Beginning(None, None, tuple(_changes(root, job)))


def _length_matters(job: Job, step: int, old: int, new: int) -> Iterator[str]:
    """What the first steps would have been like in a run of the new length."""
    yield f"Continues the run of {old} steps that was trained before, from step {step}."

    def rate(at: int, total: int) -> float:
        return schedulers.learning_rate(job.optimizer, at, total)

    if any(rate(at, old) != rate(at, new) for at in {0, 1, step // 2, max(0, step - 1)}):
        yield (
            f"lr_scheduler {job.optimizer.lr_scheduler} depends on the length: the first {step} steps had the rates of {old} "
            f"steps, the rest has those of {new}; the rate goes from {rate(step - 1, old):.3g} to {rate(step, new):.3g}."
        )


def keep_its_end(before: Record, folder: Path) -> list[dict[str, Any]]:
    """Give the file that a continued run had ended with its epoch's name, and the new run its logs; events to note."""
    registry.carry_over(before.folder, folder)
    last = next((event for event in before.saved if Path(event["path"]) == before.target), None)
    if last is None:
        return []
    copy = before.target.with_name(f"{before.target.stem}-{last['epoch']:06d}.safetensors")
    if not copy.exists():
        shutil.copyfile(before.target, copy)
    told = {name: value for name, value in last.items() if name not in ("event", "time")}
    return [told | {"path": str(copy), "kind": "epoch"}]


def _changes(root: Path, job: Job) -> Iterator[str]:
    """What is different from the last unfinished run of the same name."""
    same = [r for r in registry.records(root, output_name=job.training.output_name) if r.run_id != job.run_id]
    if not same or same[0].status == "done" or not state.step_of(same[0].folder / "state"):
        return
    old = registry.job(same[0].folder)
    differ = list(_differences("", old, job.model_dump(mode="json"))) if old else []
    if differ:
        more = f" and {len(differ) - 4} more" if len(differ) > 4 else ""
        yield (
            f"The stopped run of this name is not continued, since settings that matter have changed: {'; '.join(differ[:4])}{more}."
        )


def _no_matter(path: str) -> bool:
    """Whether the setting at `path` is none that makes a run another one."""
    group, _, name = path.partition(".")
    return group in ("graph", "sampling") or name.rpartition(".")[2] in NOT_IN_IDENTITY.get(group, ())


_WORDS = {"dataset_fingerprint": "pictures or captions", "model_fingerprint": "the model, CLIP or VAE"}


def _differences(path: str, old: object, new: object) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (a, b) in enumerate(zip(old, new, strict=True)):
            yield from _differences(f"{path}.{i}", a, b)
    elif old != new and not _no_matter(path):
        name = path.rpartition(".")[2]
        yield _WORDS.get(name, f"{name} was {old}, is {new}")
