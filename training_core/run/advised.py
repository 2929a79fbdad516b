"""What a run says of its graph, its names and its optimizer before it encodes anything, and what its hints look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import file_names
from ..data.plan import Buckets, Length
from ..families import Family
from ..host import detection
from ..optim.hints import hints
from ..settings import Job
from .hints import Facts
from .resolve import Resolved


def about_the_graph(model: Any) -> Iterator[str]:
    """Yield a warning about what the graph has put on the model before training."""
    if model.patches:
        yield (
            f"The MODEL has a LoRA patched on (or a model merged into) {len(model.patches)} weights: the network is trained on top "
            "of it, and the two must be used together."
        )


def about_names(job: Job, name: str) -> Iterator[str]:
    """Yield warnings about a preset that is smaller than its name, and about a file name that is not the one asked for."""
    if job.network.preset == "full" and not job.network.conv_rank:
        yield "preset full without conv_rank: 3x3 convolutions are not trained."
    wanted = file_names.plain(job.training.output_name)
    if name != wanted.replace("\\", "/").rpartition("/")[2]:
        yield f"{wanted}.safetensors is from another run; this one is saved as {name} in the same folder."


def about_the_optimizer(resolved: Resolved, job: Job, run_length: Length, factors: list[float]) -> list[str]:
    """Return advice about optimizer settings that fight each other, as they were asked for."""
    gamma = resolved.job.loss.min_snr_gamma
    return hints(job.optimizer, run_length.steps, min_snr_gamma=gamma, factors=factors, network=job.network)


def facts(job: Job, buckets: Buckets, run_length: Length, family: Family, model: Any) -> Facts:
    """Return what is looked at for quiet mistakes in the job."""
    file = detection.file_of(model)
    per_epoch = sum(map(len, buckets.by_size().values()))
    return Facts(
        training=job.training,
        sampling=job.sampling,
        length=run_length,
        seen=run_length.steps * per_epoch // run_length.steps_per_epoch,
        family=family,
        file=file.name if file else "",
        samplings=detection.sampling_names(model),
        compares=job.loss.model_prediction_type,
        patched=bool(model.patches),
    )
