"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from ..settings import OptimizerSettings


def warmup_steps(settings: OptimizerSettings, total: int) -> int:
    """Warm-up in steps: below 1 the setting is a part of `total`. None for the constant and plain schedules."""
    if settings.lr_scheduler == "constant":
        return 0
    value = settings.lr_warmup_steps
    return int(value * total) if value < 1 else int(value)


def multiplier(settings: OptimizerSettings, step: int, total: int) -> float:
    """Factor on the learning rate at update `step` (from 0) of `total` (--lr_scheduler).

    Warm-up is linear from 0. cosine: (1 + cos(pi p)) / 2; cosine_with_restarts: the same over n * p modulo 1,
    where p runs from 0 to 1 after the warm-up and n is lr_scheduler_num_cycles.
    """
    warmup = warmup_steps(settings, total)
    if step < warmup:
        return step / warmup
    p = (step - warmup) / max(1, total - warmup)
    if settings.lr_scheduler == "cosine":
        return 0.5 * (1 + math.cos(math.pi * p))
    if settings.lr_scheduler == "cosine_with_restarts":
        return 0.0 if p >= 1 else 0.5 * (1 + math.cos(math.pi * (settings.lr_scheduler_num_cycles * p % 1)))
    return 1.0


def learning_rate(settings: OptimizerSettings, step: int, total: int) -> float:
    """The learning rate of update `step` (from 0) of `total`."""
    return settings.learning_rate * multiplier(settings, step, total)
