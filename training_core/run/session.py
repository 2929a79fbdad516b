"""One session of a run: the objects it trains with, and its events from where the run stands to where it stops."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..data.plan import steps_left
from ..history import registry
from ..history.events import Event, Phase, Resumed, Started, Warned
from ..history.log import NullRunLog, RunLog
from ..history.resolved import write as write_resolved
from ..host import detection, determinism, devices, folders, quantised
from ..host.file_hash import FileHash
from ..host.finite import blame
from ..network import metadata
from ..optim import averaging, schedulers
from ..resume.checkpoint_writer import CheckpointWriter, NullCheckpointWriter
from ..resume.metadata_rewrite import Wanted, note
from ..resume.progress import RunProgress
from ..resume.resumable import Resumable
from ..resume.saving import Saver
from ..settings import Job
from .batch_loader import BatchLoader
from .control import Control
from .encoding import Encoding
from .health import Diverged, Health
from .hooks import RunHooks
from .load import LoadedModels, Loading
from .loop import loop
from .patience import Patience
from .predraw import PredrawnObjective
from .preflight import preflight
from .prepare import Prepared
from .ranks import Ranks
from .resolve import computed
from .step import Stepper
from .trial import is_tried, largest
from .updates import Updates, make_updates

log = logging.getLogger("athanor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a session is given: the checked run, the graph's models, and who listens."""

    job: Job
    run: Prepared
    run_log: RunLog | NullRunLog
    control: Control
    clip: Any
    vae: Any
    wanted: Wanted  # what files tell
    ranks: Ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """The objects of a session that change from step to step, and those that watch them."""

    objective: PredrawnObjective
    stepper: Stepper
    writer: CheckpointWriter | NullCheckpointWriter
    hooks: RunHooks
    progress: RunProgress


def session(context: Context) -> Iterator[Event]:
    """Train from where the run stands to its end, or to where the user stops it.

    On any exception the LoRA of the last finished step and the state are saved before it is passed on.
    """
    with closing(context.run.encodings), closing(context.run.probe):
        yield from _session(context)


def _session(context: Context) -> Iterator[Event]:
    """Do the same; what the run needs of the cache is released by the caller."""
    job, run, ranks, started = context.job, context.run, context.ranks, time.time()
    base_hash = FileHash(detection.file_of(run.model) if ranks.is_main else None)
    step = run.start.state.step if run.start.state else 0
    epoch = run.length.finished_epochs(step, run.start.state.epoch) if run.start.state else 0
    whole = run.plan(job, epoch)
    _, planned = steps_left(whole, run.length, epoch, step, job.training.batches_per_step)
    # The batch on which memory is tried beside the loaded model, where nothing can be encoded; it need not be one of those left.
    more = (
        [largest(run.plan(job, 0) if epoch else whole, run.buckets.dataset)]
        if is_tried(devices.compute_device())
        else []
    )
    encoding = Encoding(run, context.control, ranks)
    yield from context.run_log.logged(encoding.first(None if job.network.text else context.clip, planned, more))
    if encoding.stopped:
        context.run_log.note("stopped", step=step, why=encoding.why(step, job.cache.cache_to_disk))
        return
    with ExitStack() as stack:
        loading = Loading(job, run, context.clip, context.vae, ranks)
        yield from context.run_log.logged(loading.into(stack))
        models = loading.models
        trainer = _trainer(context, models, encoding, started, base_hash)
        events = loop(
            length=run.length,
            batches_per_step=job.training.batches_per_step,
            epoch_plan=lambda number: whole if number == epoch else run.plan(job, number),
            usable=lambda batches: run.encodings.left_out.usable(batches, ranks.any),
            load=BatchLoader(
                run.encodings,
                models.model,
                ranks,
                lambda shape, *key: trainer.objective.draw(shape, job.training.seed, *key),
            ),
            stepper=trainer.stepper,
            learning_rate=lambda step: schedulers.learning_rate(job.optimizer, step, run.length.steps),
            hooks=trainer.hooks,
            progress=trainer.progress,
            telling=run.encodings.telling,
        )
        try:
            yield from context.run_log.logged(_framed(context, models, trainer, events))
        except BaseException as error:
            _save_what_was_reached(error, context.run_log, trainer)
            raise
        patience = trainer.hooks.patience
        if trainer.progress.step != run.length.steps and not patience.over:
            nothing = {} if trainer.progress.step else {"why": encoding.why(0, job.cache.cache_to_disk)}
            context.run_log.note("stopped", step=trainer.progress.step, **nothing)
            return
        if not job.training.save_state_on_train_end:
            trainer.writer.remove_state()
        why = patience.why(run.length.steps)
        context.run_log.note("done", step=trainer.progress.step, **({"why": why} if why else {}))


def _framed(context: Context, models: LoadedModels, trainer: Trainer, events: Iterator[Event]) -> Iterator[Event]:
    """Yield the loop's events between those of the start (preflight, first look) and of the end (last file)."""
    job, run, progress = context.job, context.run, trainer.progress
    goes_on = bool(progress.step)
    told = {"steps": run.length.steps, "epochs": run.length.epochs, "steps_per_epoch": run.length.steps_per_epoch}
    if goes_on:
        yield Resumed(run_id=job.run_id, step=progress.step, trained=models.target.summary, **told)
    else:
        yield Started(run_id=job.run_id, trained=models.target.summary, **told)
    yield from (Warned(text, note=True) for text in models.warnings)  # how steps are computed here
    yield from preflight(job, run, models.target, models.model.device, models.largest)
    if not goes_on:
        yield from trainer.hooks.start(progress)
    yield Phase("compiling the model" if models.model.compiled else "making the first step")
    yield from events
    yield from trainer.hooks.end(progress)


def _trainer(
    context: Context, models: LoadedModels, encoding: Encoding, started: float, base_hash: FileHash
) -> Trainer:
    """Put together what a session trains with, as the run's state left it.

    Args:
        encoding: of pictures and captions; what is left of the first epoch is encoded already.
        started: seconds since 1970, for the file's metadata.
        base_hash: of the checkpoint, for the same.
    """
    run, model, module = context.run, models.model, models.target.module
    updates, progress = make_updates(context.job, context.run, models, context.ranks), RunProgress()
    eval_weights = averaging.eval_weights(updates.optimizer)
    known, wanted = _metadata(context, models, started), context.wanted

    @cache
    def late() -> dict[str, str]:
        """Return what is known once the first file is saved; the run's folder keeps that with all the rest."""
        found = metadata.base_hash(base_hash.wait())
        note(folders.run_folder(context.job.run_id), wanted, {**known, **found})
        return found

    saver = Saver(
        target=run.target,
        copies=wanted.copies,
        run=folders.run_folder(context.job.run_id),
        trained=models.target,
        settings=context.job.training,
        steps_per_epoch=run.length.steps_per_epoch,
        metadata={**known, **wanted.graph},
        choice=wanted.choice,
        late_metadata=late,
        eval_weights=eval_weights,
        mean_weights=updates.ema and updates.ema.swapped,
    )
    patience = Patience(context.job.validation.patience, module, updates.ema)
    writer = _writer(context, models, updates, saver, patience, progress)

    def warnings() -> Iterator[Event]:
        yield from updates.splitter.warnings()
        yield from updates.mode.warnings()
        yield from map(Warned, model.warnings())

    hooks = RunHooks(
        steps=run.length.steps,
        epochs=run.length.epochs,
        model=model,
        module=module,
        eval_weights=eval_weights,
        health=Health(updates.scaler.is_enabled(), lambda: blame(model)),
        encoding=encoding,
        warnings=warnings,
        probe=run.probe,
        samples=run.samples,
        save_due=saver.due,
        writer=writer,
        control=context.control,
        ranks=context.ranks,
        patience=patience,
    )
    return Trainer(objective=updates.objective, stepper=updates.stepper, writer=writer, hooks=hooks, progress=progress)


def _writer(
    context: Context, models: LoadedModels, updates: Updates, saver: Saver, patience: Patience, progress: RunProgress
) -> CheckpointWriter | NullCheckpointWriter:
    """Restore the run's state, if it has one, into what is trained and into `progress`; return what writes the next ones."""
    run, folder = context.run, folders.run_folder(context.job.run_id)
    resumable = Resumable(
        module=models.target.module,
        optimizer=updates.optimizer,
        scaler=updates.scaler,
        ema=updates.ema,
        probe=run.probe,
        patience=patience,
        plan=lambda: updates.plan(models.plan),
        finished_epochs=run.length.finished_epochs,
    )
    if run.start.state:
        resumable.restore(run.start.state.read(), progress)
        saver.saved.extend(registry.saved_files(folder, progress.step))
    if not context.ranks.is_main:
        return NullCheckpointWriter()
    return CheckpointWriter(saver, resumable, folder / "state", progress.step)


def _metadata(context: Context, models: LoadedModels, started: float) -> dict[str, Any]:
    """Return the metadata of the run's files that is known before the first step, and write resolved.json."""
    job, run = context.job, context.run
    resolved = computed(run.resolved, models.plan, exact=not determinism.applies(models.model.device))
    if context.ranks.is_main:
        write_resolved(folders.run_folder(job.run_id), job, resolved)
    facts = metadata.Facts(
        buckets=run.buckets,
        length=run.length,
        family=run.family,
        prediction=run.objective.prediction,
        optimizer=run.optimizer.label,
        base_model=detection.file_of(run.model),
        validation_images=run.held_out,
        fp8_base=quantised.is_8bit(run.model.model.diffusion_model),
        clip_skip=-(context.clip.layer_idx or 0),
        started=started,
    )
    return metadata.describe(job, resolved, facts)


def _save_what_was_reached(error: BaseException, run_log: RunLog | NullRunLog, trainer: Trainer) -> None:
    """Save the last finished step, or after a divergence the last good state; a second error is only logged."""
    devices.is_out_of_memory(error)  # clears CUDA's record of the error, by which the next operation would fail
    try:
        usable = trainer.stepper.consistent and not isinstance(error, Diverged)
        writer, progress = trainer.writer, trainer.progress
        saved = writer.rescue(progress) if usable else writer.restore_saved(progress)
        if saved:
            run_log.add(saved)
            if isinstance(error, Exception):  # of an interrupt its node says what is kept
                log.info("Athanor: stopped; the LoRA of step %d is %s", saved.step, saved.path)
        # A GPU's steps are read now and then alone. Behind the file, which is worth more where a disk has little room.
        with suppress(OSError, RuntimeError):  # RuntimeError: a device that is lost cannot be read
            for stepped in progress.read() if usable else ():
                run_log.add(stepped)
    except Exception as second:
        log.error("Athanor: the progress since the last saved state could not be saved (%s)", second)
