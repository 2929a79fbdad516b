"""Optimizer names: the class that each one stands for, and the kinds that are treated in a way of their own."""

from __future__ import annotations

from ..errors import AthanorError, quoted
from ..settings import OptimizerSettings
from . import args

CLASSES = {
    **{name: ("torch.optim", name) for name in ("AdamW", "Adam", "NAdam", "RAdam", "RMSprop", "Adagrad", "SGD")},
    "SGDNesterov": ("torch.optim", "SGD"),
    **{
        name: ("bitsandbytes.optim", name)
        for name in (
            "AdamW8bit", "PagedAdamW8bit", "PagedAdamW", "PagedAdamW32bit", "AdEMAMix8bit", "PagedAdEMAMix8bit",
            "Lion8bit", "PagedLion8bit",
        )
    },
    "SGDNesterov8bit": ("bitsandbytes.optim", "SGD8bit"),
    "Lion": ("lion_pytorch", "Lion"),
    "Prodigy": ("prodigyopt", "Prodigy"),
    "DAdaptation": ("dadaptation.experimental", "DAdaptAdamPreprint"),
    **{name: ("dadaptation.experimental", name) for name in ("DAdaptAdamPreprint", "DAdaptAdanIP")},
    **{
        name: ("dadaptation", name)
        for name in ("DAdaptAdam", "DAdaptAdaGrad", "DAdaptAdan", "DAdaptLion", "DAdaptSGD")
    },
    "Adafactor": ("transformers.optimization", "Adafactor"),
    **{name: ("schedulefree", name) for name in ("AdamWScheduleFree", "RAdamScheduleFree", "SGDScheduleFree")},
}  # fmt: skip
"""optimizer_type -> (module, class), as in sd-scripts; the AdEMAMix ones have their bare names here."""

PIP = {"lion_pytorch": "lion-pytorch"}
"""Module -> name of its package for pip, where the two differ."""

SAME_IN_32_BITS = {
    **dict.fromkeys(("AdamW8bit", "PagedAdamW8bit", "PagedAdamW", "PagedAdamW32bit"), "AdamW"),
    **dict.fromkeys(("Lion8bit", "PagedLion8bit"), "Lion"),
    "SGDNesterov8bit": "SGDNesterov",
}
"""8-bit optimizer -> what optimizer_fallback uses in its place; there is no other AdEMAMix."""


def named(settings: OptimizerSettings) -> str:
    """Return the optimizer's name as the user has set it: optimizer_class, or else optimizer_type."""
    own = settings.optimizer_class.strip()
    return next((name for name in CLASSES if name.lower() == own.lower()), own) or settings.optimizer_type


def locate(name: str) -> tuple[str, str]:
    """Return module and class of a known name, of `package.Class`, or of a class of torch.optim.

    Raises:
        AthanorError: the name is none of these.
    """
    if name in CLASSES:
        return CLASSES[name]
    module, _, cls = name.rpartition(".")
    if not all(part.isidentifier() for part in name.split(".")):
        raise AthanorError(
            f"optimizer_class: {quoted(name)} is not of the form package.Class, such as torch.optim.RAdam."
        )
    return module or "torch.optim", cls


def adapts(settings: OptimizerSettings) -> bool:
    """Whether the optimizer finds the learning rate itself (D-Adaptation, Prodigy): it takes one rate for everything, about 1."""
    return adapting_class(locate(named(settings))[1])


def adapting_class(name: str) -> bool:
    """Return whether a class of this name is of the D-Adaptation or Prodigy family."""
    return name.lower().startswith("dadapt") or "prodigy" in name.lower()


def schedule_free(settings: OptimizerSettings) -> bool:
    """Return whether the optimizer averages weights instead of following a learning-rate schedule."""
    return locate(named(settings))[1].lower().endswith("schedulefree")


def relative_step(settings: OptimizerSettings) -> bool:
    """Whether this is transformers' Adafactor with its own learning rate (relative_step, its default; warmup_init needs it)."""
    module, cls = locate(named(settings))
    if cls != "Adafactor" or not module.startswith("transformers"):
        return False
    given = args.parse(settings.optimizer_args)
    return bool(given.get("relative_step", True) or given.get("warmup_init", False))
