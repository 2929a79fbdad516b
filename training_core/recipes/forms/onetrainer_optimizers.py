"""OneTrainer's optimizers and their arguments: what each is here (a table)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An optimizer of OneTrainer's, and what it is here."""

    name: str
    """optimizer_type here; with a dot: optimizer_class."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments here, by OneTrainer's names, and the values that the class has by itself; None: not known, so any is written."""
    there: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that OneTrainer gives it by itself, where the class has others."""
    switched: Mapping[str, str] = field(default_factory=dict)
    """Argument that is a switch -> what the optimizer is when it is on."""


def _known(name: str, own: Mapping[str, Any], there: Mapping[str, Any] | None = None, **switched: str) -> Known:
    return Known(name=name, own=own, there=there or {}, switched=switched)


def _adam(decay: float, **more: Any) -> dict[str, Any]:
    return {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": decay, **more}


def _written(names: str) -> dict[str, Any]:
    """Return arguments whose own values are not known: all that is said of them is written."""
    return dict.fromkeys(names.split())


_BNB = "bitsandbytes.optim."
_MOMENTUM = {"momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
_LARS = {**_MOMENTUM, "momentum": None, "max_unorm": 0.02}
_LAMB = _adam(0.0, bias_correction=True, adam_w_mode=True, max_unorm=1.0)
_DADAPT = {"weight_decay": 0.0, "d0": 1e-6, "growth_rate": math.inf}
_FREE = {"weight_decay": 0.0, "r": 0.0, "weight_lr_power": 2.0}
_COMMON = "weight_decay nnmf_factor cautious_wd stochastic_rounding orthogonal_gradient"
_ADV = f"beta1 beta2 eps {_COMMON} use_atan2 use_AdEMAMix beta3_ema alpha kourkoutas_beta"
_SIMPLIFIED = "Simplified_AdEMAMix alpha_grad"
_BETAS_ADV = {"beta1": 0.9, "beta2": 0.99}
_PLUS = (
    "beta1 beta2 beta3 weight_decay weight_decay_by_lr use_bias_correction d0 d_coef prodigy_steps use_speed eps split_groups "
    "split_groups_mean factored factored_fp32 use_stableadamw use_cautious use_grams use_adopt d_limiter stochastic_rounding "
    "use_schedulefree schedulefree_c use_orthograd"
)
_RECTIFIED = {"decoupled_decay": None, "fixed_decay": False, "rectify": None, "degenerated_to_sgd": None}
_ADAPTED = {"r": 0.95, "adanorm": False, "adam_debias": False}
OPTIMIZERS: dict[str, Known] = {
    "ADAGRAD": _known("Adagrad", {"lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10}),
    "ADAGRAD_8BIT": _known(f"{_BNB}Adagrad8bit", {"lr_decay": 0.0, "weight_decay": 0.0, "eps": 1e-10}),
    "ADAM": _known("Adam", _adam(0.0, amsgrad=False)),
    "ADAM_8BIT": _known(f"{_BNB}Adam8bit", _adam(0.0)),
    "ADAMW": _known("AdamW", _adam(0.01, amsgrad=False)),
    "ADAMW_8BIT": _known("AdamW8bit", _adam(0.01), is_paged="PagedAdamW8bit"),
    "ADAMW_ADV": _known("adv_optm.AdamW_adv", _written(_ADV), _BETAS_ADV),
    "AdEMAMix": _known(f"{_BNB}AdEMAMix", _adam(0.01, beta3=0.9999, alpha=5.0)),
    "AdEMAMix_8BIT": _known("AdEMAMix8bit", _adam(0.01, beta3=0.9999, alpha=5.0), is_paged="PagedAdEMAMix8bit"),
    "ADOPT": _known(
        "pytorch_optimizer.ADOPT",
        {**_adam(0.0), "beta2": 0.9999, "eps": 1e-6, "decoupled_decay": False, "fixed_decay": False, "cautious": False},
    ),
    "ADOPT_ADV": _known("adv_optm.Adopt_adv", _written(f"{_ADV} {_SIMPLIFIED}"), {"beta1": 0.9, "beta2": 0.9999}),
    "LAMB": _known(f"{_BNB}LAMB", _LAMB),
    "LAMB_8BIT": _known(f"{_BNB}LAMB8bit", _LAMB),
    "LARS": _known(f"{_BNB}LARS", _LARS),
    "LARS_8BIT": _known(f"{_BNB}LARS8bit", _LARS),
    "LION": _known("Lion", {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}),
    "LION_8BIT": _known(
        "Lion8bit", {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0}, {"beta2": 0.999}, is_paged="PagedLion8bit"
    ),
    "LION_ADV": _known(
        "adv_optm.Lion_adv", _written(f"beta1 beta2 {_COMMON} clip_threshold auto_kappa_p"), _BETAS_ADV
    ),
    "RMSPROP": _known("RMSprop", {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False}),
    "RMSPROP_8BIT": _known(f"{_BNB}RMSprop8bit", {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0}),
    "SGD": _known("SGD", _MOMENTUM, nesterov="SGDNesterov"),
    "SGD_8BIT": _known(f"{_BNB}SGD8bit", {**_MOMENTUM, "momentum": None}, {"momentum": 0.0}, nesterov="SGDNesterov8bit"),
    "SIGNSGD_ADV": _known("adv_optm.SignSGD_adv", _written(f"momentum {_COMMON} {_SIMPLIFIED}")),
    "SCHEDULE_FREE_ADAMW": _known("AdamWScheduleFree", {**_adam(0.0), **_FREE}, {"weight_decay": 0.01}),
    "SCHEDULE_FREE_SGD": _known("SGDScheduleFree", {"momentum": 0.9, **_FREE}, {"momentum": 0.0}),
    "DADAPT_ADA_GRAD": _known("DAdaptAdaGrad", {"momentum": 0.0, "eps": 0.0, **_DADAPT}),
    "DADAPT_ADAM": _known("DAdaptAdam", {**_adam(0.0), **_DADAPT, "decouple": False, "use_bias_correction": False}),
    "DADAPT_ADAN": _known(
        "DAdaptAdan",
        {**_DADAPT, "beta1": 0.98, "beta2": 0.92, "beta3": 0.99, "eps": 1e-8, "weight_decay": 0.02, "no_prox": False},
    ),
    "DADAPT_LION": _known("DAdaptLion", {"beta1": 0.9, "beta2": 0.999, "weight_decay": 0.0, "d0": 1e-6}),
    "DADAPT_SGD": _known("DAdaptSGD", {"momentum": 0.0, **_DADAPT}),
    "PRODIGY": _known(
        "Prodigy",
        _adam(
            0.0, beta3=None, decouple=True, use_bias_correction=False, safeguard_warmup=False, d0=1e-6, d_coef=1.0,
            growth_rate=math.inf, slice_p=1,
        ),
    ),
    "PRODIGY_PLUS_SCHEDULE_FREE": _known("prodigyplus.ProdigyPlusScheduleFree", _written(_PLUS), _BETAS_ADV),
    "PRODIGY_ADV": _known(
        "adv_optm.Prodigy_adv",
        _written(f"{_ADV} {_SIMPLIFIED} beta3 d0 d_coef growth_rate slice_p prodigy_steps d_limiter"),
        _BETAS_ADV,
    ),
    "ADAFACTOR": _known(
        "Adafactor",
        {
            "eps": 1e-30, "eps2": 1e-3, "clip_threshold": 1.0, "decay_rate": -0.8, "beta1": None, "weight_decay": 0.0,
            "scale_parameter": True, "relative_step": True, "warmup_init": False,
        },
        {"scale_parameter": False, "relative_step": False},
    ),
    "CAME": _known(
        "came_pytorch.CAME", {**_adam(0.0, beta3=0.9999), "eps": 1e-30, "eps2": 1e-16}, {"weight_decay": 0.01}
    ),
    "ADABELIEF": _known("pytorch_optimizer.AdaBelief", {**_adam(0.0, **_RECTIFIED), "eps": None}),
    "TIGER": _known("pytorch_optimizer.Tiger", {"beta1": 0.965, "weight_decay": 0.01, **_RECTIFIED}),
    "AIDA": _known("pytorch_optimizer.Aida", _adam(0.0, k=2, xi=1e-20, **_RECTIFIED, **_ADAPTED)),
    "YOGI": _known("pytorch_optimizer.Yogi", {**_adam(0.0, **_RECTIFIED, **_ADAPTED), "eps": 1e-3}),
}  # fmt: skip
"""OneTrainer's optimizer -> what it is here: names and values of modules/util/optimizer_util.py and create.py, and those that the
classes have by themselves."""

UNLIKE = ("CAME_8BIT", "MUON", "MUON_ADV", "ADAMUON_ADV")
"""Optimizers with no class that could be used here."""

_HOW = (
    "foreach fused fused_back_pass capturable differentiable maximize fsdp_in_use use_triton compile optim_bits min_8bit_size "
    "quant_block_size percentile_clipping block_wise is_paged log_every stochastic_rounding"
)
_OTHERS = (
    "adam_w_mode alpha amsgrad bias_correction centered dampening decay_rate initial_accumulator lr_decay weight_decouple k xi "
    "n_sma_threshold ams_bound use_AdEMAMix beta1_warmup min_beta1 ns_steps MuonWithAuxAdam muon_hidden_layers muon_adam_regex "
    "muon_adam_lr muon_te1_adam_lr muon_te2_adam_lr muon_adam_config rms_rescaling normuon_variant beta2_normuon low_rank_ortho "
    "ortho_rank accelerated_ns approx_mars betas eps_tuple cautious_mask grams_moment k_warmup_steps kappa_p normuon_eps use_focus "
    "use_muon_pp"
)
ARGUMENTS = {name for each in OPTIMIZERS.values() for name in each.own} | {*_HOW.split(), *_OTHERS.split()}
"""All arguments that OneTrainer's optimizers have or had (TrainOptimizerConfig); some say only how a step is computed."""
