"""From the job that was asked for to the one that is trained: `auto` replaced, what has no effect at its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import AthanorError
from ..families import Family
from ..network.lycoris import WITH_DROPOUT
from ..objective.in_effect import in_effect as objective_in_effect
from ..objective.schedule import Prediction
from ..optim import names
from ..optim.in_effect import in_effect as optimizer_in_effect
from ..resume.compute_plan import ComputePlan
from ..settings import BucketSettings, ConditioningSettings, Job, NetworkSettings, TrainingSettings
from ..settings.conditioning import ENCODER_DROPOUT

OF_ALGOS = {
    "factor": ("lokr",),
    "decompose_both": ("lokr",),
    "full_matrix": ("lokr",),
    "block_size": ("dylora",),
    "constraint": ("diag-oft", "boft"),
}
"""Network settings -> the values of algo that read them; preset_toml may give single layers another algo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decides, beside the job, what is trained with."""

    family: Family
    prediction: Prediction
    precision: str  # a value of mixed_precision: what the model computes in; "auto" if it is none of them
    optimizer: str  # the name of the one that is used: another than asked for where optimizer_fallback replaced it
    encoders: tuple[str, ...]  # text encoders that a sample can go without; () if the CLIP has one alone
    paired: bool = False  # whether the dataset has control pictures


@dataclass(frozen=True, slots=True)
class Resolved:
    """The job that is trained, and what the user should know about the difference."""

    job: Job
    warnings: list[str] = field(default_factory=list)


def resolve(job: Job, circumstances: Circumstances) -> Resolved:
    """Return the job with the values that are trained with, and warnings about settings that have no effect.

    Training either of the two jobs gives the same network. Who a run is (run_id, lineage_id) follows from the job that
    was asked for, so that it does not change with the card or with what auto means.

    Raises:
        AthanorError: settings that contradict the model's prediction, or with which nothing can be learned.
    """
    usual = circumstances.family.usual_timesteps
    loss, noise, warnings = objective_in_effect(job.loss, job.noise, circumstances.prediction, usual)
    conditioning, conditioning_warnings = _conditioning(job.conditioning, circumstances)
    network, network_warnings = _network(job)
    training, training_warnings = _training(job, circumstances.precision)
    optimizer = optimizer_in_effect(
        job.optimizer, circumstances.optimizer, unet=job.network.unet, text=job.network.text
    )
    changes = {
        "loss": loss,
        "noise": noise,
        "conditioning": conditioning,
        "network": network,
        "training": training,
        "optimizer": optimizer,
        "buckets": _buckets(job.buckets, circumstances.family, circumstances.paired),
    }
    if job.buckets.control_size == "own" and changes["buckets"].control_size == "same":
        warnings.append(
            f"control_size own has no effect: {circumstances.family.title} takes control pictures as large as their picture (same)."
        )
    warnings += [*conditioning_warnings, *network_warnings, *training_warnings]
    return Resolved(job.model_copy(update=changes), warnings)


def _conditioning(
    settings: ConditioningSettings, circumstances: Circumstances
) -> tuple[ConditioningSettings, list[str]]:
    """Return the conditioning that the model has an input for, and dropout of text encoders that the CLIP has."""
    changes: dict[str, float] = {}
    warnings: list[str] = []
    usual = ConditioningSettings().guidance_scale
    if settings.guidance_scale != usual and not circumstances.family.guidance:
        changes["guidance_scale"] = usual
        warnings.append(f"guidance_scale has no effect: {circumstances.family.title} has no guidance input.")
    encoders = circumstances.encoders
    unused = [rate for name, rate in ENCODER_DROPOUT.items() if getattr(settings, rate) and name not in encoders]
    if unused:
        has = (
            f"it has {', '.join(encoders)}" if encoders else "it has one; caption_dropout_rate is for the whole caption"
        )
        warnings.append(f"{', '.join(unused)}: no effect, the CLIP has no such separate text encoder ({has}).")
    return settings.model_copy(update=changes | dict.fromkeys(unused, 0.0)), warnings


def _network(job: Job) -> tuple[NetworkSettings, list[str]]:
    """Return the network with alpha as a number, and without what its algo and the optimizer do not use."""
    settings = job.network
    if settings.module_dropout == 1 and settings.algo != "finetune":
        raise AthanorError(
            "module_dropout is 1: every layer would be skipped in every step and nothing learned; use 0 to 0.3."
        )
    changes: dict[str, Any] = _unused(settings)
    warnings: list[str] = []
    if not settings.alpha:
        changes["alpha"] = float(settings.rank)
    if settings.conv_rank and not settings.conv_alpha:
        changes["conv_alpha"] = float(settings.conv_rank)
    if settings.algo not in WITH_DROPOUT:
        if settings.dropout:
            changes["dropout"] = 0.0
            instead = (
                "rank_dropout and module_dropout have"
                if settings.algo in ("loha", "lokr")
                else "it is for lora and locon"
            )
            warnings.append(f"dropout has no effect with {settings.algo}; {instead}.")
        for name in ("scale_weight_norms", "loraplus_lr_ratio"):
            if getattr(settings, name):
                changes[name] = 0.0
                warnings.append(f"{name} has no effect with {settings.algo}; it is for lora and locon.")
    if names.adapts(job.optimizer):  # one rate for all parameters; `hints` says so
        changes["loraplus_lr_ratio"] = 0.0
    return settings.model_copy(update=changes), warnings


def _unused(settings: NetworkSettings) -> dict[str, Any]:
    """Return the defaults of settings that are for another algo, for DoRA or for convolutions, where there are none."""
    fields, blocks = NetworkSettings.model_fields, settings.blocks
    unused = [] if settings.dora else ["wd_on_output"]
    if not settings.preset_toml.strip():
        unused += [name for name, algos in OF_ALGOS.items() if settings.algo not in algos]
        convolutions = settings.conv_rank or blocks.conv_block_dims.strip() or blocks.reg_dims.strip()
        unused += [] if convolutions else ["conv_alpha"]
    return {name: fields[name].default for name in unused}


def _training(job: Job, precision: str) -> tuple[TrainingSettings, list[str]]:
    """Return the training settings with the number format that is computed in."""
    changes: dict[str, Any] = {"mixed_precision": precision}
    warnings = []
    if job.network.algo == "finetune" and job.training.save_diffusers_copy:
        changes["save_diffusers_copy"] = False
        warnings.append("save_diffusers_copy has no effect with algo finetune.")
    return job.training.model_copy(update=changes), warnings


def _buckets(settings: BucketSettings, family: Family, paired: bool) -> BucketSettings:
    """Return the bucket settings with control_size as it is; "auto", its default, where there are no control pictures.

    Args:
        paired: whether the dataset has control pictures.
    """
    size = settings.control_size
    if not paired or family.controls is None:
        size = "auto"
    elif family.controls.form == "concat_latent_image":
        size = "same"  # it lies upon the latent of the picture
    elif size == "auto":
        size = family.controls.size
    return settings.model_copy(update={"control_size": size})


def computed(job: Job, plan: ComputePlan, exact: bool) -> Job:
    """Return a resolved job with how its steps are computed, which is known once the model is loaded.

    Args:
        job: of `resolve`.
        plan: that was picked, or that the run had before it was stopped.
        exact: whether the device gives the same bytes every time, as a CPU does.
    """
    changes = {
        "gradient_checkpointing": plan.memory.checkpointing,
        "blocks_to_swap": plan.swapped,
        "deterministic": "on" if plan.deterministic or exact else "off",
    }
    return job.model_copy(update={"training": job.training.model_copy(update=changes)})
