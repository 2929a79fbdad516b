"""The job that the inputs of Train LoRA describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..training_core import file_names
from ..training_core.errors import quoted
from ..training_core.history import registry
from ..training_core.host import folders
from ..training_core.settings import Job, NetworkSettings, TrainingSettings, ValidationSettings
from .schema import pick

if TYPE_CHECKING:
    from ..training_core.data.plan import Buckets

_CONFIGS = ("network", "loss", "noise", "optimizer", "cache", "conditioning")
"""Inputs from config nodes, named as in the job; the job has defaults for unconnected ones."""


def job_of(values: Mapping[str, Any], buckets: Buckets, probe: ValidationSettings, models: str, processes: int) -> Job:
    """Return the job that the node's inputs describe.

    Args:
        values: the node's widgets and its connected configs, by input name; `sampling` is SamplingSettings or None.
        models: the fingerprint of what is trained.
        processes: how many processes this one belongs to; more than one set `processes` of the job.
    """
    training = pick(TrainingSettings, values)
    if processes > 1:
        training = training.model_copy(update={"processes": processes})
    configs: dict[str, Any] = {name: values[name] for name in _CONFIGS if values.get(name) is not None}
    job = Job(
        datasets=buckets.dataset.subsets,
        buckets=buckets.settings,
        training=training,
        validation=probe,
        sampling=values.get("sampling"),
        dataset_fingerprint=buckets.dataset.fingerprint,
        model_fingerprint=models,
        **configs,
    )
    return _under_its_plain_name(job)


def _under_its_plain_name(job: Job) -> Job:
    """Return a job whose output_name is without the ending of the file: `cat.safetensors` and `cat` are one run.

    Runs of older versions that have the name with its ending keep it, and with it their id.
    """
    asked, training = job.training.output_name, job.training
    plain = file_names.plain(asked)
    known = registry.summaries(folders.runs_folder(), output_name=asked, lineage_id=job.lineage_id)
    if not plain or plain == asked or known:
        return job
    return job.model_copy(update={"training": training.model_copy(update={"output_name": plain})})


def said_of_the_name(values: Mapping[str, Any], job: Job) -> list[str]:
    """Return one sentence where the node's output_name is not taken as it stands there; none otherwise."""
    asked, name = str(values.get("output_name", "")).strip(), job.training.output_name
    if not asked or asked == name.strip():
        return []
    return [f"output_name {quoted(asked)} is taken as {quoted(name)}: the file gets its ending by itself."]


def models_of(model: Any, clip: Any, vae: Any, network: NetworkSettings | None) -> str:
    """Return an identity of the base models, and of the content of the LoRA that network_weights continues, if it is set."""
    from ..training_core.host import fingerprint, same_file

    weights = network.network_weights.strip() if network else ""
    content = same_file.content(folders.existing_lora(weights, "network_weights")) if weights else ""
    return fingerprint.fingerprint(model, clip, vae) + (f"+{content}" if content else "")
