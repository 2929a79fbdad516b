"""The job that the inputs of Train LoRA describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
        values: the node's widgets and its connected configs, by input name.
        models: the fingerprint of what is trained.
        processes: how many processes this one belongs to; more than one set `processes` of the job.
    """
    training = pick(TrainingSettings, values)
    if processes > 1:
        training = training.model_copy(update={"processes": processes})
    configs: dict[str, Any] = {name: values[name] for name in _CONFIGS if values.get(name) is not None}
    return Job(
        datasets=buckets.dataset.subsets,
        buckets=buckets.settings,
        training=training,
        validation=probe,
        sampling=values.get("samples"),
        dataset_fingerprint=buckets.dataset.fingerprint,
        model_fingerprint=models,
        **configs,
    )


def models_of(model: Any, clip: Any, vae: Any, network: NetworkSettings | None) -> str:
    """Return an identity of the base models, and of the content of the LoRA that network_weights continues, if it is set."""
    from ..training_core.host import fingerprint, same_file

    weights = network.network_weights.strip() if network else ""
    content = same_file.content(folders.existing_lora(weights, "network_weights")) if weights else ""
    return fingerprint.fingerprint(model, clip, vae) + (f"+{content}" if content else "")
