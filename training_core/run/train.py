"""Train a job on the graph's models: locks, the run's folder and log, and what an error leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from .. import advice
from ..data.plan import Buckets
from ..errors import AthanorError, Fault, FileError
from ..history import registry, report, results
from ..history.damage import check_places
from ..history.events import Event, Phase, Queued
from ..history.graph import Graph
from ..history.log import NullRunLog, RunLog
from ..history.registry import Record
from ..history.run_files import alone, is_whole, second_name
from ..host import devices, folders, guard
from ..leftovers import sweep_run
from ..resume import lock, state
from ..resume.taking_over import take_over
from ..settings import Job
from . import control, trackers
from .memory_advice import memory_advice
from .metadata_update import rewrite, wanted
from .prepare import Prepared, prepare
from .ranks import Ranks, SingleProcess
from .session import Context, session

log = logging.getLogger("athanor")


def train(
    job: Job,
    buckets: Buckets,
    model: Any,
    clip: Any,
    vae: Any,
    *,
    validation: Buckets | None = None,
    sampling_model: Any = None,
    scorer: Any = None,
    graph: Mapping[str, Any] | None = None,
    source: Graph | None = None,
    ranks: Ranks | None = None,
    queued: Queued | None = None,
) -> Generator[Event, None, None]:
    """Run `job` on the graph's MODEL, CLIP and VAE, or go on with it; must be driven inside `guard.training`.

    Of several processes all train, and the first one alone writes. On any exception (interrupt, out of memory, a closed
    generator) the LoRA of the last finished step and the state are saved before it is passed on.

    Args:
        validation: pictures for the probe that training does not see.
        sampling_model: the MODEL that samples are drawn with; None: the one that is trained.
        scorer: compares samples with the training pictures as they are drawn; None: nobody does.
        graph: what the host writes into its pictures (prompt, workflow); files carry it if the job's `metadata` says so, so that
            they bring the graph back.
        source: what of the graph leads to this run; job.json holds it.
        ranks: the processes that train this together; None: this one alone.
        queued: the host's job that this belongs to; None: it comes from the command line.

    Raises:
        AthanorError: bad settings, before anything is encoded; as Fault: another process that trains this, a full disk or memory.
    """
    ranks = ranks or SingleProcess()
    context = partial(Context, job=job, clip=clip, vae=vae, ranks=ranks)
    if not ranks.is_main:
        run = prepare(job, buckets, model, clip, vae, validation, looks=False)
        ranks.wait()
        told = wanted(job, run.target, {}, None)
        yield from session(context(run=run, wanted=told, run_log=NullRunLog(), control=control.Control()))
        ranks.wait()
        return
    folder = folders.run_folder(job.run_id)
    with lock.held(folder, f"Run {job.run_id}"), control.listening(job.run_id, folder) as commands:
        check_places(folder)
        yield Phase("checking the settings")
        run = prepare(job, buckets, model, clip, vae, validation, sampling_model=sampling_model, scorer=scorer)
        ranks.wait()  # the others have read what is on disk
        with lock.held(folders.name_lock(run.target), f"{run.target.name}"):
            sweep_run(folder, (run.target.parent, folders.diffusers_folder(run.target)), run.target.stem)
            _remove_what_is_alone(job, run.target)
            if run.start.state is None:
                _forget_earlier_attempt(folder)
            copied = _taken_over(run, folder)
            run_log = RunLog(folder, job, run.buckets, run.target, run.length.steps, source)
            for event in copied:
                run_log.note("saved", **event)
            told = wanted(job, run.target, graph or {}, source)
            rewrite(folder, told)
            _complete(folder)
            try:
                run_log.note("preparing", **_of_the_host(queued))
                with trackers.tracking(job, folder) as tracker:
                    yield from tracker.logged(session(context(run=run, wanted=told, run_log=run_log, control=commands)))
            except BaseException as error:
                told = _with_advice(error, job, folder)
                _note_end(run_log, told)
                if told is not error:
                    raise told from error
                raise
            _complete(folder)
        ranks.wait()  # what is on disk is whole


def _of_the_host(queued: Queued | None) -> dict[str, Any]:
    """Return what a session's first event tells of the host's job, as far as it is known."""
    told = {"prompt_id": queued.prompt_id, "queued": queued.time} if queued else {}
    return {name: value for name, value in told.items() if value is not None}


def _taken_over(run: Prepared, folder: Path) -> list[dict[str, Any]]:
    """Take over logs, pictures and last file of the run that this one continues, if any; return the events to note."""
    if not run.start.before:
        return []
    copies, length = folders.diffusers_folder(run.target), run.length
    return take_over(run.start.before, folder, length.steps, length.steps_per_epoch, copies)


def _remove_what_is_alone(job: Job, target: Path) -> None:
    """Remove running means and copies whose file the run has removed itself, as save_last_n_epochs or save_last_n_steps asks."""
    if job.training.save_last_n_epochs or job.training.save_last_n_steps:
        for path in alone(target, job.run_id, folders.diffusers_folder(target)):
            path.unlink(missing_ok=True)


def _complete(folder: Path) -> None:
    """Give files of the run that were saved before, or by another version, their places in its folder."""
    if record := registry.read(folder):
        results.complete(record)


def tidy(record: Record) -> None:
    """Do for a finished run what its process did not, killed just after the last step, or an older version: its report, its
    files' places in its folder, and temporary files.

    Does nothing while another process holds the run, or where nothing can be written.
    """
    folder, target = record.folder, record.target
    told = (folder / "report.html").is_file() and not (folder / "owner.json").exists()
    if told and all(is_whole(second_name(Path(event["path"]), folder)) for event in record.saved[-1:]):
        return
    with suppress(AthanorError), lock.held(folder, "The run"), lock.held(folders.name_lock(target), "Its name"):
        sweep_run(folder, (target.parent, folders.diffusers_folder(target)), target.stem)
        results.complete(record)
        report.write(folder)


def put_back(record: Record) -> list[str]:
    """Give a finished run its last file back, if that is gone and the run's folder has it; return what is to be said of it."""
    folder, target = record.folder, record.target
    with suppress(AthanorError), lock.held(folder, "The run"), lock.held(folders.name_lock(target), "Its name"):
        return [said] if (said := results.put_back(record)) else []
    return []


def _forget_earlier_attempt(folder: Path) -> None:
    """Remove states and logs of a run that begins at its first step again."""
    state.remove(folder / "state")
    for name in ("metrics.jsonl", "events.jsonl"):
        (folder / name).unlink(missing_ok=True)


def _with_advice(error: BaseException, job: Job, folder: Path) -> BaseException:
    """Return what the user can do about a file or a full GPU, as one sentence; any other error as it is."""
    step = state.step_of(folder / "state")
    if isinstance(error, OSError) and (error.filename or FileError.of(error).full):
        access = "written" if isinstance(error, FileError) else "read"  # what is written goes through `files`
        told = FileError.of(error, None if error.filename else folder, access)
        return Fault(f"{told.what}: {told.advice} and {advice.again()}, it resumes from step {step}.")
    if not isinstance(error, AthanorError) and devices.is_out_of_memory(error):
        return Fault(f"Out of memory. {memory_advice(job)} {advice.again().capitalize()}: it resumes from step {step}.")
    return error


def _note_end(run_log: RunLog, error: BaseException) -> None:
    """Write why a session ended; on a full disk that may fail as well."""
    interrupted = not isinstance(error, Exception)
    why = str(error) or (guard.reason() if interrupted else type(error).__name__)
    try:
        run_log.note("interrupted" if interrupted else "failed", why=why)
    except OSError:
        log.error("Athanor: %s", why)
