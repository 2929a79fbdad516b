"""Wire a job to the host's models: the one place where all parts of a run meet."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import torch

from ..data.plan import Batch, Buckets
from ..host import families, folders, guard
from ..host.model import trainable
from ..network import metadata
from ..optim import averaging, optimizers, schedulers
from ..settings import Job
from .advice import relief
from .events import Event, Started, Warned
from .feed import Feed
from .log import RunLog
from .loop import Progress, loop
from .preflight import preflight
from .prepare import prepare
from .saving import Saver
from .split import Split
from .step import Stepper
from .trained import attached

log = logging.getLogger("athanor")


def train(
    job: Job,
    buckets: Buckets,
    model: Any,
    clip: Any,
    vae: Any,
    validation: Buckets | None = None,
    graph: Mapping[str, Any] | None = None,
) -> Iterator[Event]:
    """Run `job` on the graph's MODEL, CLIP and VAE; must be driven inside `guard.training`.

    On any exception (interrupt, out of memory, a closed generator) the LoRA of the last finished step is saved
    before it is passed on.

    Args:
        validation: pictures for the probe that training does not see.
        graph: what the host writes into its pictures (prompt, workflow); files carry it, so that they bring the graph back.

    Raises:
        AthanorError: bad settings, before anything is encoded.
    """
    training, started = job.training, time.time()
    run = prepare(job, buckets, model, clip, vae, validation)
    run_log = RunLog(folders.run_folder(job.run_id), job, run.buckets)
    yield from run_log.told(chain(map(Warned, run.warnings), run.probe.prepare(), run.encodings.fill(run.plan(job, 0))))
    with (
        trainable(
            run.model,
            training.mixed_precision,
            training.gradient_checkpointing,
            job.conditioning.guidance_scale,
            clip if job.network.text else None,
            training.blocks_to_swap,
        ) as host_model,
        attached(job, run.model, clip, vae, host_model) as trained,
    ):
        run.begin(trained.module)
        optimizer = optimizers.build(job.optimizer, trained.groups)
        looking = averaging.looking(optimizer)
        decay = job.optimizer.ema_decay
        ema = averaging.Ema((p for group in trained.groups for p in group["params"]), decay) if decay else None
        scaler = torch.amp.GradScaler(host_model.device.type, enabled=host_model.compute_dtype == torch.float16)
        split = Split(guard.free_memory, relief(job))
        stepper = Stepper(
            host_model.predict,
            run.objective,
            trained.module,
            optimizer,
            job.optimizer.max_grad_norm,
            training.seed,
            scaler,
            [action for action in (trained.after_step, ema and ema.update) if action],
            split,
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
            started=started,
        )
        described |= graph or {}
        save = Saver(run.target, trained, training, described, looking=looking, mean=ema and ema.swapped)

        def prepare_epoch(batches: list[Batch]) -> Iterator[Event]:
            encoded = False
            for event in run.encodings.fill(batches):
                encoded = True
                yield event
            if encoded:  # the encoders may have pushed the model out
                host_model.load()

        progress, look = Progress(), run.probe.watch(trained.module, host_model, run.length.steps, looking)
        events = loop(
            run.length,
            training.gradient_accumulation_steps,
            lambda epoch: run.plan(job, epoch),
            prepare_epoch,
            Feed(run.encodings, host_model),
            stepper,
            lambda step: schedulers.learning_rate(job.optimizer, step, run.length.steps),
            lambda step: chain(split.warnings(), look(step)),
            save.due,
            save,
            guard.stop_if_interrupted,
            progress,
        )
        begun = Started(job.run_id, run.length.steps, run.length.epochs, trained.summary)
        try:
            yield from run_log.told(chain([begun], preflight(job, run, trained, host_model, stepper), events))
        except BaseException as error:
            if progress.step:
                saved = save(progress, "interrupted")
                run_log.add(saved)
                log.info("Athanor: stopped at step %d; the LoRA so far is %s", progress.step, saved.path)
            run_log.note("stopped", step=progress.step, why=type(error).__name__)
            raise
        run_log.note("done", step=progress.step)
