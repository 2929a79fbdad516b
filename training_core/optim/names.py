"""Which class an optimizer's name means, and what kind of optimizer that is."""

from __future__ import annotations

from ..errors import AthanorError
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
"""Name -> (module, class), as sd-scripts has them; the AdEMAMix ones go by their bare names here."""

PIP = {"lion_pytorch": "lion-pytorch"}
"""Top module -> what pip calls it, where that differs."""

SAME_IN_32_BITS = {
    **dict.fromkeys(("AdamW8bit", "PagedAdamW8bit", "PagedAdamW", "PagedAdamW32bit"), "AdamW"),
    **dict.fromkeys(("Lion8bit", "PagedLion8bit"), "Lion"),
    "SGDNesterov8bit": "SGDNesterov",
}
"""What optimizer_fallback puts in bitsandbytes' place; AdEMAMix has no other home."""


def named(settings: OptimizerSettings) -> str:
    """The optimizer as the user names it: optimizer_class, or else optimizer_type."""
    own = settings.optimizer_class.strip()
    return next((name for name in CLASSES if name.lower() == own.lower()), own) or settings.optimizer_type


def locate(name: str) -> tuple[str, str]:
    """Module and class of a known name, of package.Class, or of a class of torch.optim.

    Raises:
        AthanorError: it is none of them.
    """
    if name in CLASSES:
        return CLASSES[name]
    module, _, cls = name.rpartition(".")
    if not all(part.isidentifier() for part in name.split(".")):
        raise AthanorError(f"optimizer_class: '{name}' is not of the form package.Class, such as torch.optim.RAdam.")
    return module or "torch.optim", cls


def adapts(settings: OptimizerSettings) -> bool:
    """Whether it finds the learning rate by itself (D-Adaptation, Prodigy): one rate for everything, about 1."""
    return adapting_class(locate(named(settings))[1])


def adapting_class(name: str) -> bool:
    """Whether a class of this name is of the D-Adaptation or Prodigy family."""
    return name.lower().startswith("dadapt") or "prodigy" in name.lower()


def schedule_free(settings: OptimizerSettings) -> bool:
    """Whether it averages weights instead of following a schedule."""
    return locate(named(settings))[1].lower().endswith("schedulefree")


def relative_step(settings: OptimizerSettings) -> bool:
    """Whether it is transformers' Adafactor with a rate of its own (its default; warmup_init is only for that)."""
    module, cls = locate(named(settings))
    if cls != "Adafactor" or not module.startswith("transformers"):
        return False
    given = args.parse(settings.optimizer_args)
    return bool(given.get("relative_step", True) or given.get("warmup_init", False))
