"""Warnings about optimizer settings that work against each other. Advice, never a refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..settings import NetworkSettings, OptimizerSettings
from . import args, names, usual_rates
from .in_effect import ONLY_FOR
from .schedulers import WITHOUT_WARMUP


def hints(
    settings: OptimizerSettings,
    total: int,
    *,
    min_snr_gamma: float = 0.0,
    factors: Sequence[float] = (1.0,),
    network: NetworkSettings | None = None,
) -> list[str]:
    """Return warnings about the optimizer, one sentence each.

    Args:
        settings: of Optimizer Config.
        total: steps of the run.
        min_snr_gamma: of Loss Config.
        factors: of each parameter group on the learning rate (parts of the model, LoRA+).
        network: what is trained; None: the default.
    """
    if names.schedule_free(settings):
        schedule = _schedule_free(settings, total)
    elif names.relative_step(settings):
        schedule = _relative_step(settings, total)
    else:
        schedule = _schedule(settings, total)
    warnings = [*schedule, *_adafactor(settings)]
    if not settings.learning_rate and not names.relative_step(settings) and not names.adapts(settings):
        warnings.append("learning_rate is 0: nothing is learned.")
    if names.adapts(settings):
        warnings += _adapting(settings, total, min_snr_gamma, factors)
    network = network or NetworkSettings()
    far = usual_rates.far_off(settings, unet=network.unet, text=network.text, whole=network.algo == "finetune")
    return [far, *warnings] if far else warnings


def _adapting(settings: OptimizerSettings, total: int, min_snr_gamma: float, factors: Sequence[float]) -> Iterator[str]:
    name = names.named(settings)
    rate = settings.learning_rate * (factors[0] if factors else 1)
    if not 0.1 < rate < 5:
        yield (
            f"{name} finds the learning rate itself and multiplies it by the given rate, which is {rate:g}; the "
            "given rate should be about 1."
        )
    if len(set(factors)) > 1:
        yield (
            f"{name} supports only one learning rate: {rate:g} is used for all; unet_lr, text_encoder_lr and "
            "loraplus_lr_ratio cannot set different ones."
        )
    if min_snr_gamma and "prodigy" not in name.lower():
        yield (
            f"min_snr_gamma together with {name}: the weights disturb its estimate of the learning rate; many leave "
            "min_snr_gamma at 0 with D-Adaptation."
        )
    given = args.parse(settings.optimizer_args)
    warmup = settings.lr_scheduler not in WITHOUT_WARMUP and settings.warmup(total)
    if warmup and "prodigy" in name.lower() and not given.get("safeguard_warmup"):
        yield f"{name} with a warm-up: add safeguard_warmup=True to optimizer_args, so that its estimate stays correct."


def _schedule_free(settings: OptimizerSettings, total: int) -> Iterator[str]:
    name = names.named(settings)
    if settings.lr_scheduler != "constant" or settings.warmup(total):
        yield (
            f"{name} follows no schedule: lr_scheduler and lr_warmup_steps have no effect; for a warm-up, add "
            "warmup_steps=100 to optimizer_args."
        )
    if settings.ema_decay:
        yield f"{name} averages the weights itself; ema_decay on top of that helps little."


def _relative_step(settings: OptimizerSettings, total: int) -> Iterator[str]:
    given = {"unet_lr": settings.unet_rates(), "text_encoder_lr": settings.text_encoder_rates()}
    unused = [field for field, rates in given.items() if any(rates)]
    if settings.lr_scheduler not in ("constant", "adafactor"):
        unused.append("lr_scheduler")
    if settings.warmup(total):
        unused.append("lr_warmup_steps")
    which = ", ".join(["learning_rate", *unused])
    yield (
        f"Adafactor sets its own rate (relative_step): {which} {'have' if unused else 'has'} no effect; add "
        f"relative_step=False to optimizer_args to use {'them' if unused else 'it'}."
    )


def _adafactor(settings: OptimizerSettings) -> Iterator[str]:
    module, cls = names.locate(names.named(settings))
    if cls != "Adafactor" or not module.startswith("transformers") or names.relative_step(settings):
        return
    given = args.parse(settings.optimizer_args)
    usual = []
    if settings.max_grad_norm:
        usual.append("max_grad_norm 0")
    if settings.lr_scheduler != "constant_with_warmup":
        usual.append("lr_scheduler constant_with_warmup")
    if given.get("clip_threshold", 1.0) != 1.0:
        usual.append("clip_threshold=1.0")
    if usual:
        yield f"Adafactor with relative_step=False is usually used with {' and '.join(usual)}."


def _schedule(settings: OptimizerSettings, total: int) -> Iterator[str]:
    name, warmup = settings.lr_scheduler, settings.warmup(total)
    if warmup and name in WITHOUT_WARMUP:
        yield f"lr_warmup_steps has no effect with lr_scheduler {name}; choose constant_with_warmup."
    elif warmup >= total:
        yield f"lr_warmup_steps is {warmup}, but the run has {total} steps: the full learning rate is never reached."
    if settings.lr_scheduler_num_cycles > 1 and name not in ONLY_FOR["lr_scheduler_num_cycles"]:
        yield f"lr_scheduler_num_cycles has no effect with lr_scheduler {name}; cosine_with_restarts has cycles."
    if name == "cosine_with_restarts" and settings.lr_scheduler_num_cycles > 4:
        yield f"lr_scheduler_num_cycles is {settings.lr_scheduler_num_cycles}: more than 4 restarts seldom help."
    if name == "cosine_with_min_lr" and not settings.lr_scheduler_min_lr_ratio:
        yield "lr_scheduler_min_lr_ratio is 0: cosine_with_min_lr falls to 0 like cosine; 0.1 is usual."
    if name == "warmup_stable_decay":
        decay = settings.decay(total)
        if not decay:
            yield "lr_decay_steps is 0: warmup_stable_decay never lowers the learning rate; 20% is usual."
        elif warmup + decay > total:
            yield f"lr_warmup_steps and lr_decay_steps are {warmup + decay} together, but the run has {total} steps."
