"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import AthanorError
from ..settings import OptimizerSettings
from . import args, names

LOWEST = 1e-7
"""Learning rate at which the polynomial schedule ends."""

Curve = Callable[[OptimizerSettings, int, int, int], float]
"""(settings, steps since the warm-up, steps from there to the end, warm-up steps) -> factor on the learning rate."""


def _half_cosine(p: float, cycles: float = 1.0) -> float:
    return 0.5 * (1 + math.cos(math.pi * cycles * p))


def _restarts(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    p = x / max(1, rest)
    return 0.0 if p >= 1 else _half_cosine(s.lr_scheduler_num_cycles * p % 1)


def _polynomial(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    if s.learning_rate <= LOWEST:
        return 1.0
    left = max(0.0, 1 - x / max(1, rest))
    return ((s.learning_rate - LOWEST) * left**s.lr_scheduler_power + LOWEST) / s.learning_rate


def _inverse_sqrt(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    scale = s.lr_scheduler_timescale or warmup or 10_000
    return 1 / math.sqrt((x + scale) / scale)


def _min_lr(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    low = s.lr_scheduler_min_lr_ratio
    return low + (1 - low) * _half_cosine(x / max(1, rest), s.lr_scheduler_num_cycles)


def _stable_decay(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    low, decay = s.lr_scheduler_min_lr_ratio, s.decay(rest + warmup)
    q = (x - max(0, rest - decay)) / max(1, decay)
    if q < 0 or not decay:
        return 1.0
    return low + (1 - low) * _half_cosine(q, s.lr_scheduler_num_cycles) if q < 1 else low


def _piecewise(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    rules, last = s.step_rules(rest + warmup)
    return next((factor for factor, until in rules if x + warmup < until), last)


def _rex(s: OptimizerSettings, x: int, rest: int, warmup: int) -> float:
    """Chen et al. 2021 (arXiv 2107.04197): (1 - p) / (1 - p / 2)."""
    low, p = s.lr_scheduler_min_lr_ratio, min(1.0, x / max(1, rest))
    return low + (1 - low) * (1 - p) / (1 - p / 2)


CURVES: dict[str, Curve] = {
    "constant": lambda s, x, rest, warmup: 1.0,
    "constant_with_warmup": lambda s, x, rest, warmup: 1.0,
    "linear": lambda s, x, rest, warmup: max(0.0, 1 - x / max(1, rest)),
    "cosine": lambda s, x, rest, warmup: _half_cosine(min(1.0, x / max(1, rest))),
    "cosine_with_restarts": _restarts,
    "cosine_with_min_lr": _min_lr,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "warmup_stable_decay": _stable_decay,
    "piecewise_constant": _piecewise,
    "rex": _rex,
}
WITHOUT_WARMUP = ("constant", "piecewise_constant")


def multiplier(settings: OptimizerSettings, step: int, total: int) -> float:
    """Return the factor on the learning rate at update `step` (from 0) of `total`, as sd-scripts' --lr_scheduler defines it.

    The warm-up is linear from 0 (warmup_stable_decay: from its lowest), so the first update changes nothing.
    """
    name = settings.lr_scheduler
    warmup = 0 if name in WITHOUT_WARMUP else settings.warmup(total)
    if step < warmup:
        low = settings.lr_scheduler_min_lr_ratio if name == "warmup_stable_decay" else 0.0
        return low + (1 - low) * step / warmup
    return CURVES[name](settings, step - warmup, total - warmup, warmup)


def learning_rate(settings: OptimizerSettings, step: int, total: int) -> float:
    """Return the learning rate of update `step` (from 0) of `total`.

    A schedule-free optimizer has a constant one; Adafactor with relative_step has its own, min(0.01, 1 / sqrt(step)), which it
    multiplies with the size of each weight.
    """
    if names.relative_step(settings):
        slow = args.parse(settings.optimizer_args).get("warmup_init", False)
        return min(1e-6 * (step + 1) if slow else 1e-2, 1 / math.sqrt(step + 1))
    if names.schedule_free(settings):
        return settings.learning_rate
    return settings.learning_rate * multiplier(settings, step, total)


def check(settings: OptimizerSettings) -> None:
    """Check that the schedule can be used.

    Raises:
        AthanorError: it needs another optimizer, or step rules that are missing.
    """
    if settings.lr_scheduler == "adafactor" and not names.relative_step(settings):
        raise AthanorError(
            "lr_scheduler adafactor is only for optimizer_type Adafactor with relative_step; choose another, such as constant."
        )
    if settings.lr_scheduler == "piecewise_constant" and not settings.step_rules(100)[0]:
        raise AthanorError("lr_step_rules: piecewise_constant needs rules, such as 1:100, 0.1:200, 0.01.")
