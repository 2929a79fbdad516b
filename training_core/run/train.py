"""Wire a job to the host's models: the one place where all parts of a run meet."""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import torch

from ..data.plan import Batch, Buckets
from ..errors import AthanorError
from ..files import remove_leftovers
from ..history import registry
from ..history.events import Event, Resumed, Started, Warned
from ..history.graph import Graph
from ..history.log import NullRunLog, RunLog
from ..host import families, folders, guard, quantised
from ..host.finite import blame
from ..network import metadata
from ..optim import averaging, optimizers, schedulers
from ..resume import continuing, lock, state
from ..resume.checkpoint_writer import CheckpointWriter, NullCheckpointWriter
from ..resume.compute_plan import ComputePlan
from ..resume.progress import Progress
from ..resume.resumable import Resumable
from ..resume.saving import Saver
from ..settings import Job
from . import control, trackers
from .advice import lighter, relief
from .ahead import Ahead
from .automatic import loaded
from .batch_loader import BatchLoader
from .exact import Exact
from .health import Diverged, Health
from .hooks import Hooks
from .loop import loop
from .oom_splitter import OomSplitter
from .preflight import preflight
from .prepare import Prepared, prepare
from .ranks import Ranks, SingleProcess
from .step import Stepper

log = logging.getLogger("athanor")


def train(
    job: Job,
    buckets: Buckets,
    model: Any,
    clip: Any,
    vae: Any,
    validation: Buckets | None = None,
    graph: Mapping[str, Any] | None = None,
    source: Graph | None = None,
    ranks: Ranks | None = None,
) -> Iterator[Event]:
    """Run `job` on the graph's MODEL, CLIP and VAE, or go on with it; must be driven inside `guard.training`.

    Of several processes all train, and the first one alone writes. On any exception (interrupt, out of memory, a closed
    generator) the LoRA of the last finished step and the state are saved before it is passed on.

    Args:
        validation: pictures for the probe that training does not see.
        graph: what the host writes into its pictures (prompt, workflow); files carry it, so that they bring the graph back.
        source: what of the graph leads to this run; job.json holds it.
        ranks: the processes that train this together; None: this one alone.

    Raises:
        AthanorError: bad settings, before anything is encoded; another process that trains this; a disk that is full.
    """
    ranks = ranks or SingleProcess()
    if not ranks.is_main:
        run = prepare(job, buckets, model, clip, vae, validation, looks=False)
        ranks.wait()
        yield from _session(job, run, NullRunLog(), control.Control(), clip, vae, graph or {}, ranks)
        ranks.wait()
        return
    folder = folders.run_folder(job.run_id)
    with lock.held(folder, f"Run {job.run_id}"), control.listening(job.run_id, folder) as commands:
        run = prepare(job, buckets, model, clip, vae, validation)
        ranks.wait()  # the others have read what is on disk
        names = folders.name_lock(run.target)
        with lock.held(names, f"{run.target.name}"):
            remove_leftovers(run.target.parent, run.target.stem)
            if run.start.state is None:
                state.remove(folder / "state")
                for name in ("metrics.jsonl", "events.jsonl"):
                    (folder / name).unlink(missing_ok=True)
            kept = continuing.keep_its_end(run.start.before, folder) if run.start.before else []
            run_log = RunLog(folder, job, run.buckets, run.target, run.length.steps, source)
            for event in kept:
                run_log.note("saved", **event)
            try:
                with trackers.tracking(job, folder) as tracker:
                    yield from tracker.told(_session(job, run, run_log, commands, clip, vae, graph or {}, ranks))
            except BaseException as error:
                _note_end(run_log, error)
                if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise AthanorError(
                        f"The disk is full ({error.filename or folder}): free some space and queue the graph again, it goes on from "
                        f"step {state.step_of(folder / 'state')}."
                    ) from error
                if not isinstance(error, AthanorError) and guard.is_out_of_memory(error):
                    raise AthanorError(
                        f"Out of memory. {relief(job)} Queue the graph again: it goes on from step {state.step_of(folder / 'state')}."
                    ) from error
                raise
        ranks.wait()  # what is on disk is whole


def _note_end(run_log: RunLog, error: BaseException) -> None:
    """Write why a session ended; on a full disk that may fail as well."""
    interrupted = not isinstance(error, Exception)
    why = str(error) or type(error).__name__
    try:
        run_log.note("interrupted" if interrupted else "failed", why=why)
    except OSError:
        log.error("Athanor: %s", why)


def _session(
    job: Job,
    run: Prepared,
    run_log: RunLog | NullRunLog,
    commands: control.Control,
    clip: Any,
    vae: Any,
    graph: Mapping[str, Any],
    ranks: Ranks,
) -> Iterator[Event]:
    """Train from where the run stands to its end, or to where it is stopped."""
    training, started, states = job.training, time.time(), folders.run_folder(job.run_id) / "state"
    begin = run.start.state.epoch if run.start.state else 0
    first = run.plan(job, begin)
    drawn = () if job.network.text else run.samples.prepare(clip)  # else encoded anew for every picture
    before = chain(run.probe.prepare(), drawn, run.encodings.fill(_own(first, ranks)))
    yield from run_log.write_through(chain(map(Warned, run.warnings), before))
    with loaded(job, run, clip, vae, ranks) as ready:
        host_model, trained, plan = ready.model, ready.trained, ready.plan
        run.begin(trained.module)
        optimizer = optimizers.build(job.optimizer, trained.groups)
        looking = averaging.looking(optimizer)
        decay = job.optimizer.ema_decay
        ema = averaging.Ema((p for group in trained.groups for p in group["params"]), decay) if decay else None
        scaler = torch.amp.GradScaler(host_model.device.type, enabled=host_model.compute_dtype == torch.float16)
        split = OomSplitter(
            guard.free_memory, relief(job, plan.way.checkpointing), lighter(job), guard.is_out_of_memory
        )
        split.plan(plan.way.most)
        exact = Exact(training.deterministic, plan.deterministic, host_model.device)
        ahead = Ahead(run.objective, pin=host_model.device.type == "cuda")
        stepper = Stepper(
            host_model.predict,
            ahead,
            trained.module,
            optimizer,
            job.optimizer.max_grad_norm,
            training.seed,
            scaler,
            [action for action in (trained.after_step, ema and ema.update) if action],
            split,
            ranks,
            trained.around,
            exact,
        )
        described = metadata.describe(
            job,
            run.buckets,
            run.length,
            base_version=run.family.base_version,
            architecture=run.family.architecture,
            prediction=run.objective.prediction,
            optimizer_label=run.optimizer_label,
            base_model=families.file_of(run.model),
            validation_images=run.held_out,
            fp8_base=quantised.is_8bit(run.model.model.diffusion_model),
            clip_skip=-(clip.layer_idx or 0),
            started=started,
        )
        saver = Saver(run.target, trained, training, described | graph, looking=looking, mean=ema and ema.swapped)

        def plan_now() -> ComputePlan:
            return replace(plan, way=replace(plan.way, most=split.most), deterministic=exact.on)

        resumable, progress = Resumable(trained.module, optimizer, scaler, ema, run.probe, plan_now), Progress()
        if run.start.state:
            resumable.restore(run.start.state.read(), progress)
            saver.saved.extend(registry.saved_files(states.parent, progress.step))
        keeper = CheckpointWriter(saver, resumable, states, progress.step) if ranks.is_main else NullCheckpointWriter()
        look = run.probe.watch(trained.module, host_model, run.length.steps, looking)
        routine = Hooks(
            run.length.steps,
            host_model,
            trained.module,
            looking,
            Health(scaler.is_enabled(), lambda: blame(host_model)),
            lambda step: chain(split.warnings(), exact.warnings(), map(Warned, host_model.said()), look(step)),
            lambda step: run.probe.due(step, run.length.steps),
            run.samples,
            saver.due,
            keeper,
            commands,
        )

        def prepare_epoch(batches: list[Batch]) -> Iterator[Event]:
            if batches is first:  # encoded before the model was loaded
                return
            encoded = False
            for event in run.encodings.fill(_own(batches, ranks)):
                encoded = True
                yield event
            if encoded:  # the encoders may have pushed the model out
                host_model.load()

        def goes_on() -> bool:
            interrupted, stop = ranks.any(guard.interrupted(), commands.take("stop"))
            if interrupted:
                guard.interrupt()
                guard.stop_if_interrupted()
            return not stop

        events = loop(
            run.length,
            training.batches_per_step,
            lambda epoch: first if epoch == begin else run.plan(job, epoch),
            prepare_epoch,
            BatchLoader(run.encodings, host_model, ranks, lambda shape, *key: ahead.draw(shape, training.seed, *key)),
            stepper,
            lambda step: schedulers.learning_rate(job.optimizer, step, run.length.steps),
            routine.after_step,
            routine.after_epoch,
            goes_on,
            lambda: guard.memory(host_model.device),
            progress,
        )
        length = {"steps": run.length.steps, "epochs": run.length.epochs, "trained": trained.summary}
        if progress.step:
            begun: list[Event] = [Resumed(run_id=job.run_id, step=progress.step, **length)]
            before = iter(())
        else:
            begun, before = [Started(run_id=job.run_id, **length)], routine.begin(progress)
        try:
            checked = preflight(job, run, trained, host_model.device, ready.looked)
            yield from run_log.write_through(
                chain(begun, map(Warned, ready.said), checked, before, events, routine.end(progress))
            )
        except BaseException as error:
            _rescue(error, run_log, keeper, stepper, progress)
            raise
        if progress.step < run.length.steps:
            run_log.note("stopped", step=progress.step)
            return
        if not training.save_state_on_train_end:
            keeper.forget()
        run_log.note("done", step=progress.step)


def _own(batches: list[Batch], ranks: Ranks) -> list[Batch]:
    """What this process encodes and trains on."""
    return [batch for _, batch in ranks.shard(batches)]


def _rescue(
    error: BaseException,
    run_log: RunLog | NullRunLog,
    keeper: CheckpointWriter | NullCheckpointWriter,
    stepper: Stepper,
    progress: Progress,
) -> None:
    """Keep what the run has reached, as far as that is possible; the first error is the one that counts."""
    guard.is_out_of_memory(error)  # CUDA tells the next operation as well, if it is not asked
    try:
        whole = stepper.consistent and not isinstance(error, Diverged)
        saved = keeper.rescue(progress) if whole else keeper.restore_last(progress)
        if saved:
            run_log.add(saved)
            log.info("Athanor: stopped; the LoRA of step %d is %s", saved.step, saved.path)
    except Exception as second:
        log.error("Athanor: what the run had reached since its last state could not be saved (%s)", second)
