"""Which optimizer settings a run is trained with: what has no effect is at its default."""

from __future__ import annotations

from ..settings import OptimizerSettings
from . import names
from .schedulers import WITHOUT_WARMUP

ONLY_FOR = {
    "lr_decay_steps": ("warmup_stable_decay",),
    "lr_scheduler_num_cycles": ("cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"),
    "lr_scheduler_power": ("polynomial",),
    "lr_scheduler_timescale": ("inverse_sqrt",),
    "lr_scheduler_min_lr_ratio": ("cosine_with_min_lr", "warmup_stable_decay", "rex"),
    "lr_step_rules": ("piecewise_constant",),
}
"""Settings of a schedule -> the values of lr_scheduler that read them."""


def in_effect(settings: OptimizerSettings, name: str, *, unet: bool, text: bool) -> OptimizerSettings:
    """Return the settings that give the same training as those that were asked for.

    Args:
        settings: of Optimizer Config.
        name: of the optimizer that is used; another one than asked for where optimizer_fallback has replaced it.
        unet: whether the diffusion model is trained.
        text: whether text encoders are trained.
    """
    changes: dict[str, object] = {}
    if name in names.CLASSES:
        changes |= {"optimizer_type": names.CLASSES[name][1] if name == "DAdaptation" else name, "optimizer_class": ""}
    if names.schedule_free(settings):
        changes |= {"lr_scheduler": "constant"}
    elif names.relative_step(settings):  # its own rate: others mean nothing, but that 0 leaves a part out
        changes |= {"lr_scheduler": "adafactor", "lr_warmup_steps": "0"}
        changes |= {"unet_lr": ""} if all(settings.unet_rates()) else {}
        changes |= {"text_encoder_lr": ""} if all(settings.text_encoder_rates()) else {}
    elif text and names.adapts(settings):
        changes |= {"text_encoder_lr": _one_rate(settings, unet)}
    changes |= {} if unet else {"unet_lr": ""}
    changes |= {} if text else {"text_encoder_lr": ""}
    scheduler = changes.get("lr_scheduler", settings.lr_scheduler)
    if scheduler in WITHOUT_WARMUP:
        changes["lr_warmup_steps"] = "0"
    fields = OptimizerSettings.model_fields
    changes |= {field: fields[field].default for field, kinds in ONLY_FOR.items() if scheduler not in kinds}
    return settings.model_copy(update=changes)


def _one_rate(settings: OptimizerSettings, unet: bool) -> str:
    """Return text_encoder_lr of an optimizer that finds the rate itself: the first part's is used for all, but 0 leaves a part out."""
    encoders, own = settings.text_encoder_rates(), settings.unet_rates()
    if not encoders:
        return ""
    of_encoders = next((f"{rate:g}" for rate in encoders if rate), "0")
    first = settings.unet_lr.strip() if unet and (not own or own[0]) else of_encoders
    if all(encoders):
        return first
    return ", ".join((first or f"{settings.learning_rate:g}") if rate else "0" for rate in encoders)
