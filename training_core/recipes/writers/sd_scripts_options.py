"""Settings in words of sd-scripts: the options of a command that trains a recipe, with what differs from sd-scripts' defaults (pure).

Facts are those of sd-scripts 0.10.1. What it has no word for is found by reading the command back (`command.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...families import FAMILIES
from ..forms.sd_scripts_family import ANIMA, FLUX_LIKE, HUNYUAN, LUMINA, SD3
from ..recipe import Recipe
from .sd_scripts_model import model
from .sd_scripts_network import network
from .words import Option, Words, plain


def options(recipe: Recipe) -> Sequence[Option]:
    """Return the options of a command, without those that name the files of its dataset and its prompts."""
    words, values = Words(), {name: recipe.group(name).model_dump() for name in recipe.settings}
    whole = {name: recipe.group(name).model_dump() for name in _GROUPS} | values
    model(words, recipe)
    _length(words, whole["training"])
    is_network = whole["network"]["algo"] != "finetune"
    _rates(words, whole["optimizer"], is_network=is_network)
    _optimizer(words, whole["optimizer"])
    if is_network:
        network(words, recipe)
    _loss(words, whole["loss"])
    _noise(words, whole["noise"])
    _timesteps(words, recipe.model.family, whole["noise"], whole["loss"])
    _conditioning(words, recipe.model.family, whole["conditioning"])
    _computing(words, whole["training"], whole["cache"])
    _captions(words, recipe)
    if is_network:  # the scripts that train a whole model hold no pictures out
        _probe(words, whole["validation"])
    _saving(words, whole["training"])
    if "sampling" in recipe.settings:
        _samples(words, whole["sampling"])
    return words.options


_GROUPS = ("training", "network", "optimizer", "loss", "noise", "conditioning", "cache", "validation", "sampling")

Values = Mapping[str, Any]


def _length(words: Words, training: Values) -> None:
    if training["max_train_steps"]:
        words.say("max_train_steps", training["max_train_steps"])
    else:
        words.say("max_train_epochs", training["epochs"])
    words.say_if("gradient_accumulation_steps", training["gradient_accumulation_steps"], 1)
    words.say("seed", training["seed"])


def _rates(words: Words, optimizer: Values, *, is_network: bool) -> None:
    """Say the learning rates; a script that trains a whole model has one, that of the diffusion model."""
    unet, encoders = (re.split(r"[,\s]+", optimizer[name].strip()) for name in ("unet_lr", "text_encoder_lr"))
    if not is_network:
        words.say("learning_rate", unet[0] or optimizer["learning_rate"])
        return
    words.say("learning_rate", optimizer["learning_rate"])
    for name, rates in (("unet_lr", unet), ("text_encoder_lr", encoders)):
        if rates[0]:
            words.say(name, *rates)


def _optimizer(words: Words, optimizer: Values) -> None:
    words.say("optimizer_type", optimizer["optimizer_class"] or optimizer["optimizer_type"])
    if arguments := re.sub(r" ?([,=]) ?", r"\1", " ".join(optimizer["optimizer_args"].split())).split():
        words.say("optimizer_args", *arguments)
    schedule = str(_SCHEDULERS.get(optimizer["lr_scheduler"], optimizer["lr_scheduler"]))
    words.say("lr_scheduler", schedule)
    for name in ("lr_warmup_steps", "lr_decay_steps"):
        if schedule.partition(":")[0] not in _WITHOUT_WARMUP:
            words.say_if(name, _steps(optimizer[name]), "0")
    words.say_if("lr_scheduler_num_cycles", optimizer["lr_scheduler_num_cycles"], 1)
    words.say_if("lr_scheduler_power", optimizer["lr_scheduler_power"], 1.0)
    words.say_if("lr_scheduler_timescale", optimizer["lr_scheduler_timescale"], 0)
    words.say_if("lr_scheduler_min_lr_ratio", optimizer["lr_scheduler_min_lr_ratio"], 0.0)
    if rules := optimizer["lr_step_rules"].strip().strip("\"'").replace(" ", ""):
        words.say("lr_scheduler_args", f"step_rules='{rules}'")
    words.say_if("max_grad_norm", optimizer["max_grad_norm"], 1.0)


_SCHEDULERS = {"rex": "constant", "adafactor": "adafactor:1e-4"}
"""Schedules that sd-scripts' lr_scheduler does not have, or needs a rate with -> what is written."""
_WITHOUT_WARMUP = ("constant", "piecewise_constant", "adafactor")
"""Schedules with which sd-scripts refuses lr_warmup_steps."""


def _steps(text: str) -> str:
    """Return a length as sd-scripts takes it: of "5%" the part 0.05."""
    text = text.strip() or "0"
    return plain(round(float(text[:-1]) / 100, 12)) if text.endswith("%") else text


def _loss(words: Words, loss: Values) -> None:
    for name, default in (("loss_type", "l2"), ("huber_schedule", "snr"), ("huber_c", 0.1), ("huber_scale", 1.0)):
        words.say_if(name, loss[name], default)
    words.say_if("min_snr_gamma", loss["min_snr_gamma"], 0.0)
    words.switch("debiased_estimation_loss", loss["debiased_estimation_loss"])
    words.switch("scale_v_pred_loss_like_noise_pred", loss["scale_v_pred_loss_like_noise_pred"])
    words.say_if("v_pred_like_loss", loss["v_pred_like_loss"], 0.0)
    words.say_if("prior_loss_weight", loss["prior_loss_weight"], 1.0)


def _noise(words: Words, noise: Values) -> None:
    for name in ("noise_offset", "adaptive_noise_scale", "multires_noise_iterations", "ip_noise_gamma"):
        words.say_if(name, noise[name], 0)
    words.say_if("multires_noise_discount", noise["multires_noise_discount"], 0.3)
    for name in ("noise_offset_random_strength", "ip_noise_gamma_random_strength", "zero_terminal_snr"):
        words.switch(name, noise[name])
    words.say_if("min_timestep", noise["min_timestep"], 0)
    words.say_if("max_timestep", noise["max_timestep"], 1000)


def _timesteps(words: Words, family: str, noise: Values, loss: Values) -> None:
    """Say how a flow model's timesteps are drawn; of other models nothing, which are always drawn evenly."""
    kind, shift = _meant(family, noise)
    scheme = loss["weighting_scheme"]
    if family == SD3:
        words.say_if("weighting_scheme", scheme if scheme != "none" else _DENSITIES.get(kind, "uniform"), "uniform")
        words.say_if("training_shift", shift or 1.0, 1.0)
    elif family in (*FLUX_LIKE, LUMINA, ANIMA, HUNYUAN):
        by_sigma = kind in _DENSITIES or (kind == "uniform" and shift not in (0, 1))
        if kind != "cosmap":
            words.say("timestep_sampling", "sigma" if by_sigma else kind)
        if scheme != "none" or kind in _DENSITIES:
            words.say("weighting_scheme", scheme if scheme != "none" else _DENSITIES[kind])
        if by_sigma or (shift and kind == "shift"):
            words.say("discrete_flow_shift", shift or 1.0)
        words.say_if("sigmoid_scale", noise["sigmoid_scale"], 1.0)
    else:
        return
    turned = -1 if family != SD3 and kind in _DENSITIES else 1
    words.say_if("logit_mean", turned * noise["logit_mean"], 0.0)
    words.say_if("logit_std", noise["logit_std"], 1.0)
    words.say_if("mode_scale", noise["mode_scale"], 1.29)
    if family in (*FLUX_LIKE, LUMINA, HUNYUAN):
        words.say_if("model_prediction_type", loss["model_prediction_type"], _PREDICTS.get(family, "raw"))


def _meant(family: str, noise: Values) -> tuple[str, float]:
    """Return how timesteps are drawn and shifted: of auto what is usual for the family."""
    kind, shift = noise["timestep_sampling"], noise["flow_shift"]
    usual = next((each for each in FAMILIES if each.title == family), None)
    if kind != "auto" or usual is None:
        return kind, shift
    return usual.timestep_sampling, shift or usual.shift


_DENSITIES = {"logit_normal": "logit_normal", "mode": "mode"}
"""How timesteps are drawn -> the weighting_scheme that draws them so, with timesteps by sigma."""
_PREDICTS: dict[str, str] = dict.fromkeys(FLUX_LIKE, "sigma_scaled")
"""Family -> sd-scripts' default of model_prediction_type, where that is not raw."""


def _conditioning(words: Words, family: str, conditioning: Values) -> None:
    if family in FLUX_LIKE:
        words.say("guidance_scale", conditioning["guidance_scale"])  # 3.5 there
    if family == SD3:
        for name in ("clip_l_dropout_rate", "clip_g_dropout_rate", "t5_dropout_rate"):
            words.say_if(name, conditioning[name], 0.0)


def _computing(words: Words, training: Values, cache: Values) -> None:
    words.say("mixed_precision", "bf16" if training["mixed_precision"] == "auto" else training["mixed_precision"])
    words.switch("gradient_checkpointing", training["gradient_checkpointing"] != "off")
    if training["full_precision"] != "no":
        words.say(f"full_{training['full_precision']}")
    words.say_if("blocks_to_swap", training["blocks_to_swap"], 0)
    words.switch("torch_compile", training["torch_compile"])
    words.say("sdpa")
    if cache["latent_sampling"] != "every step":
        words.say("cache_latents_to_disk" if cache["cache_to_disk"] else "cache_latents")
    words.say_if("vae_batch_size", cache["vae_batch_size"], 1)


def _captions(words: Words, recipe: Recipe) -> None:
    """Say what is said of all captions together there, and of each Dataset Loader here."""
    datasets = [recipe.dataset(number) for number in range(len(recipe.datasets))]
    longest = {each.max_token_length for each in datasets}
    if longest & {"150", "225", "unlimited"}:
        words.say("max_token_length", "225" if longest & {"225", "unlimited"} else "150")
    words.switch("weighted_captions", any(each.weighted_captions for each in datasets))
    words.switch("masked_loss", any(each.mask_folder for each in datasets))


def _probe(words: Words, validation: Values) -> None:
    words.say_if("validation_split", validation["validation_split"], 0.0)
    words.say_if("validation_seed", validation["validation_seed"], 0)
    words.say_if("validate_every_n_steps", validation["validate_every_n_steps"], 0)


def _saving(words: Words, training: Values) -> None:
    words.say("output_dir", "output")
    words.say("output_name", training["output_name"])
    words.say("save_precision", training["save_precision"])
    for name in ("save_every_n_epochs", "save_every_n_steps", "save_last_n_epochs", "save_last_n_steps"):
        words.say_if(name, training[name], 0)
    words.switch("save_state_on_train_end", training["save_state_on_train_end"])
    if training["log_with"] != "none":
        words.say("log_with", training["log_with"])
        words.say("logging_dir", "logs")
    words.switch("no_metadata", training["metadata"] == "minimal")
    for name, text in training.items():
        if name.startswith("metadata_") or name == "training_comment":
            words.say_if(name, text, "")


def _samples(words: Words, sampling: Values) -> None:
    if sampling["sample_every_n_epochs"]:
        words.say("sample_every_n_epochs", sampling["sample_every_n_epochs"])
    elif sampling["sample_every_n_steps"]:
        words.say("sample_every_n_steps", sampling["sample_every_n_steps"])
    words.switch("sample_at_first", sampling["sample_at_first"])
    words.say("sample_sampler", _SAMPLERS.get(sampling["sampler_name"], "euler"))


_SAMPLERS = {
    "ddim": "ddim",
    "euler": "euler",
    "euler_ancestral": "euler_a",
    "heun": "heun",
    "lms": "lms",
    "dpm_2": "dpm_2",
    "dpm_2_ancestral": "dpm_2_a",
    "dpmpp_2m": "dpmsolver++",
}
"""Sampler of ComfyUI -> sd-scripts' name of it, or of the nearest."""
