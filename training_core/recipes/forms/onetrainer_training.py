"""OneTrainer's words for the learning rate, its schedule, length, loss, noise and timesteps."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Same, Turned
from ..values import number, switch
from .nested import above_zero, only_if, plain, shift_by_size, to_steps
from .onetrainer_models import kind, rate
from .reasons import ALL_TIMESTEPS, NO_DISTRIBUTION

LOSSES = {"mse_strength": "l2", "mae_strength": "l1", "huber_strength": "huber", "log_cosh_strength": "huber"}


def _scheduler(value: Any, said: Said) -> Paths:
    low = number(said.get("learning_rate_min_factor") or 0)
    cycles = number(said.get("learning_rate_cycles") or 1)
    least: dict[str, Any] = {"optimizer.lr_scheduler_min_lr_ratio": low} if low else {}
    if str(said.get("optimizer.optimizer")) in (
        "SCHEDULE_FREE_ADAMW",
        "SCHEDULE_FREE_SGD",
        "PRODIGY_PLUS_SCHEDULE_FREE",
    ):
        return {"optimizer.lr_scheduler": "constant"}
    match value:
        case "CONSTANT":
            warm = number(said.get("learning_rate_warmup_steps", 200) or 0) > 0
            return {"optimizer.lr_scheduler": "constant_with_warmup" if warm else "constant"}
        case "LINEAR":
            return {"optimizer.lr_scheduler": "linear"}
        case "COSINE":
            return {"optimizer.lr_scheduler": "cosine_with_min_lr" if low else "cosine", **least}
        case "COSINE_WITH_RESTARTS":  # down and up again: twice as many half waves
            waves = max(1, round(2 * cycles))
            return {"optimizer.lr_scheduler": "cosine_with_min_lr", "optimizer.lr_scheduler_num_cycles": waves, **least}
        case "COSINE_WITH_HARD_RESTARTS":
            return {
                "optimizer.lr_scheduler": "cosine_with_restarts",
                "optimizer.lr_scheduler_num_cycles": max(1, round(cycles)),
            }
        case "REX":
            return {"optimizer.lr_scheduler": "rex", **least}
        case "ADAFACTOR":
            return {"optimizer.lr_scheduler": "adafactor"}
    raise ValueError("Custom scheduler classes are not loaded here: the learning rate stays constant.")


def _warmup(value: Any, said: Said) -> Paths:
    steps = number(value or 0)
    if steps > 1:
        return {"optimizer.lr_warmup_steps": str(int(steps / number(said.get("gradient_accumulation_steps") or 1)))}
    return {"optimizer.lr_warmup_steps": "100%" if steps == 1 else plain(max(0.0, steps))}


def _cycles(value: Any, said: Said) -> Paths:
    name = str(said.get("learning_rate_scheduler", "CONSTANT"))
    only_if("RESTARTS" in name, "Only schedules with restarts have cycles.")
    return {path: each for path, each in _scheduler(name, said).items() if path.endswith("num_cycles")}


def _least(value: Any, said: Said) -> Paths:
    only_if(above_zero(value), "0: the schedule ends at 0.")
    name = str(said.get("learning_rate_scheduler", "CONSTANT"))
    only_if(name not in ("CONSTANT", "ADAFACTOR"), "This schedule has no end.")
    if name not in ("COSINE", "COSINE_WITH_RESTARTS", "REX"):
        raise ValueError("This schedule ends at 0 here; cosine_with_min_lr and rex have a least rate.")
    return {"optimizer.lr_scheduler_min_lr_ratio": value}


def _averaged(value: Any, said: Said) -> Paths:
    only_if(str(said.get("ema", "OFF")) != "OFF", "EMA is off.")
    decay = number(said.get("ema_decay", 0.999)) ** (1 / max(1.0, number(said.get("ema_update_step_interval", 5))))
    return {"optimizer.ema_decay": min(0.999999, round(decay, 6))}


def _loss(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        weights = {each: number(said.get(each, 1.0 if each == "mse_strength" else 0.0)) for each in LOSSES}
        only_if(number(value) > 0, "0: this loss is off.")
        strongest = max(weights, key=lambda each: weights[each])
        if name != strongest:
            raise ValueError(f"Losses are not mixed here: the strongest counts, {strongest}.")
        if LOSSES[name] != "huber":
            return {"loss.loss_type": LOSSES[name]}
        delta = number(said.get("huber_delta", 1.0)) if name == "huber_strength" else 1.0
        return {"loss.loss_type": "huber", "loss.huber_schedule": "constant", "loss.huber_c": delta}

    return Turned(to=to, why="The loss that counts most; log-cosh is nearest to huber with huber_c 1.")


def _delta(value: Any, said: Said) -> Paths:
    only_if(number(said.get("huber_strength") or 0) > 0, "The Huber loss is off.")
    return {"loss.huber_c": value}


def _weight(value: Any, said: Said) -> Paths:
    strength = number(said.get("loss_weight_strength", 5.0))
    match value:
        case "CONSTANT":
            raise NoMeaning("All timesteps count the same, as here.")
        case "MIN_SNR_GAMMA":
            return {"loss.min_snr_gamma": strength}
        case "DEBIASED_ESTIMATION":
            return {"loss.debiased_estimation_loss": True}
    raise ValueError("The loss is not weighted in this way here: all timesteps count the same.")


def _strength(value: Any, said: Said) -> Paths:
    only_if(said.get("loss_weight_fn") == "MIN_SNR_GAMMA", "The chosen loss_weight_fn has no strength here.")
    return {"loss.min_snr_gamma": value}


def _distribution(value: Any, said: Said) -> Paths:
    only_if(kind(said).flow, ALL_TIMESTEPS)
    weight, bias = number(said.get("noising_weight") or 0), number(said.get("noising_bias") or 0)
    if switch(said.get("dynamic_timestep_shifting", False)):
        return _shifted_by_size(value, weight, bias, said)
    shift = {"noise.flow_shift": number(said.get("timestep_shift", 1.0))}
    match value:
        case "UNIFORM":
            return {"noise.timestep_sampling": "uniform", **shift}
        case "LOGIT_NORMAL":
            return {
                "noise.timestep_sampling": "logit_normal",
                "noise.logit_mean": bias,
                "noise.logit_std": weight + 1,
                **shift,
            }
        case "HEAVY_TAIL":
            return {"noise.timestep_sampling": "mode", "noise.mode_scale": weight, **shift}
        case "COS_MAP":
            return {"noise.timestep_sampling": "cosmap", **shift}
        case "SIGMOID" | "INVERTED_PARABOLA" if not weight:
            return {"noise.timestep_sampling": "uniform", **shift}
        case "INVERTED_PARABOLA" if (
            6 <= weight <= 8 and not bias
        ):  # variance 0.05, that of logit_normal with this width
            return {"noise.timestep_sampling": "logit_normal", "noise.logit_std": 1.15, **shift}
    raise ValueError(NO_DISTRIBUTION)


def _shifted_by_size(value: Any, weight: float, bias: float, said: Said) -> Paths:
    """Return the nearest to a shift that depends on the size of the picture: flux_shift, or the shift of the resolution."""
    family = kind(said).family
    if value == "LOGIT_NORMAL" and not bias and family != "Qwen-Image":
        scale = {} if not weight else {"noise.sigmoid_scale": weight + 1}
        return {"noise.timestep_sampling": "flux_shift", **scale}
    shift = shift_by_size(resolutions(said.get("resolution", "512"))[0][0], family)
    return _distribution(value, {**said, "dynamic_timestep_shifting": False, "timestep_shift": shift})


def _timesteps(value: Any, said: Said) -> Paths:
    name = str(said.get("timestep_distribution", "UNIFORM"))
    only_if(kind(said).flow, ALL_TIMESTEPS)
    return _distribution(name, said)


def _noising(value: Any, said: Said) -> Paths:
    name = str(said.get("timestep_distribution", "UNIFORM"))
    only_if(name != "UNIFORM" and number(value or 0) != 0, "The chosen distribution of timesteps does not use it.")
    return _timesteps(value, said)


def resolutions(value: Any) -> list[tuple[int, int]]:
    """Return the sizes of "512", "768, 1024" or "1024x768" as (width, height), as multiples of 64.

    Raises:
        ValueError: a part is no size.
    """
    sizes = []
    for part in str(value).replace(";", ",").split(","):
        match = re.fullmatch(r"\s*(\d{2,5})(?:\s*[xX]\s*(\d{2,5}))?\s*", part)
        if not match:
            raise ValueError("The resolution must be a number of pixels, several with commas, or width x height.")
        sizes.append((to_steps(int(match[1]), 64), to_steps(int(match[2] or match[1]), 64)))
    return sizes


def _resolution(value: Any, said: Said) -> Paths:
    sizes = resolutions(value)
    (width, height), others = sizes[0], sizes[1:]
    sides = [side for size in sizes for side in size]
    paths: dict[str, Any] = {"buckets.width": width, "buckets.height": height}
    if others:
        paths["buckets.extra_resolutions"] = ", ".join(f"{w}x{h}" if w != h else str(w) for w, h in others)
    if switch(said.get("aspect_ratio_bucketing", True)):  # its buckets go from 1:4 to 4:1 of the same area
        paths |= {
            "buckets.min_bucket_reso": min(min(sides) // 2, 256),
            "buckets.max_bucket_reso": max(max(sides) * 2, 1024),
        }
    return paths


def _learning_rate(value: Any, said: Said) -> Paths:
    return {"optimizer.learning_rate": rate(value, said)}


def _scaler(value: Any, said: Said) -> Paths:
    only_if(str(value) != "NONE", "Off: learning rates are as they are written.")
    return {"optimizer.learning_rate": rate(said.get("learning_rate", 3e-6), said)}


def _thousandths(path: str) -> Rule:
    def to(value: Any, _: Said) -> Paths:
        return {path: int(number(value) * 1000)}

    return Turned(to=to, why="Part of the noise -> timestep, of 1000.")


_FOR_SCHEDULER = Meaningless(why="It belongs to a custom scheduler class.")
_REWARDED = ("cfg_scale", "loss", "probability", "steps", "truncate_steps", "weight")
_REWARD = Meaningless(why="Training by a reward (AlignProp) is not possible here, and no longer in OneTrainer.")
TRAINING_WORDS: dict[str, Rule] = {
    "learning_rate": Turned(to=_learning_rate, why="The learning rate, with its scaling.", same=True),
    "learning_rate_scaler": Turned(to=_scaler, why="The learning rate times the square root of the pictures in a step."),
    "learning_rate_scheduler": Turned(to=_scheduler, why="The schedule by its name here."),
    "learning_rate_warmup_steps": Turned(to=_warmup, why="Batches there, updates here; up to 1 it is a part of the run."),
    "learning_rate_cycles": Turned(to=_cycles, why="Cycles of the schedule; those that go down and up again are two half waves."),
    "learning_rate_min_factor": Turned(to=_least, why="The last learning rate, as a part of the first."),
    "custom_learning_rate_scheduler": _FOR_SCHEDULER,
    "scheduler_params": _FOR_SCHEDULER,
    "epochs": Same(path="training.epochs"),
    "batch_size": Same(path="buckets.batch_size"),
    "gradient_accumulation_steps": Same(path="training.gradient_accumulation_steps"),
    "clip_grad_norm": Turned(
        to=lambda value, _: {"optimizer.max_grad_norm": 0.0 if value is None else value}, why="Empty: gradients are not clipped.", same=True
    ),
    "loss_scaler": Meaningless(why="The loss is the mean of the batch; with optimizers like Adam its scale makes no difference."),
    "ema": Turned(to=_averaged, why="The average is saved beside the network, as name-ema."),
    "ema_decay": Turned(to=_averaged, why="The decay of one step, as OneTrainer averages only every few steps."),
    "ema_update_step_interval": Turned(to=_averaged, why="The average is taken at every step, with the same decay in all."),
    "resolution": Turned(
        to=_resolution, why="Buckets from 1:4 to 4:1. Of several sizes one is drawn for a picture there; here each is trained."
    ),
    "aspect_ratio_bucketing": Same(path="buckets.enable_bucket"),
    "frames": Meaningless(why="Video models are trained on still pictures here."),
    **{name: _loss(name) for name in LOSSES},
    "huber_delta": Turned(to=_delta, why="Where the loss changes from squared to absolute error."),
    "vb_loss_strength": Meaningless(why="It is for models that predict variances, which no model here is trained for."),
    "loss_weight_fn": Turned(to=_weight, why="How much each timestep counts, as a setting of its own."),
    "loss_weight_strength": Turned(to=_strength, why="The gamma of Min-SNR."),
    "min_snr_gamma": Same(path="loss.min_snr_gamma"),
    "offset_noise_weight": Same(path="noise.noise_offset"),
    "generalized_offset_noise": Meaningless(
        why="It is off.", unless=switch, otherwise="There is no such offset here: noise_offset is the same at all timesteps."
    ),
    "perturbation_noise_weight": Meaningless(
        why="0: it is off.",
        unless=above_zero,
        otherwise="There is no such noise here: it is in the target, too; ip_noise_gamma changes the model's input alone.",
    ),
    "rescale_noise_scheduler_to_zero_terminal_snr": Same(path="noise.zero_terminal_snr"),
    "force_v_prediction": Turned(to=lambda value, _: {"model.v_prediction": switch(value)}, why="The model predicts v.", same=True),
    "force_epsilon_prediction": Meaningless(
        why="It is off.", unless=switch, otherwise="What the model predicts is read from its file: choose the file of an eps model."
    ),
    "min_noising_strength": _thousandths("noise.min_timestep"),
    "max_noising_strength": _thousandths("noise.max_timestep"),
    "timestep_distribution": Turned(to=_distribution, why="How often each timestep is trained; of a parabola, the nearest."),
    "noising_weight": Turned(to=_noising, why="The width of the distribution."),
    "noising_bias": Turned(to=_noising, why="The centre of the distribution."),
    "timestep_shift": Turned(to=_timesteps, why="The shift towards noise; 1 is none."),
    "dynamic_timestep_shifting": Turned(to=_timesteps, why="A shift that depends on the size of the picture."),
    **dict.fromkeys(("align_prop", *(f"align_prop_{each}" for each in _REWARDED)), _REWARD),
}  # fmt: skip
"""Rules of what is said of learning."""
