"""diffusion-pipe's table [optimizer]: which optimizer and which optimizer_args its type and arguments are here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import quoted
from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Same, Translated
from ..values import number, switch, text, whole
from .diffusion_pipe_model import OFF
from .nested import only_if
from .sd_scripts_optimizer import OPTIMIZER_NAMES

_ADAM = ("betas", "weight_decay", "eps")


@dataclass(frozen=True, kw_only=True)
class _Known:
    """An optimizer of diffusion-pipe's, and what it is here."""

    name: str
    """optimizer_type here; with a dot: optimizer_class."""
    takes: Collection[str] | None = None
    """Its arguments that the one here has; None: all."""
    there: Mapping[str, Any] = field(default_factory=dict)
    """Arguments' values there, where nothing is said and ours has others."""
    lr: float | None = None
    """The learning rate where none is said; None: one has to be said."""


_KNOWN = {
    "adamw": _Known(name="AdamW", takes=(*_ADAM, "amsgrad"), lr=1e-3),
    "offload": _Known(name="AdamW", takes=(*_ADAM, "amsgrad"), lr=1e-3),
    "adamw8bit": _Known(name="AdamW8bit", takes=_ADAM, lr=1e-3),
    "adamw8bitkahan": _Known(name="AdamW8bit", takes=_ADAM, lr=1e-3),
    "adamw_optimi": _Known(name="AdamW", takes=_ADAM, there={"betas": [0.9, 0.99], "weight_decay": 0, "eps": 1e-6}),
    "stableadamw": _Known(name="optimi.StableAdamW"),
    "sgd": _Known(name="SGD", takes=("momentum", "weight_decay", "dampening", "nesterov"), lr=1e-3),
    "prodigy": _Known(
        name="Prodigy",
        takes=(
            *_ADAM,
            "beta3",
            "d0",
            "d_coef",
            "growth_rate",
            "safeguard_warmup",
            "weight_decouple",
            "bias_correction",
        ),
        lr=1.0,
    ),
    "lion": _Known(name="Lion", takes=("betas", "weight_decay")),
}
"""optimizer.type in small letters -> what it is here; the values are those of the classes that diffusion-pipe loads (train.py)."""
_LACKING = ("automagic", "genericoptim")
EXACT = ("adamw_optimi", "stableadamw", "adamw8bitkahan", "automagic")
"""Optimizers that add up in bf16 nearly as exactly as in float32, by Kahan's summation or by rounding at random."""
_NAMES = {"weight_decouple": "decouple", "bias_correction": "use_bias_correction"}
ARGUMENTS = (
    "betas", "weight_decay", "eps", "momentum", "dampening", "nesterov", "amsgrad", "beta3", "d0", "d_coef", "growth_rate",
    "safeguard_warmup", "weight_decouple", "bias_correction", "decouple_lr", "max_lr", "beta1", "beta2", "rho", "alpha", "delta",
    "fixed_decay", "rectify", "adam_debias", "adanorm", "r", "k", "clip_threshold", "decay_rate", "scale_parameter", "relative_step",
    "warmup_init", "cautious", "warmup_steps", "slice_p", "ns_steps", "use_bias_correction", "use_muon", "lr_bump", "min_lr", "rank",
    "update_proj_gap", "proj_type", "scale", "centered", "initial_accumulator_value", "lr_decay", "weight_lr_power", "d_limiter",
    "prodigy_steps", "use_stableadamw", "use_cautious", "use_grams", "use_adopt", "factored", "split_groups", "split_groups_mean",
    "use_schedulefree", "use_orthograd", "second_moment_type", "muon", "compile", "mini_batch_size", "min_8bit_size",
    "percentile_clipping", "block_wise", "do_paramiter_swapping", "paramiter_swapping_factor", "momentum_type", "sub_rank",
    "correct_bias", "correct_dim", "cpu_offload", "kahan_buffer_offload", "adamuon", "normuon", "polar_express", "automagic",
)  # fmt: skip
"""Arguments of the classes that it is known to load; others have no rule."""
_HOW = ("stabilize", "kahan_sum", "foreach", "fused", "triton", "stochastic_rounding")


def _type(said: Said) -> str:
    return text(said.get("optimizer.type")).strip().lower()


def known(said: Said) -> _Known:
    """Return what the recipe's optimizer is here; one that is loaded from the package pytorch-optimizer by its class there."""
    name = _type(said)
    if name in _KNOWN:
        return _KNOWN[name]
    if name in _LACKING or not name:
        return _Known(name="AdamW", takes=())
    if name in OPTIMIZER_NAMES:
        return _Known(name=OPTIMIZER_NAMES[name], takes=_ADAM)
    return _Known(name=f"pytorch_optimizer.{text(said.get('optimizer.type')).strip()}")


def default_rate(said: Said) -> float | None:
    """Return the learning rate that the optimizer has where the recipe says none; None where there is no telling."""
    return known(said).lr if _type(said) not in _LACKING else None


def _optimizer(value: Any, said: Said) -> Paths:
    name = _type(said)
    if name in _LACKING:
        raise ValueError(f"There is no {text(value)} here: AdamW is used; look at its learning rate.")
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f"{quoted(value)} is no name of an optimizer.")
    return {**_chosen(said), **_arguments(said)}


def _chosen(said: Said) -> Paths:
    name = known(said).name
    return {"optimizer.optimizer_class" if "." in name else "optimizer.optimizer_type": name}


def _arguments(said: Said) -> dict[str, Any]:
    """Return optimizer_args of all arguments together, with those that diffusion-pipe's class has by itself."""
    found = known(said)
    values = dict(found.there)
    for name in ARGUMENTS:
        value = said.get(f"optimizer.{name}")
        if value is not None and (found.takes is None or name in found.takes):
            values[name] = value
    if said.get("optimizer.beta2_half_life") and isinstance(values.get("betas"), list) and len(values["betas"]) == 2:
        values["betas"] = [values["betas"][0], _beta2(said)]
    written = " ".join(f"{_NAMES.get(name, name)}={_written(value)}" for name, value in values.items())
    return {"optimizer.optimizer_args": written} if written else {}


def _beta2(said: Said) -> float:
    """Return the beta2 at which a gradient counts half after so many pictures."""
    batch = said.get("image_micro_batch_size_per_gpu") or said.get("micro_batch_size_per_gpu") or 1
    pictures = (whole(batch) if not isinstance(batch, list) else 1) * whole(
        said.get("gradient_accumulation_steps") or 1
    )
    return round(0.5 ** (pictures / max(1e-9, number(said["optimizer.beta2_half_life"]))), 8)


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_written(each) for each in value)
    if isinstance(value, bool):
        return str(value)
    return f"{value:.10g}" if isinstance(value, (int, float)) else "".join(text(value).split())


def _argument(name: str) -> Translated:
    def to(_value: Any, said: Said) -> Paths:
        takes = known(said).takes
        if _type(said) in (*_LACKING, ""):
            raise ValueError("It is of an optimizer that is not here or not named: it is left out.")
        if takes is not None and name not in takes:
            raise ValueError(f"{known(said).name} has no such argument here: it is left out.")
        return _arguments(said)

    return Translated(to=to, why="An argument of the optimizer.", same=True)


def _half_life(_value: Any, said: Said) -> Paths:
    if "optimizer.betas" not in said:
        raise NoMeaning("It changes betas, which are not given.")
    return _arguments(said)


def _release(value: Any, _said: Said) -> Paths:
    only_if(switch(value), OFF)
    return {"optimizer.max_grad_norm": 0}


OPTIMIZER_WORDS: dict[str, Rule] = {
    "optimizer.type": Translated(to=_optimizer, why="The optimizer by its name here, with the values that its class has there."),
    "optimizer.lr": Same(path="optimizer.learning_rate"),
    **{f"optimizer.{name}": _argument(name) for name in ARGUMENTS},
    "optimizer.beta2_half_life": Translated(to=_half_life, why="beta2 of betas follows from it and from the pictures in a step."),
    "optimizer.gradient_release": Translated(
        to=_release,
        why="Gradients are kept until the update here, and are not clipped, as there.",
    ),
    **{f"optimizer.{name}": Meaningless(why="It says how a step is computed, not what is learned.") for name in _HOW},
}  # fmt: skip
"""Rules of the table [optimizer]."""
