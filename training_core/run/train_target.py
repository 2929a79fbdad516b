"""What a run trains and writes to files: a network beside the models, or the model itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from ..families import Family
from ..host import checkpoint, detection, diffusers, selfcheck, text
from ..host.model import Trainable
from ..host.precision import COMPUTE
from ..network import build, diffusers_names, files, finetune, groups, norms, portable, table
from ..network.parts import Network, Part
from ..optim import rates
from ..resume.saving import FileVerdict
from ..settings import Job, NetworkSettings

Tensors = Mapping[str, torch.Tensor]


class TrainTarget(Protocol):
    """Something with parameters that can be written to a file."""

    @property
    def module(self) -> torch.nn.Module:
        """The module whose parameters are trained."""
        ...

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's parameter groups, each with `lr_scale`: its factor on the learning rate."""
        ...

    @property
    def summary(self) -> str:
        """What is trained, in one sentence."""
        ...

    def tensors(self) -> Tensors:
        """Return the weights as they are now, by their names in the file."""
        ...

    def write(self, path: Path, tensors: Tensors, metadata: Mapping[str, object]) -> str:
        """Write a file whole or not at all; returns its hash."""
        ...

    def check(self, tensors: Tensors) -> FileVerdict:
        """Compare what the stock loader makes of the written tensors with what was trained."""
        ...

    def in_diffusers_names(self, tensors: Tensors) -> Tensors | None:
        """Return the same tensors under diffusers' names; None if no such copy is wanted."""
        ...

    def after_step(self) -> None:
        """Do what has to be done with the weights after an optimizer step (scale_weight_norms)."""
        ...

    def around_pass(self) -> AbstractContextManager[object]:
        """Return the context that each forward and backward pass runs in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraTarget:
    """A LoRA or LyCORIS network on the model and, if asked for, on its text encoders."""

    module: Network
    groups: list[dict[str, Any]]
    precision: str  # save_precision
    compute_dtype: torch.dtype
    self_check: selfcheck.Check
    limit_norms: Callable[[], None] | None  # scale_weight_norms
    diffusers_modules: Mapping[str, Any] | None  # None: no copy in diffusers' names is wanted

    @property
    def summary(self) -> str:
        """The network's modules and parameters in words."""
        return table.summary(self.module)

    def tensors(self) -> Tensors:
        """Return the network's tensors in save_precision."""
        return self._tensors(self.precision)

    def _tensors(self, number_format: str) -> Tensors:
        return files.tensors_for_file(portable.state(self.module), number_format, self.module.renames())

    def write(self, path: Path, tensors: Tensors, metadata: Mapping[str, object]) -> str:
        """Write a LoRA file; returns its hash."""
        return files.save_lora(path, tensors, metadata)

    def check(self, tensors: Tensors) -> FileVerdict:
        """Load the tensors as ComfyUI's Load LoRA does and compare the effect with the trained one."""
        return self.self_check(self.module, tensors, self.precision, lambda: self._tensors("float"))

    def in_diffusers_names(self, tensors: Tensors) -> Tensors | None:
        """Return the tensors split and named as diffusers does, if save_diffusers_copy is on."""
        if self.diffusers_modules is None:
            return None
        return diffusers_names.split(tensors, self.diffusers_modules, portable.magnitudes(self.module))

    def after_step(self) -> None:
        """Scale weights down whose norm is above scale_weight_norms."""
        if self.limit_norms:
            self.limit_norms()

    def around_pass(self) -> AbstractContextManager[object]:
        """Compute each weight delta once per pass, in the number format of the model's arithmetic."""
        return self.module.formed(self.compute_dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneTarget:
    """The model's own weights (algo finetune)."""

    module: finetune.Weights
    groups: list[dict[str, Any]]
    dtype: torch.dtype  # of the file
    model: Any  # the host's model
    clip: Any
    vae: Any
    family: Family

    @property
    def summary(self) -> str:
        """The trained weights in words."""
        return self.module.summary()

    def tensors(self) -> Tensors:
        """Return the whole checkpoint: model, text encoders and VAE for families whose files hold them, else the model alone."""
        return checkpoint.tensors(self.model, self.clip, self.vae, self.family, self.dtype)

    def write(self, path: Path, tensors: Tensors, metadata: Mapping[str, object]) -> str:
        """Write a checkpoint; returns its hash."""
        return files.save_model(path, tensors, metadata)

    def check(self, tensors: Tensors) -> FileVerdict:
        """Compare the tensors with what the stock loader would read."""
        return checkpoint.check(self.model, tensors)

    def in_diffusers_names(self, tensors: Tensors) -> Tensors | None:
        """Return None: a model has no copy in diffusers' names."""
        return None

    def after_step(self) -> None:
        """Do nothing: scale_weight_norms is for networks."""

    def around_pass(self) -> AbstractContextManager[object]:
        """Return an empty context: the model's weights are used as they are."""
        return nullcontext()


def parts_of(
    settings: NetworkSettings, model: Any, family: Family, diffusion_model: torch.nn.Module, encoders: Any
) -> list[Part]:
    """Return the diffusion model and text encoders that `settings.train` names, with their prefixes in a LoRA file.

    Args:
        model: the MODEL, to know its layers' names in files.
        family: of the MODEL.
        diffusion_model: the module itself; while training it may be another one than the MODEL's.
        encoders: a CLIP's cond_stage_model; None if text encoders are not trained.

    Raises:
        AthanorError: the CLIP has no text encoder that can be trained.
    """
    parts = []
    if settings.unet:
        parts.append(Part(diffusion_model, spelling=detection.spelling(model, family), file_prefix=family.file_prefix))
    if settings.text:
        by_prefix = text.trainable(encoders, numbered=not family.diffusers_names)
        parts += [Part(encoder, prefix, file_prefix=family.file_prefix) for prefix, encoder in by_prefix.items()]
    return parts


@contextmanager
def attached(job: Job, model: Any, family: Family, clip: Any, vae: Any, host_model: Trainable) -> Iterator[TrainTarget]:
    """Attach what `job` trains to the loaded models; afterwards they are as before.

    Args:
        model: the graph's MODEL, to know its layers' names in files.
        family: of the MODEL.
    """
    base, settings = host_model.patcher.model, job.network
    own_dtype = COMPUTE[job.training.full_precision]
    if settings.algo == "finetune":
        cast = checkpoint.compute_in_input_format
        with finetune.attached(host_model.diffusion_model, settings, host_model.device, cast, own_dtype) as weights:
            yield FinetuneTarget(
                module=weights,
                groups=rates.scaled(job.optimizer, weights.groups()),
                dtype=files.DTYPES[job.training.save_precision],
                model=base,
                clip=clip,
                vae=vae,
                family=family,
            )
        return
    check = selfcheck.Check(base, host_model.encoders)  # before the network is attached: algo full takes weights away
    diffusers_modules = diffusers.modules(model, family) if job.training.save_diffusers_copy else None
    parts = parts_of(settings, model, family, host_model.diffusion_model, host_model.encoders)
    with build.attached(parts, settings, job.training.seed, host_model.device, own_dtype) as network:
        groups_ = groups.parameter_groups(network, settings, job.optimizer.learning_rate)
        yield LoraTarget(
            module=network,
            groups=rates.scaled(job.optimizer, groups_),
            precision=job.training.save_precision,
            compute_dtype=host_model.compute_dtype,
            self_check=check,
            limit_norms=norms.limiter(network, settings.scale_weight_norms),
            diffusers_modules=diffusers_modules,
        )
