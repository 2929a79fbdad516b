"""What a run trains, and what it writes of it: a network beside the models, or the model itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..host import checkpoint, detection, diffusers, selfcheck
from ..host.model import Trainable
from ..host.precision import COMPUTE
from ..network import build, diffusers_names, files, finetune, groups, norms, portable, table
from ..optim import rates
from ..resume.saving import Verdict
from ..settings import Job
from .parts import parts_of

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class TrainTarget:
    """Something with parameters that can be written to a file."""

    module: torch.nn.Module
    groups: list[dict[str, Any]]  # parameters and their share of the learning rate
    summary: str  # in words
    tensors: Callable[[], Tensors]  # as they are now, by their names in the file
    write: Callable[[Path, Tensors, Mapping[str, object]], str]  # returns the hash
    check: Callable[[Tensors], Verdict]  # does the stock loader make of it what was trained?
    after_step: Callable[[], None] | None
    diffusers: Callable[[Tensors], Tensors] | None = None  # the same tensors in diffusers' names, if wished
    around: Callable[[], AbstractContextManager[object]] = nullcontext  # a forward and backward pass


@contextmanager
def attached(job: Job, model: Any, clip: Any, vae: Any, host_model: Trainable) -> Iterator[TrainTarget]:
    """What `job` trains, on the loaded models; they are as before afterwards.

    Args:
        model: the graph's MODEL.
    """
    base, settings, precision = host_model.patcher.model, job.network, job.training.save_precision
    own = COMPUTE[job.training.full_precision]
    if settings.algo == "finetune":
        family, cast = detection.detect(model), checkpoint.compute_in_input_format
        with finetune.attached(host_model.diffusion_model, settings, host_model.device, cast, own) as weights:
            yield TrainTarget(
                weights,
                rates.scaled(job.optimizer, weights.groups()),
                weights.summary(),
                lambda: checkpoint.tensors(base, clip, vae, family, files.DTYPES[precision]),
                files.save_model,
                lambda tensors: checkpoint.check(base, tensors),
                None,
            )
        return
    check = selfcheck.Check(base, host_model.encoders)  # before the network is there: full takes weights away
    named = diffusers.modules(model, detection.detect(model))
    parts = parts_of(settings, model, host_model.diffusion_model, host_model.encoders)
    with build.attached(parts, settings, job.training.seed, host_model.device, own) as network:

        def tensors(number_format: str) -> Tensors:
            return files.tensors_for_file(portable.state(network), number_format, network.renames())

        yield TrainTarget(
            network,
            rates.scaled(job.optimizer, groups.parameter_groups(network, settings, job.optimizer.learning_rate)),
            table.summary(network),
            lambda: tensors(precision),
            files.save_lora,
            lambda written: check(network, written, precision, lambda: tensors("float")),
            norms.limiter(network, settings.scale_weight_norms),
            (lambda written: diffusers_names.split(written, named)) if job.training.save_diffusers_copy else None,
            lambda: network.formed(host_model.compute_dtype),
        )
