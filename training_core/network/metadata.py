"""What a LoRA file tells about its training, under sd-scripts' ss_ and modelspec names."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from .. import VERSION
from ..data.plan import Buckets, Length
from ..families import Family
from ..randomness import torch_seed
from ..settings import Job
from ..settings.differences import differences
from . import metadata_datasets, metadata_keys
from .metadata_choice import AUTHOR, JOB, RUN_ID, TRAINED


def _old_hash(path: Path) -> str:
    """Return the first 8 hex digits of SHA-256 over 64 KB at 1 MB, by which model files used to be known."""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


def _file(kind: str, path: Path | None) -> dict[str, str]:
    """Return the name of a model's file and its old hash, for which little is read."""
    if path is None or not path.is_file():
        return {f"ss_{kind}_name": "None"}
    return {f"ss_{kind}_name": path.name, f"ss_{kind}_hash": _old_hash(path)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file tells beside its settings; all of it is known before the first step."""

    buckets: Buckets  # what is trained on
    length: Length
    family: Family  # of the model, with the fields of its variant
    prediction: str  # eps, v or flow
    optimizer: str  # the class with its arguments, as OptimizerChoice.label gives it
    base_model: Path | None  # the checkpoint's file, where the host knows it
    validation_images: int  # pictures held out for the probe
    fp8_base: bool  # the frozen model's weights are stored in 8 bits
    clip_skip: int  # layer of the CLIP that is read, from the end; 0: its own
    started: float  # seconds since 1970


def describe(asked: Job, trained: Job, facts: Facts) -> dict[str, object]:
    """Everything that is known before the first step. Only the time fields differ between equal runs.

    Args:
        asked: the job of the run: athanor_job holds it, and the run's id follows from it.
        trained: the values that are trained with: all other fields tell these, and athanor_trained those that differ.
        facts: about the files, the model and the run.
    """
    settings = metadata_keys.write(trained, flow=facts.prediction == "flow")
    return {
        **_spec(trained, facts),
        **settings,  # with what the user says instead of a title or trigger found here
        **_run(asked, trained, facts),
        **metadata_datasets.describe(trained, facts.buckets),
        **_model(facts),
        RUN_ID: asked.run_id,
        JOB: asked.model_dump(),
        TRAINED: differences(asked, trained),
    }


def _run(asked: Job, trained: Job, facts: Facts) -> dict[str, object]:
    """Return the fields about the run as a whole, and those of sd-scripts that are the same for every run here."""
    training, size = trained.training, trained.buckets.batch_size
    return {
        "ss_training_started_at": str(facts.started),
        "ss_session_id": str(torch_seed("session", asked.run_id) % 2**32),
        "ss_optimizer": facts.optimizer,
        "ss_network_module": "lycoris.kohya" if metadata_keys.is_lycoris(trained.network) else "networks.lora",
        "ss_num_batches_per_epoch": str(facts.buckets.batches_per_epoch),
        "ss_num_epochs": str(facts.length.epochs),
        "ss_max_train_steps": str(facts.length.steps),
        "ss_total_batch_size": str(size * training.batches_per_step),
        "ss_num_validation_images": str(facts.validation_images),
        "ss_validate_every_n_epochs": "None",
        "ss_max_validation_steps": "None",
        "ss_cache_latents": "True",
        "ss_lowram": "False",
        "ss_face_crop_aug_range": "None",
    }


def _model(facts: Facts) -> dict[str, str]:
    """Return the fields about the model that is trained on."""
    return {
        "ss_base_model_version": facts.family.base_version,
        "ss_v2": str(facts.family.base_version.startswith("sd_v2")),
        "ss_clip_skip": str(facts.clip_skip or None),
        "ss_fp8_base": str(facts.fp8_base),
        "ss_fp8_base_unet": str(facts.fp8_base),
        **_file("sd_model", facts.base_model),
    }


def _spec(job: Job, facts: Facts) -> dict[str, str]:
    """Return the fields of the Stability model specification; those without a value are left out."""
    optional = {
        "modelspec.prediction_type": {"eps": "epsilon", "v": "v"}.get(facts.prediction),
        "modelspec.trigger_phrase": metadata_datasets.trigger(job),
        "modelspec.encoder_layer": str(facts.clip_skip or ""),
    }
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": facts.family.architecture + ("" if job.network.algo == "finetune" else "/lora"),
        "modelspec.implementation": facts.family.implementation,
        "modelspec.implementation_version": f"athanor/{VERSION}",
        "modelspec.title": _name(job),
        "modelspec.resolution": f"{job.buckets.width}x{job.buckets.height}",
        **{key: value for key, value in optional.items() if value},
    }


def _name(job: Job) -> str:
    """Return the file's name as it was asked for, without sub-folders."""
    return metadata_keys.name_without_folders(job.training.output_name)


def base_hash(digest: str) -> dict[str, str]:
    """Return the field of the SHA-256 of the checkpoint's whole file; none without a file ('')."""
    return {"ss_new_sd_model_hash": digest} if digest else {}


def said(job: Job) -> dict[str, object]:
    """Return what a person says of the files: title, trigger phrase and comment are told in any case, if there are any."""
    fields = metadata_keys.write(job, flow=False)
    found = {"modelspec.title": _name(job), "modelspec.trigger_phrase": metadata_datasets.trigger(job)}
    return {key: value for key, value in {**found, **fields}.items() if key in AUTHOR and value}


def at_save(step: int, epoch: int, now: float | None = None) -> dict[str, str]:
    """Return what is known only when a file is written, at the time `now`: seconds since 1970, by default the present."""
    now = time.time() if now is None else now
    return {
        "ss_training_finished_at": str(now),
        "ss_steps": str(step),
        "ss_epoch": str(epoch),
        "modelspec.date": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now)),
    }
