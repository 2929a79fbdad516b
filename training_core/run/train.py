"""Wire a job to the host's models: the one place where all parts of a run meet."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import torch

from ..data.cache import LatentCache, TextCache
from ..data.plan import Batch, Buckets, epoch_plan, length
from ..host import families, folders, guard, text, vae
from ..host.model import Batch as HostBatch
from ..host.model import Geometry, trainable
from ..network import build, files, metadata
from ..objective import Objective
from ..optim import optimizers, schedulers
from ..settings import Job
from .events import Encoded, Event, Saved, Started, Warned
from .log import RunLog
from .loop import Progress, loop
from .names import free_path
from .step import Stepper

log = logging.getLogger("athanor")


def train(job: Job, buckets: Buckets, model: Any, clip: Any, autoencoder: Any) -> Iterator[Event]:
    """Run `job` on the graph's MODEL, CLIP and VAE; must be driven inside `guard.training`.

    On any exception (interrupt, out of memory, a closed generator) the LoRA of the last finished step is saved
    before it is passed on.

    Raises:
        AthanorError: bad settings, before anything is encoded.
    """
    training, started = job.training, time.time()
    family = families.detect(model)
    target = free_path(folders.lora_path(training.output_name), job.run_id, training.overwrite)
    optimizers.resolve(job.optimizer)
    run_length = length(buckets, training)
    objective = Objective(job.loss, job.noise, families.schedule(model.get_model_object("model_sampling")))
    run_log = RunLog(folders.run_folder(job.run_id), job)

    def tell(event: Event) -> Event:
        run_log.add(event)
        return event

    warnings = [*objective.warnings, *_warnings(job)]
    if target != folders.lora_path(training.output_name):
        warnings.append(f"{training.output_name}.safetensors is from another run; this one is saved as {target.name}.")
    for warning in warnings:
        yield tell(Warned(warning))

    latents, texts = LatentCache(), TextCache()

    def encode(batches: list[Batch]) -> Iterator[Encoded]:
        samples = [sample for batch in batches for sample in batch.samples]
        pictures = latents.fill(buckets, (s.view for s in samples), lambda pixels: vae.encode(autoencoder, pixels))
        captions = texts.fill((s.caption for s in samples), lambda caption: text.encode(clip, caption))
        for what, progress in (("pictures", pictures), ("captions", captions)):
            for done, total in progress:
                guard.stop_if_interrupted()
                yield Encoded(what, done, total)

    yield from encode(epoch_plan(buckets, training, 0))

    with (
        trainable(model, training.mixed_precision, training.gradient_checkpointing) as host_model,
        build.attached(host_model.diffusion_model, job.network, training.seed, host_model.device) as network,
    ):
        optimizer = optimizers.build(job.optimizer, network.parameters())
        scaler = torch.amp.GradScaler(host_model.device.type, enabled=host_model.compute_dtype == torch.float16)
        stepper = Stepper(
            host_model.predict, objective, network, optimizer, job.optimizer.max_grad_norm, training.seed, scaler
        )
        progress = Progress()
        rename = families.file_names(model, family)
        described = metadata.describe(
            job,
            buckets,
            run_length,
            base_version=family.base_version,
            architecture=family.architecture,
            optimizer_label=optimizers.label(job.optimizer),
            started=started,
        )

        def save(progress: Progress, kind: str) -> Saved:
            suffix = {"epoch": f"-{progress.epoch:06d}", "interrupted": f"-step{progress.step:08d}", "last": ""}[kind]
            path = target.with_name(f"{target.stem}{suffix}.safetensors")
            tensors = files.tensors_for_file(network.state_dict(), training.save_precision, rename)
            digest = files.save_lora(path, tensors, described | metadata.at_save(progress.step, progress.epoch))
            return Saved(path, progress.step, progress.epoch, digest, kind)

        def prepare_epoch(batches: list[Batch]) -> Iterator[Event]:
            encoded = False
            for event in encode(batches):
                encoded = True
                yield event
            if encoded:  # the encoders may have pushed the model out
                host_model.load()

        def collate(batch: Batch) -> HostBatch:
            geometry = []
            for view in (sample.view for sample in batch.samples):
                placement, (left, top) = buckets.placements[view.picture], view.crop
                if view.flip:
                    left = placement.resized[0] - placement.bucket[0] - left
                geometry.append(Geometry(buckets.dataset.pictures[view.picture].size, (left, top), placement.bucket))
            weights = [job.loss.prior_loss_weight if s.is_reg else 1.0 for s in batch.samples]
            encoded = [latents[s.view] for s in batch.samples], [texts[s.caption] for s in batch.samples]
            return host_model.batch(*encoded, geometry, weights)

        yield tell(Started(job.run_id, run_length.steps, run_length.epochs, build.summary(network)))
        try:
            for event in loop(
                run_length,
                training.gradient_accumulation_steps,
                lambda epoch: epoch_plan(buckets, training, epoch),
                prepare_epoch,
                collate,
                stepper,
                lambda step: job.optimizer.learning_rate * schedulers.multiplier(job.optimizer, step, run_length.steps),
                lambda epoch: bool(training.save_every_n_epochs) and epoch % training.save_every_n_epochs == 0,
                save,
                guard.stop_if_interrupted,
                progress,
            ):
                yield tell(event)
        except BaseException as error:
            if progress.step:
                saved = save(progress, "interrupted")
                run_log.add(saved)
                log.info("Athanor: stopped at step %d; the LoRA so far is %s", progress.step, saved.path)
            run_log.note("stopped", step=progress.step, why=type(error).__name__)
            raise
        run_log.note("done", step=progress.step)


def _warnings(job: Job) -> Iterator[str]:
    """Settings that have no effect together, in words."""
    if job.network.dropout and job.network.algo in ("loha", "lokr"):
        yield f"dropout has no effect with {job.network.algo}; rank_dropout and module_dropout have."
    if job.network.preset == "full" and not job.network.conv_rank:
        yield "preset full without conv_rank: 3x3 convolutions are not trained."
    if job.optimizer.lr_scheduler == "constant" and job.optimizer.lr_warmup_steps:
        yield "lr_warmup_steps has no effect with lr_scheduler constant; choose constant_with_warmup."
