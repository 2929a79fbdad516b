"""Make the optimizer that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

import torch

from ..errors import AthanorError
from ..settings import OptimizerSettings
from . import args

CLASSES = {
    "AdamW": ("torch.optim", "AdamW"),
    "AdamW8bit": ("bitsandbytes.optim", "AdamW8bit"),
    "Lion8bit": ("bitsandbytes.optim", "Lion8bit"),
}


def resolve(settings: OptimizerSettings) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """The optimizer's class and its arguments, checked against each other before anything else happens.

    Raises:
        AthanorError: the package is missing, or an argument is unknown.
    """
    module, name = CLASSES[settings.optimizer_type]
    try:
        cls = getattr(importlib.import_module(module), name)
    except ImportError as error:
        package = module.partition(".")[0]
        raise AthanorError(
            f"optimizer_type {settings.optimizer_type} needs the package {package}, which does not load ({error}); "
            f"install it with 'pip install {package}' or choose AdamW."
        ) from None
    arguments = args.parse(settings.optimizer_args)
    args.check(arguments, cls)
    try:  # wrong values (betas of 2, a negative weight decay) show on a throw-away parameter
        cls([torch.nn.Parameter(torch.zeros(1))], lr=settings.learning_rate, **arguments)
    except (TypeError, ValueError) as error:
        raise AthanorError(f"optimizer_args: {settings.optimizer_type} does not accept them ({error}).") from None
    return cls, arguments


def build(settings: OptimizerSettings, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
    """The optimizer over parameter groups; AdamW is fused on CUDA (tens of kernel launches instead of thousands).

    Args:
        groups: each with `params` and `lr_scale`, the factor on its learning rate.
    """
    cls, arguments = resolve(settings)
    groups = [group | {"lr": settings.learning_rate * group["lr_scale"]} for group in groups]
    if cls is torch.optim.AdamW and groups[0]["params"][0].is_cuda:
        arguments.setdefault("fused", True)
    return cls(groups, lr=settings.learning_rate, **arguments)


def label(settings: OptimizerSettings) -> str:
    """The optimizer as LoRA metadata names it: torch.optim.adamw.AdamW(weight_decay=0.1,betas=(0.9, 0.99))."""
    cls, arguments = resolve(settings)
    text = ",".join(f"{name}={value}" for name, value in arguments.items())
    return f"{cls.__module__}.{cls.__qualname__}" + (f"({text})" if text else "")
