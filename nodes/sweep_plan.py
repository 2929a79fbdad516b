"""What each combination of a sweep would train, and whether it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..training_core.compare.axes import WidgetEdit
from ..training_core.compare.upstream import Slot
from ..training_core.errors import AthanorError
from ..training_core.host import folders, guard
from ..training_core.settings import Job
from ..training_core.sweep.combinations import Combination
from ..training_core.sweep.planned import Planned
from . import types
from .sweep_clones import Clones
from .train_job import job_of, models_of

if TYPE_CHECKING:
    from ..training_core.run.ranks import Ranks

CHECKED = 32
"""Combinations that are all checked before the first step; of more, those with a value that no checked one has."""


def plan(
    combinations: Sequence[Combination],
    clones: Clones,
    given: Mapping[Slot, Any],
    base: str,
    say: Callable[[str], None],
) -> list[Planned]:
    """Return what each combination would train; one that cannot be trained is noted, so that it does not stop the others.

    Args:
        given: the values of `clones.needed`.
        base: output_name of Train LoRA.
        say: is told how far it is.

    Raises:
        AthanorError: none of them can be trained.
    """
    runs, seen = list[Planned](), set[tuple[int, str]]()
    for number, each in enumerate(combinations, 1):
        guard.stop_if_interrupted()
        say(f"checking combination {number} of {len(combinations)}")
        name = f"{base}{each.suffix}"
        run = Planned(combination=each, name=name, edits=(*each.edits, WidgetEdit(clones.train, "output_name", name)))
        values = set(enumerate(each.values))
        try:
            _describe(run, clones, given, len(combinations) <= CHECKED or not values <= seen)
            seen |= values
        except AthanorError as error:
            run.job, run.note = None, str(error)
        runs.append(run)
    if all(run.job is None for run in runs):
        raise AthanorError(f"No combination can be trained. {runs[0].combination.label}: {runs[0].note}")
    return runs


def _describe(run: Planned, clones: Clones, given: Mapping[Slot, Any], checked: bool) -> None:
    """Find out what a run trains and how long it is, and, unless it is finished, that the trainer takes it.

    Raises:
        AthanorError: it does not.
    """
    from ..training_core.data.holdout import hold_out
    from ..training_core.data.plan import length
    from ..training_core.run import ranks

    folders.lora_path(run.name)
    values = clones.inputs(run.edits, given)
    probe, held_out = values.get("validation") or types.ProbeInputs()
    models = models_of(values["model"], values["clip"], values["vae"], values.get("network"))
    processes = ranks.current()
    samples = values.get("samples") or types.SampleInputs()
    run.job = job_of(values | {"sampling": samples.settings}, values["buckets"], probe, models, processes.count)
    run.steps = length(hold_out(values["buckets"], probe, held_out).training, run.job.training).steps
    run.look()
    if checked and run.left:
        _check(run.job, values, held_out, samples.model, processes)


def _check(job: Job, values: Mapping[str, Any], held_out: Any, sampling_model: Any, processes: Ranks) -> None:
    """Check a job against the graph's models as its training would before its first step.

    Raises:
        AthanorError: it cannot be trained.
    """
    from ..training_core.run.prepare import prepare

    with guard.training():
        looks = {"sampling_model": sampling_model, "looks": processes.is_main}
        prepare(job, values["buckets"], values["model"], values["clip"], values["vae"], held_out, **looks)
