"""What sd-scripts says of optimizer, learning rates and schedule (Optimizer Config)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, get_args

from ...errors import quoted
from ...settings.optimizer import OptimizerName
from ..rules import Paths, Rule, Said, Same, Translated, Vocabulary
from ..values import number, switch, text
from .reasons import lacking
from .sd_scripts_network import arguments, encoder_rates, rate

OPTIMIZER_NAMES = {name.lower(): name for name in get_args(OptimizerName)}
"""optimizer_type here by its name in small letters."""
_PACKAGES = ("torch", "bitsandbytes", "lion_pytorch", "dadaptation", "prodigyopt", "schedulefree", "transformers")
"""Packages whose classes optimizer_type has by their names alone."""
_OF_TORCH = ("Adadelta", "Adamax", "ASGD", "LBFGS", "Muon", "Rprop", "SparseAdam")
"""Further classes of torch.optim, which need no package before their names."""


def optimizer_args(value: Any) -> str:
    """Return the arguments of an optimizer as optimizer_args takes them, "weight_decay=0.05 betas=0.9,0.95"; `value`: a list or text."""
    pairs = [(name, "".join(inner.split())) for name, inner in arguments(_joined(value))]
    return " ".join(f"{name}={inner}" for name, inner in pairs)


def _joined(value: Any) -> Any:
    """Return arguments in which a list in brackets has no spaces, so that they can be told apart."""
    if isinstance(value, str):
        return re.sub(r"([(\[])([^)\]]*)([)\]])", lambda m: m[1] + re.sub(r"\s+", "", m[2]) + m[3], value)
    return value


def _optimizer(value: Any, _said: Said) -> Paths:
    name = text(value).strip()
    package, _, last = name.rpartition(".")
    root = package.partition(".")[0]
    if name.lower() in OPTIMIZER_NAMES:
        return {"optimizer.optimizer_type": OPTIMIZER_NAMES[name.lower()]}
    if last.lower() in OPTIMIZER_NAMES and root in _PACKAGES:
        return {"optimizer.optimizer_type": OPTIMIZER_NAMES[last.lower()]}
    if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
        raise ValueError("It is no name of an optimizer.")
    if not package and name not in _OF_TORCH:
        raise ValueError(
            "sd-scripts has no optimizer of this name, a fork of it may: write its package and class into optimizer_class of Optimizer "
            "Config, such as pytorch_optimizer.CAME."
        )
    return {"optimizer.optimizer_class": name}


def _arguments(value: Any, said: Said) -> Paths:
    """Take the arguments, but not those of an optimizer that is not known: another one would be refused because of them."""
    name = said.get("optimizer_type")
    if name:
        try:
            _optimizer(name, said)
        except ValueError:
            raise ValueError(f"They are arguments of {quoted(name)}: set them once the optimizer is chosen.") from None
    return {"optimizer.optimizer_args": optimizer_args(value)}


def _scheduler_class(value: Any, _said: Said) -> Paths:
    name = text(value).strip()
    if "rex" in name.lower():
        return {"optimizer.lr_scheduler": "rex"}
    if name.rpartition(".")[2] in ("CosineAnnealingLR",):
        return {"optimizer.lr_scheduler": "cosine"}
    if name.rpartition(".")[2] in ("CosineAnnealingWarmRestarts",):
        return {"optimizer.lr_scheduler": "cosine_with_restarts"}
    raise ValueError("Classes of schedules are not loaded here: choose the nearest lr_scheduler in Optimizer Config.")


def length(value: Any) -> str:
    """Return a number of steps, or a part of the run, as Optimizer Config takes it: "100", "0.05", "5%".

    Raises:
        ValueError: it is none.
    """
    given = text(value).strip()
    if given.endswith("%"):
        return given
    found = number(given)
    return str(int(found)) if found == int(found) else f"{found:g}"


def _scheduler(value: Any, _said: Said) -> Paths:
    name = text(value).strip().lower()
    if name.startswith("adafactor"):
        return {"optimizer.lr_scheduler": "adafactor"}
    return {"optimizer.lr_scheduler": _SCHEDULERS.get(name, name)}


_SCHEDULERS = {
    "cosine_annealing": "cosine",
    "cosine_with_hard_restarts": "cosine_with_restarts",
    "cosine annealing": "cosine",
}


def _rate(value: Any, _said: Said) -> Paths:
    return {"optimizer.unet_lr": rate(value)}


def _all_lengths(field: str) -> Translated:
    return Translated(
        to=lambda value, _: {f"optimizer.{field}": length(value)},
        why="A number of steps or a part of the run.",
        same=True,
    )


def _min_ratio(value: Any, said: Said) -> Paths:
    highest = number(said.get("learning_rate") or said.get("unet_lr") or math.nan)
    return {"optimizer.lr_scheduler_min_lr_ratio": min(1.0, number(value) / highest) if highest else 0.0}


def old_switch(name: str) -> Translated:
    """Return the rule of an old switch that means an optimizer."""
    return Translated(
        to=lambda value, _: {"optimizer.optimizer_type": name} if switch(value) else {},
        why="The old switch for this optimizer.",
    )


def rules() -> Vocabulary:
    """Return the rules that differ from a setting with the same meaning."""
    scheduler_args: dict[str, Rule] = {
        "step_rules": Same(path="optimizer.lr_step_rules"),
        "min_lr_ratio": Same(path="optimizer.lr_scheduler_min_lr_ratio"),
        "min_lr_rate": Same(path="optimizer.lr_scheduler_min_lr_ratio"),
        "min_lr": Translated(to=_min_ratio, why="The lowest rate as a part of learning_rate."),
        "eta_min": Translated(to=_min_ratio, why="The lowest rate as a part of learning_rate."),
        "num_cycles": Same(path="optimizer.lr_scheduler_num_cycles"),
        "power": Same(path="optimizer.lr_scheduler_power"),
        "timescale": Same(path="optimizer.lr_scheduler_timescale"),
    }
    shape = lacking("The schedule falls over the whole run here; its length cannot be set apart from it.")
    scheduler_args |= dict.fromkeys(
        ("T_max", "T_0", "T_mult", "first_cycle_max_steps", "cycle_multiplier", "gamma", "d"), shape
    )
    return {
        **{f"lr_scheduler_args {name}": rule for name, rule in scheduler_args.items()},
        "lr_scheduler_args": Translated(to=lambda _v, _s: {}, why="Each argument is read by itself."),
        "optimizer_type": Translated(to=_optimizer, why="The same optimizer, by its name or its class.", same=True),
        "optimizer_args": Translated(to=_arguments, why="The same arguments.", same=True),
        "use_8bit_adam": old_switch("AdamW8bit"),
        "use_lion_optimizer": old_switch("Lion"),
        "lr_scheduler": Translated(to=_scheduler, why="The same schedule.", same=True),
        "lr_scheduler_type": Translated(to=_scheduler_class, why="The nearest schedule that there is here."),
        "lr_restart_cycles": Same(path="optimizer.lr_scheduler_num_cycles"),
        "lr_warmup_steps": _all_lengths("lr_warmup_steps"),
        "lr_decay_steps": _all_lengths("lr_decay_steps"),
        "unet_lr": Translated(to=_rate, why="The same rate.", same=True),
        "text_encoder_lr": Translated(
            to=lambda value, said: {"optimizer.text_encoder_lr": encoder_rates(value, said)},
            why="One rate for each text encoder; 0 for those that sd-scripts does not train.",
            same=True,
        ),
    }


def scheduler_args(value: Any) -> Sequence[tuple[str, str]]:
    """Return (name, value) of lr_scheduler_args."""
    return arguments(value)
