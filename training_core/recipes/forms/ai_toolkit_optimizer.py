"""ai-toolkit's words for the length, the learning rate, its schedule and the optimizer."""

from __future__ import annotations

import math
from typing import Any

from ..rules import Paths, Rule, Said, Same, Turned
from ..values import number, whole
from .nested import only_if, plain
from .reasons import lacking

_BNB = "bitsandbytes.optim."
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "adam": ("Adam", {"eps": 1e-6}),
    "adamw": ("AdamW", {"eps": 1e-6}),
    "adam8": (f"{_BNB}Adam8bit", {"eps": 1e-6}),
    "adamw8": ("AdamW8bit", {"eps": 1e-6}),
    "adam8bit": (f"{_BNB}Adam8bit", {"eps": 1e-6}),
    "adamw8bit": ("AdamW8bit", {"eps": 1e-6}),
    "ademamix8bit": ("AdEMAMix8bit", {"eps": 1e-6}),
    "lion": ("Lion", {}),
    "lion8bit": ("Lion8bit", {}),
    "adagrad": ("Adagrad", {}),
    "adafactor": ("Adafactor", {"relative_step": False, "scale_parameter": False, "warmup_init": False}),
    "prodigy": ("Prodigy", {"eps": 1e-6}),
    "prodigy8bit": ("Prodigy", {"eps": 1e-6}),
    "dadaptation": ("DAdaptAdam", {"eps": 1e-6}),
    "dadaptationadam": ("DAdaptLion", {}),
    "dadaptationlion": ("DAdaptLion", {}),
}
"""`optimizer` in lower case -> optimizer_type or class here, and what ai-toolkit gives it by itself (toolkit/optimizer.py)."""


def _optimizer_name(said: Said) -> str:
    name = str(said.get("train.optimizer", "adamw")).lower()
    if name.startswith("prodigy"):
        return "prodigy"
    return name if name in OPTIMIZERS else "dadaptation" if name.startswith("dadaptation") else ""


def _arguments(said: Said) -> str:
    """Return optimizer_args: what ai-toolkit gives the optimizer by itself, and over that what the recipe says."""
    own = OPTIMIZERS.get(_optimizer_name(said), ("", {}))[1]
    given = {name: written(value) for name, value in own.items()} | pairs(said.get("train.optimizer_params"))
    return " ".join(f"{name}={value}" for name, value in given.items())


def pairs(value: Any) -> dict[str, str]:
    """Return {"a": "1"} of ["a=1"], as the reader gives the arguments of optimizers and schedules."""
    parts = [str(each).partition("=") for each in value] if isinstance(value, list) else []
    return {name: each for name, _, each in parts}


def written(value: Any) -> str:
    """Return the value of an argument as text: numbers and switches, several with commas.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, (list, tuple)):
        return ",".join(written(each) for each in value)
    if isinstance(value, bool) or str(value).lower() in ("true", "false"):
        return str(value).capitalize()
    return plain(number(value))


def _optimizer(value: Any, said: Said) -> Paths:
    name = _optimizer_name(said)
    if not name:
        raise ValueError("There is no such optimizer here: AdamW is used, whose learning rate may have to be another.")
    found = OPTIMIZERS[name][0]
    text = _arguments(said)
    chosen = {"optimizer.optimizer_class" if "." in found else "optimizer.optimizer_type": found}
    return chosen | ({"optimizer.optimizer_args": text} if text else {})


def _argument(value: Any, said: Said) -> Paths:
    return {"optimizer.optimizer_args": _arguments(said)}


def rate(value: Any, said: Said) -> float:
    """Return a learning rate, which is 1 for optimizers that find it themselves where it is below 0.1."""
    found = number(value)
    return 1.0 if _optimizer_name(said) in ("prodigy", "dadaptation") and found < 0.1 else found


def _learning_rate(value: Any, said: Said) -> Paths:
    return {"optimizer.learning_rate": rate(value, said)}


def _steps_each(said: Said) -> int:
    """Return how many of ai-toolkit's steps are one update: of gradient_accumulation_steps each batch counts as a step."""
    return max(1, whole(said.get("train.gradient_accumulation_steps") or 1))


def updates(value: Any, said: Said) -> int:
    """Return a number of ai-toolkit's steps in updates, at least one unless there are none."""
    steps = whole(value)
    return max(1, round(steps / _steps_each(said))) if steps > 0 else 0


def _steps(value: Any, said: Said) -> Paths:
    return {"training.max_train_steps": updates(value, said)}


def _accumulated(value: Any, said: Said) -> Paths:
    only_if(
        number(value) > 0,
        "Gradients of a whole epoch cannot be gathered in one update here: set gradient_accumulation_steps.",
    )
    return {"training.gradient_accumulation_steps": whole(value)}


def _schedule(value: Any, said: Said) -> Paths:
    given = pairs(said.get("train.lr_scheduler_params"))
    steps = number(said.get("train.steps", 1000))
    least = number(given.get("eta_min") or 0) / max(1e-12, rate(said.get("train.lr", 1e-6), said))
    match str(value):
        case "constant":
            return {"optimizer.lr_scheduler": "constant"}
        case "constant_with_warmup":
            warm = str(updates(given.get("num_warmup_steps", 1000), said))
            return {"optimizer.lr_scheduler": "constant_with_warmup", "optimizer.lr_warmup_steps": warm}
        case "cosine" if least:
            return {
                "optimizer.lr_scheduler": "cosine_with_min_lr",
                "optimizer.lr_scheduler_min_lr_ratio": min(1.0, least),
            }
        case "cosine":
            return {"optimizer.lr_scheduler": "cosine"}
        case "cosine_with_restarts":
            cycles = max(1, round(steps / number(given.get("total_iters") or given.get("T_0") or steps)))
            return {"optimizer.lr_scheduler": "cosine_with_restarts", "optimizer.lr_scheduler_num_cycles": cycles}
        case "step":
            return _stairs(given, steps, said)
        case "linear" if number(given.get("start_factor", 1 / 3)) == 1 and number(given.get("end_factor", 1)) == 0:
            return {"optimizer.lr_scheduler": "linear"}
        case "linear":
            raise ValueError(
                "This schedule rises from a third of the learning rate to all of it, which is not possible here: it stays constant."
            )
        case "polynomial" | "inverse_sqrt" | "warmup_stable_decay":
            return {"optimizer.lr_scheduler": str(value)}
    raise ValueError("There is no such schedule here: the learning rate stays constant.")


def _stairs(given: dict[str, str], steps: float, said: Said) -> Paths:
    """Return the rules of a schedule that multiplies the learning rate by gamma after each step_size steps."""
    size, gamma = whole(given.get("step_size") or 0), number(given.get("gamma", 0.1))
    if size <= 0 or steps / size > 100:
        raise ValueError("The schedule 'step' needs step_size: the learning rate stays constant.")
    count = max(1, math.ceil(steps / size))
    rules = [f"{plain(gamma**i)}:{updates(size * (i + 1), said)}" for i in range(count)]
    return {
        "optimizer.lr_scheduler": "piecewise_constant",
        "optimizer.lr_step_rules": ", ".join([*rules, plain(gamma**count)]),
    }


OPTIMIZER_WORDS: dict[str, Rule] = {
    "train.steps": Turned(to=_steps, why="The length in updates; a step is a batch where gradient_accumulation_steps is used.", same=True),
    "train.gradient_accumulation": Turned(to=_accumulated, why="Batches per update.", same=True),
    "train.gradient_accumulation_steps": Turned(to=_accumulated, why="Batches per update; steps are counted in batches there."),
    "train.lr": Turned(to=_learning_rate, why="The learning rate; below 0.1 it is 1 for Prodigy, as there.", same=True),
    "train.unet_lr": Turned(to=lambda value, said: {"optimizer.unet_lr": plain(rate(value, said))}, why="The same.", same=True),
    "train.optimizer": Turned(to=_optimizer, why="The optimizer, with the arguments that ai-toolkit gives it."),
    "train.optimizer_params": Turned(to=_argument, why="Arguments of the optimizer, as optimizer_args.", same=True),
    "train.weight_decay": lacking("It has no effect there: it is an argument of the optimizer, in optimizer_params."),
    "train.lr_scheduler": Turned(to=_schedule, why="The schedule by its name here."),
    "train.lr_scheduler_params": Turned(
        to=lambda value, said: _schedule(said.get("train.lr_scheduler", "constant"), said), why="Arguments of the schedule."
    ),
    "train.max_grad_norm": Same(path="optimizer.max_grad_norm"),
}  # fmt: skip
"""Rules of what in `train` is about the optimizer and how long it works."""
