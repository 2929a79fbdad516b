"""Optimizer Config: how fast and by which rule the network learns."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class OptimizerSettings(Settings):
    """Optimizer, learning rate and its schedule."""

    optimizer_type: Literal["AdamW", "AdamW8bit", "Lion8bit"] = setting(
        "AdamW",
        "AdamW: the standard. AdamW8bit and Lion8bit (bitsandbytes) keep their state in 8 bits; Lion wants a third "
        "to a tenth of AdamW's learning rate.",
        flag="optimizer_type",
    )
    optimizer_args: str = setting(
        "",
        "More arguments of the optimizer, separated by spaces as sd-scripts takes them, such as "
        "weight_decay=0.05 betas=0.9,0.95 (empty = its defaults)",
        flag="optimizer_args",
    )
    learning_rate: float = setting(
        1e-4, "Learning rate: 1e-4 is a good start for AdamW.", flag="learning_rate / unet_lr", ge=0, le=10, step=1e-6
    )
    lr_scheduler: Literal["constant", "constant_with_warmup", "cosine", "cosine_with_restarts"] = setting(
        "constant",
        "How the learning rate changes over the run: constant, with a warm-up, or falling to 0 along a cosine (with "
        "restarts).",
        flag="lr_scheduler",
    )
    lr_warmup_steps: float = setting(
        0.0,
        "Steps over which the learning rate rises from 0; below 1 it is a part of the run (0.05 = 5 %).",
        flag="lr_warmup_steps",
        ge=0,
        le=1_000_000,
        step=0.01,
    )
    lr_scheduler_num_cycles: int = setting(
        1, "Number of cosine restarts (1 to 4).", flag="lr_scheduler_num_cycles", ge=1, le=1000, advanced=True
    )
    max_grad_norm: float = setting(
        1.0,
        "Gradients longer than this are shortened to it; 0 = off.",
        flag="max_grad_norm",
        ge=0,
        le=1000,
        step=0.1,
        advanced=True,
    )
