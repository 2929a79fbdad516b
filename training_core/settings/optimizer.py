"""Optimizer Config: how fast and by which rule the network learns."""

from __future__ import annotations

import math
import re
from typing import Any, Literal, get_args

from pydantic import field_validator

from ..errors import quoted
from .base import Settings, setting

OptimizerName = Literal[
    "AdamW",
    "AdamW8bit",
    "PagedAdamW8bit",
    "PagedAdamW",
    "PagedAdamW32bit",
    "AdEMAMix8bit",
    "PagedAdEMAMix8bit",
    "Lion",
    "Lion8bit",
    "PagedLion8bit",
    "Prodigy",
    "DAdaptation",
    "DAdaptAdamPreprint",
    "DAdaptAdam",
    "DAdaptAdaGrad",
    "DAdaptAdan",
    "DAdaptAdanIP",
    "DAdaptLion",
    "DAdaptSGD",
    "Adafactor",
    "AdamWScheduleFree",
    "RAdamScheduleFree",
    "SGDScheduleFree",
    "Adam",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Adagrad",
    "SGD",
    "SGDNesterov",
    "SGDNesterov8bit",
]


class OptimizerSettings(Settings):
    """The optimizer with its arguments, the learning rates, and their schedule over the run."""

    optimizer_type: OptimizerName = setting(
        "AdamW",
        "AdamW is the standard. 8bit versions (bitsandbytes) keep their state in 8 bits to save VRAM. Lion needs "
        "a third to a tenth of AdamW's learning rate. Prodigy and DAdapt... find the learning rate themselves: "
        "set learning_rate to 1. ...ScheduleFree need no schedule. DAdaptation is DAdaptAdamPreprint.",
        flag="optimizer_type",
        key="ss_optimizer",
    )
    optimizer_args: str = setting(
        "",
        "More arguments for the optimizer, separated by spaces as in sd-scripts, such as weight_decay=0.05 "
        "betas=0.9,0.95. Empty: its defaults.",
        flag="optimizer_args",
        key="ss_optimizer",
        advanced=True,
    )
    learning_rate: float = setting(
        1e-4,
        "Learning rate; 1e-4 is a good start for AdamW. Too high: the loss diverges; too low: little is learned.",
        flag="learning_rate",
        ge=0,
        le=10,
        step=1e-6,
    )
    unet_lr: str = setting(
        "",
        "Learning rate of the diffusion model (U-Net or DiT). Empty: learning_rate; 0 = not trained.",
        flag="unet_lr",
        advanced=True,
    )
    text_encoder_lr: str = setting(
        "",
        "Learning rates of the text encoders, often half of the U-Net's or less: one for all, or up to three, "
        "such as 5e-5, 5e-5, 0 (with two, the second is also used for the third). Empty: learning_rate; 0 = that "
        "encoder is not trained.",
        flag="text_encoder_lr",
        advanced=True,
    )
    lr_scheduler: Literal[
        "constant",
        "constant_with_warmup",
        "linear",
        "cosine",
        "cosine_with_restarts",
        "cosine_with_min_lr",
        "polynomial",
        "inverse_sqrt",
        "warmup_stable_decay",
        "piecewise_constant",
        "rex",
        "adafactor",
    ] = setting(
        "constant",
        "How the learning rate changes over the run: constant, or decaying along a line, a cosine, ...; LR "
        "Schedule Plot shows it. adafactor is Adafactor's own schedule (with relative_step).",
        flag="lr_scheduler",
    )
    lr_warmup_steps: str = setting(
        "0",
        "Warm-up: steps over which the learning rate rises from 0, as a number of steps (100) or a part of the "
        "run (0.05 or 5%). 5 to 10 % is usual.",
        flag="lr_warmup_steps",
        advanced=True,
    )
    lr_decay_steps: str = setting(
        "0",
        "For warmup_stable_decay: steps at the end over which the learning rate decays, as a number of steps "
        "(100) or a part of the run (0.2 or 20%).",
        flag="lr_decay_steps",
        advanced=True,
    )
    lr_scheduler_num_cycles: int = setting(
        1, "Number of cosine restarts (1 to 4 is usual).", flag="lr_scheduler_num_cycles", ge=1, le=1000, advanced=True
    )
    lr_scheduler_power: float = setting(
        1.0,
        "Power of the polynomial schedule: 1 is linear, 2 falls faster at first.",
        flag="lr_scheduler_power",
        ge=0,
        le=100,
        step=0.1,
        advanced=True,
    )
    lr_scheduler_timescale: int = setting(
        0,
        "Time scale of inverse_sqrt in steps; 0 = the warm-up length, or 10000 without warm-up.",
        flag="lr_scheduler_timescale",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    lr_scheduler_min_lr_ratio: float = setting(
        0.0,
        "Final learning rate of cosine_with_min_lr, warmup_stable_decay and rex, as a fraction of the learning "
        "rate (0.1 is usual).",
        flag="lr_scheduler_min_lr_ratio",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    lr_step_rules: str = setting(
        "",
        "For piecewise_constant: pairs of factor:step and a last factor, such as 1:100, 0.1:200, 0.01 (or 1:50%, "
        "0.1:80%, 0.01). The learning rate is multiplied by a factor up to its step.",
        flag='lr_scheduler_args step_rules="..."',
        key="ss_lr_step_rules",
        advanced=True,
    )
    max_grad_norm: float = setting(
        1.0,
        "Gradient clipping: a larger gradient norm is scaled down to this (1 is usual; 0 = off).",
        flag="max_grad_norm",
        ge=0,
        le=1000,
        step=0.1,
        advanced=True,
    )
    ema_decay: float = setting(
        0.0,
        "Also save an EMA (running average) of the network, as name-ema: smoother, but slightly behind. 0.99 to "
        "0.9999 is usual; 0 = off.",
        ge=0,
        le=0.999999,
        step=0.001,
        advanced=True,
    )
    optimizer_class: str = setting(
        "",
        "Use an optimizer of any installed package instead of optimizer_type: package.Class, or a class of "
        "torch.optim.",
        flag="optimizer_type",
        key="ss_optimizer",
        advanced=True,
    )
    optimizer_fallback: bool = setting(
        False,
        "If bitsandbytes does not work on this machine, use the same optimizer in 32 bits instead (more VRAM), "
        "with a warning. Off: stop before training.",
        advanced=True,
    )

    @field_validator("optimizer_type", mode="before")
    @classmethod
    def _known_name(cls, value: Any) -> Any:
        """Take a name in upper or lower case, as sd-scripts does."""
        return next((n for n in get_args(OptimizerName) if n.lower() == str(value).strip().lower()), value)

    @field_validator("unet_lr", "text_encoder_lr", "lr_warmup_steps", "lr_decay_steps", mode="before")
    @classmethod
    def _numbers_as_text(cls, value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():  # infinity is none
            value = int(value)
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @field_validator("lr_warmup_steps", "lr_decay_steps")
    @classmethod
    def _length(cls, value: str, info: Any) -> str:
        _in_steps(value, 1, info.field_name)
        return value

    @field_validator("unet_lr", "text_encoder_lr")
    @classmethod
    def _rates(cls, value: str, info: Any) -> str:
        most = 1 if info.field_name == "unet_lr" else 3
        if len(_numbers(value, info.field_name)) > most:
            raise ValueError(f"{info.field_name} is {quoted(value)}: it takes at most {most}; remove the others.")
        return value

    @field_validator("lr_step_rules")
    @classmethod
    def _rules(cls, value: str) -> str:
        _step_rules(value, 1)
        return value

    def warmup(self, total: int) -> int:
        """Return the length of the warm-up in steps, for a run of `total` steps."""
        return _in_steps(self.lr_warmup_steps, total, "lr_warmup_steps")

    def decay(self, total: int) -> int:
        """Return the length of the decay at the end in steps, for a run of `total` steps."""
        return _in_steps(self.lr_decay_steps, total, "lr_decay_steps")

    def step_rules(self, total: int) -> tuple[list[tuple[float, int]], float]:
        """Return the (factor, step it holds until) pairs of lr_step_rules by step, and the factor after them."""
        return _step_rules(self.lr_step_rules, total)

    def unet_rates(self) -> list[float]:
        """Return unet_lr as a list of no number or one."""
        return _numbers(self.unet_lr, "unet_lr")

    def text_encoder_rates(self) -> list[float]:
        """Return text_encoder_lr as a list of up to three numbers, one per text encoder."""
        return _numbers(self.text_encoder_lr, "text_encoder_lr")


_MOST_RULES = 1000
"""Pairs of lr_step_rules."""


def _in_steps(text: str, total: int, field: str) -> int:
    """Read a length in steps: '100', or '0.05' or '5%' of `total`, rounded down; '1.0' could mean either and is refused."""
    text = text.strip() or "0"
    if match := re.fullmatch(r"(\d{1,12}(?:\.\d{0,20})?|\.\d{1,20})\s*%", text):
        part = float(match[1]) / 100
    elif re.fullmatch(r"\d{1,12}", text):
        return int(text)
    else:
        try:
            part = float(text)
        except ValueError:
            part = -1.0
        part = part if part < 1 else -1.0
    if not 0 <= part <= 1:
        raise ValueError(
            f"{field} is {quoted(text)}: it must be a whole number of steps (100), or a part of the run (0.05 or 5%)."
        )
    return int(part * total)


def _numbers(text: str, field: str) -> list[float]:
    try:
        values = [float(word) for word in re.split(r"[,\s]+", text.strip()) if word]
    except ValueError:
        values = [-1.0]
    if any(not 0 <= value <= 10 for value in values):
        raise ValueError(f"{field} is {quoted(text)}: it must be learning rates from 0 to 10, such as 5e-5.")
    return values


def _step_rules(text: str, total: int) -> tuple[list[tuple[float, int]], float]:
    words = [word.strip() for word in text.strip().strip("\"'").split(",") if word.strip()]
    try:
        rules = [
            (float(factor), _in_steps(until, total, "")) for factor, until in (word.split(":") for word in words[:-1])
        ]
        last = float(words[-1]) if words else 1.0
        if len(rules) > _MOST_RULES or not all(0 <= factor < math.inf for factor in (last, *(f for f, _ in rules))):
            raise ValueError
    except ValueError:
        raise ValueError(
            f"lr_step_rules is {quoted(text)}: it must be pairs factor:step and a last factor, such as 1:100, 0.1:200, 0.01."
        ) from None
    return sorted(rules, key=lambda rule: rule[1]), last
