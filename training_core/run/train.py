"""Wire a job to the host's models: the one place where all parts of a run meet."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import torch

from ..data.plan import Batch, Buckets, epoch_plan, length
from ..host import families, folders, guard
from ..host.model import trainable
from ..network import build, metadata
from ..objective import Objective
from ..optim import optimizers, schedulers
from ..settings import Job
from .encoded import Encodings
from .events import Event, Started, Warned
from .feed import Feed
from .log import RunLog
from .loop import Progress, loop
from .names import free_path
from .saving import Saver
from .step import Stepper

log = logging.getLogger("athanor")


def train(job: Job, buckets: Buckets, model: Any, clip: Any, vae: Any) -> Iterator[Event]:
    """Run `job` on the graph's MODEL, CLIP and VAE; must be driven inside `guard.training`.

    On any exception (interrupt, out of memory, a closed generator) the LoRA of the last finished step is saved
    before it is passed on.

    Raises:
        AthanorError: bad settings, before anything is encoded.
    """
    training, started = job.training, time.time()
    family = families.detect(model)
    objective = Objective(job.loss, job.noise, families.schedule(model.get_model_object("model_sampling")))
    optimizer_label = optimizers.label(job.optimizer)
    build.create(model.model.diffusion_model, job.network, training.seed)  # only to see that it can be made
    run_length = length(buckets, training)
    target = free_path(folders.lora_path(training.output_name), job.run_id, training.overwrite)
    run_log = RunLog(folders.run_folder(job.run_id), job)

    for warning in [*objective.warnings, *_warnings(job, target.stem)]:
        run_log.add(Warned(warning))
        yield Warned(warning)
    encodings = Encodings(buckets, clip, vae, job.cache, training.seed, job.loss.prior_loss_weight)
    for event in encodings.fill(epoch_plan(buckets, training, 0)):
        run_log.add(event)
        yield event

    with (
        trainable(model, training.mixed_precision, training.gradient_checkpointing) as host_model,
        build.attached(host_model.diffusion_model, job.network, training.seed, host_model.device) as network,
    ):
        optimizer = optimizers.build(job.optimizer, network.parameters())
        scaler = torch.amp.GradScaler(host_model.device.type, enabled=host_model.compute_dtype == torch.float16)
        stepper = Stepper(
            host_model.predict, objective, network, optimizer, job.optimizer.max_grad_norm, training.seed, scaler
        )
        described = metadata.describe(
            job,
            buckets,
            run_length,
            base_version=family.base_version,
            architecture=family.architecture,
            optimizer_label=optimizer_label,
            started=started,
        )
        save = Saver(target, network, training.save_precision, families.file_names(model, family), described)

        def prepare_epoch(batches: list[Batch]) -> Iterator[Event]:
            encoded = False
            for event in encodings.fill(batches):
                encoded = True
                yield event
            if encoded:  # the encoders may have pushed the model out
                host_model.load()

        progress = Progress()
        events = loop(
            run_length,
            training.gradient_accumulation_steps,
            lambda epoch: epoch_plan(buckets, training, epoch),
            prepare_epoch,
            Feed(encodings, host_model),
            stepper,
            lambda step: schedulers.learning_rate(job.optimizer, step, run_length.steps),
            lambda epoch: bool(training.save_every_n_epochs) and epoch % training.save_every_n_epochs == 0,
            save,
            guard.stop_if_interrupted,
            progress,
        )
        try:
            for event in chain(
                [Started(job.run_id, run_length.steps, run_length.epochs, build.summary(network))], events
            ):
                run_log.add(event)
                yield event
        except BaseException as error:
            if progress.step:
                saved = save(progress, "interrupted")
                run_log.add(saved)
                log.info("Athanor: stopped at step %d; the LoRA so far is %s", progress.step, saved.path)
            run_log.note("stopped", step=progress.step, why=type(error).__name__)
            raise
        run_log.note("done", step=progress.step)


def _warnings(job: Job, name: str) -> Iterator[str]:
    """Settings that have no effect together, and a name that is not the one asked for, in words."""
    if job.network.dropout and job.network.algo in ("loha", "lokr"):
        yield f"dropout has no effect with {job.network.algo}; rank_dropout and module_dropout have."
    if job.network.preset == "full" and not job.network.conv_rank:
        yield "preset full without conv_rank: 3x3 convolutions are not trained."
    if job.optimizer.lr_scheduler == "constant" and job.optimizer.lr_warmup_steps:
        yield "lr_warmup_steps has no effect with lr_scheduler constant; choose constant_with_warmup."
    if name != job.training.output_name.replace("\\", "/").rpartition("/")[2].strip():
        yield f"{job.training.output_name}.safetensors is from another run; this one is saved as {name}."
