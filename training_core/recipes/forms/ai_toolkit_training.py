"""ai-toolkit's words for learning: what is trained, timesteps, noise and loss."""

from __future__ import annotations

from typing import Any

from ..rules import Meaningless, Paths, Rule, Said, Same, Turned
from ..values import number, number_format, switch, whole
from .ai_toolkit_model import family, finetunes, flow
from .ai_toolkit_optimizer import OPTIMIZER_WORDS, rate
from .nested import only_if, plain, shift_by_size
from .reasons import ALL_TIMESTEPS, NO_DISTRIBUTION, NO_ENCODERS, NOTHING_TRAINED, lacking

_SHIFTS = {
    "SD3": 3.0,
    "Lumina 2": 6.0,
    "HiDream-I1": 3.0,
    "Wan 2.1 text-to-video": 3.0,
    "Wan 2.2 5B (still pictures)": 5.0,
    "Z-Image": 3.0,
}
"""Family -> the fixed shift of its scheduler; others are shifted by the size of the picture."""
_WEIGHTED = 1.66
"""Shift of uniform timesteps with the mean that timestep_type weighted has by its weights, 0.58 (default_weighing_scheme.py)."""


def _trained(value: Any, said: Said) -> Paths:
    unet, text = switch(said.get("train.train_unet", True)), switch(said.get("train.train_text_encoder", False))
    if finetunes(said):
        if text:
            raise ValueError(NO_ENCODERS)
        return {"network.train": "unet"}
    if not unet and not text:
        raise ValueError(NOTHING_TRAINED)
    return {"network.train": "unet + text encoder" if unet and text else "unet" if unet else "text encoder"}


def _text_rate(value: Any, said: Said) -> Paths:
    only_if(switch(said.get("train.train_text_encoder", False)), "No text encoder is trained.")
    return {"optimizer.text_encoder_lr": plain(rate(value, said))}


def _ema(value: Any, said: Said) -> Paths:
    only_if(switch(said.get("train.ema_config.use_ema", False)), "EMA is off.")
    return {"optimizer.ema_decay": min(0.999999, number(said.get("train.ema_config.ema_decay", 0.999)))}


def _timesteps(value: Any, said: Said) -> Paths:
    only_if(flow(said), ALL_TIMESTEPS)
    kind = str(said.get("train.timestep_type", "sigmoid"))
    bell = any(switch(said.get(f"train.{name}", False)) for name in ("linear_timesteps", "linear_timesteps2"))
    favoured = str(said.get("train.content_or_style", "balanced"))
    if bell or kind == "linear":
        paths = (
            {"noise.timestep_sampling": "sigmoid", "noise.sigmoid_scale": 1.07}
            if bell
            else {"noise.timestep_sampling": "uniform"}
        )
        return {**paths, **_favoured(favoured, 7.0)}
    if kind == "weighted":
        return {
            "noise.timestep_sampling": "uniform",
            "noise.flow_shift": _WEIGHTED,
            **_favoured(favoured, 7.0, _WEIGHTED),
        }
    if kind == "sigmoid":
        return {"noise.timestep_sampling": "sigmoid", **_favoured(favoured, 3.2)}
    if kind in ("shift", "flux_shift", "lumina2_shift"):
        shift = _SHIFTS.get(family(said)) or shift_by_size(_largest(said), family(said))
        return {"noise.timestep_sampling": "uniform", "noise.flow_shift": shift, **_favoured(favoured, 7.0, shift)}
    raise ValueError(NO_DISTRIBUTION)


def _favoured(kind: str, factor: float, shift: float = 1.0) -> dict[str, Any]:
    """Return the shift that favours noise (content) or little noise (style) as a cube of uniform numbers does: the same median."""
    if kind == "balanced":
        return {}
    return {"noise.flow_shift": round(shift * factor if kind == "content" else shift / factor, 3)}


def _largest(said: Said) -> float:
    sizes = said.get("datasets.resolution", 512)
    return max(number(each) for each in (sizes if isinstance(sizes, list) and sizes else [sizes]))


def _favour(value: Any, said: Said) -> Paths:
    only_if(str(value) != "balanced", "balanced: all steps of the scheduler alike.")
    if not flow(said):
        raise ValueError(
            "eps and v models are trained on all timesteps alike here; min_timestep and max_timestep leave some out."
        )
    return _timesteps(value, said)


def _bell(value: Any, said: Said) -> Paths:
    only_if(switch(value), "It is off.")
    return _timesteps(value, said)


def _first(value: Any, _: Said) -> Paths:
    """Steps are counted from the most noise on there."""
    only_if(number(value) > 0, "0: from the most noise on.")
    return {"noise.max_timestep": max(1, 1000 - whole(value))}


def _last(value: Any, _: Said) -> Paths:
    only_if(number(value) < 999, "999: down to no noise.")
    return {"noise.min_timestep": min(999, 1000 - whole(value))}


def _noise_offset(value: Any, said: Said) -> Paths:
    if flow(said) and number(value):
        raise ValueError("noise_offset is for eps and v models here: flow models are trained without.")
    return {"noise.noise_offset": value}


def _loss(value: Any, _: Said) -> Paths:
    match str(value):
        case "mse":
            return {"loss.loss_type": "l2"}
        case "mae":
            return {"loss.loss_type": "l1"}
        case "pseudo_huber":
            return {"loss.loss_type": "huber", "loss.huber_schedule": "constant", "loss.huber_c": 0.01}
    raise ValueError("There is no such loss here: l2 is used.")


def _format(value: Any, _: Said) -> Paths:
    found = number_format(value, "no")
    if not found:
        raise ValueError("The model computes in fp16, bf16 or float32 here: the format is chosen by itself.")
    return {"training.mixed_precision": found}


def _snr(value: Any, said: Said) -> Paths:
    only_if(number(value) > 0, "0: it is off.")
    return {"loss.min_snr_gamma": value}


def _bypassed(value: Any, said: Said) -> Paths:
    only_if(switch(value) and family(said).startswith("Flux.1"), "It is off, or this model takes no guidance value.")
    raise ValueError(
        "The model always gets a guidance value here: guidance_scale of Conditioning Config, which is 1 during training."
    )


_KEPT = "It keeps what the model knows without the trigger word: regularization pictures do that here (is_reg of Dataset Loader)."
_COMPUTED = Meaningless(why="It says how a step is computed, not what is learned; here that is chosen by itself.")
TRAINING_WORDS: dict[str, Rule] = {
    **OPTIMIZER_WORDS,
    "train.batch_size": Same(path="buckets.batch_size"),
    "train.text_encoder_lr": Turned(to=_text_rate, why="The learning rate of the text encoders.", same=True),
    "train.ema_config": Meaningless(why="EMA is off."),
    "train.ema_config.use_ema": Turned(to=_ema, why="The average is saved beside the network, as name-ema."),
    "train.ema_config.ema_decay": Turned(to=_ema, why="The decay of the average."),
    "train.ema_config.use_feedback": lacking("The average does not lead the training here."),
    "train.ema_config.param_multiplier": lacking("There is no such thing here; weight_decay of the optimizer comes near it.", 1.0),
    "train.dtype": Turned(to=_format, why="The number format of the arithmetic."),
    "train.train_unet": Turned(to=_trained, why="What is trained is one choice here."),
    "train.train_text_encoder": Turned(to=_trained, why="What is trained is one choice here."),
    "train.gradient_checkpointing": Turned(
        to=lambda value, _: {"training.gradient_checkpointing": "all" if switch(value) else "off"},
        why="Blocks of the model are computed twice, which saves memory.",
    ),
    "train.noise_scheduler": Meaningless(why="How a model is noised follows from its kind."),
    "train.num_train_timesteps": lacking("All models have 1000 timesteps here.", 1000),
    "train.timestep_type": Turned(
        to=_timesteps, why="How often each timestep is trained; weights of the loss as the nearest shift, with the same mean."
    ),
    "train.linear_timesteps": Turned(to=_bell, why="The loss has the weights of a bell there: the nearest is sigmoid."),
    "train.linear_timesteps2": Turned(to=_bell, why="The loss has the weights of half a bell there: the nearest is sigmoid."),
    "train.content_or_style": Turned(to=_favour, why="Much noise (content) or little (style) is favoured by a shift with the same median."),
    "train.content_or_style_reg": lacking("Regularization pictures have the same timesteps here.", "balanced"),
    "train.min_denoising_steps": Turned(to=_first, why="Steps are counted from the most noise on there: max_timestep."),
    "train.max_denoising_steps": Turned(to=_last, why="Steps are counted from the most noise on there: min_timestep."),
    "train.noise_offset": Turned(to=_noise_offset, why="The same.", same=True),
    "train.dynamic_noise_offset": lacking("There is no such offset here: adaptive_noise_scale comes near it."),
    "train.min_snr_gamma": Turned(to=_snr, why="The gamma of Min-SNR.", same=True),
    "train.snr_gamma": Turned(to=_snr, why="A weight that does not stop at 1 there: the nearest is Min-SNR."),
    "train.reg_weight": Same(path="loss.prior_loss_weight"),
    "train.loss_type": Turned(to=_loss, why="The loss by its name here."),
    "train.prompt_dropout_prob": Same(path="datasets.caption_dropout_rate"),
    "train.skip_first_sample": Turned(to=lambda value, _: {"sampling.sample_at_first": not switch(value)}, why="The opposite.", same=True),
    "train.force_first_sample": Meaningless(why="A run that goes on draws no first samples again."),
    "train.disable_sampling": Turned(
        to=lambda value, _: {"sampling.sample_every_n_epochs": 0, "sampling.sample_every_n_steps": 0} if switch(value) else {},
        why="No pictures are drawn while training.",
    ),
    "train.diff_output_preservation": lacking(_KEPT),
    "train.diff_output_preservation_multiplier": Meaningless(why="It belongs to diff_output_preservation."),
    "train.diff_output_preservation_class": Meaningless(why="It belongs to diff_output_preservation."),
    "train.blank_prompt_preservation": lacking("There is no such thing here: it keeps what the model draws without a prompt; "
        "caption_dropout_rate comes near it."),
    "train.blank_prompt_preservation_multiplier": Meaningless(why="It belongs to blank_prompt_preservation."),
    "train.bypass_guidance_embedding": Turned(to=_bypassed, why=""),
    "train.switch_boundary_every": Meaningless(why="It is for models with two experts, which are trained one by one here."),
    **dict.fromkeys(
        (f"train.{name}" for name in ("xformers", "sdp", "attention_backend", "unload_text_encoder", "cache_text_embeddings")), _COMPUTED
    ),
}  # fmt: skip
"""Rules of `train`."""
