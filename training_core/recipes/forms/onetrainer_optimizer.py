"""OneTrainer's words for the optimizer and its arguments."""

from __future__ import annotations

from typing import Any

from ..rules import Meaningless, Paths, Rule, Said, Translated
from ..values import number, switch
from .nested import only_if, plain
from .onetrainer_optimizers import ARGUMENTS, OPTIMIZERS, UNLIKE, Known

_BETAS = ("beta1", "beta2", "beta3")
_NAMES = {"decoupled_decay": "weight_decouple"}
"""OneTrainer's name of an argument -> that of the class."""


def matters(name: str, optimizer: Any) -> bool:
    """Return whether an argument is one of the optimizer's own that changes what is learned."""
    known = OPTIMIZERS.get(str(optimizer))
    return known is not None and (name in known.own or name in known.switched)


def _found(said: Said) -> Known:
    name = str(said.get("optimizer.optimizer", "ADAMW"))
    return OPTIMIZERS.get(name) or Known(name="AdamW")


def _arguments(said: Said) -> str:
    """Return optimizer_args: what the recipe says, and what OneTrainer does by itself, unless the class does so anyway."""
    known = _found(said)
    values = dict(known.there)
    for name in known.own:
        value = said.get(f"optimizer.{name}")
        if value is not None and name not in known.switched:
            values[name] = value
    differ = {name for name, value in values.items() if not _same(value, known.own.get(name))}
    parts, joined = [], set()
    for name, group in _lists(known).items():
        joined |= set(group)
        if differ & set(group):
            every = [values.get(each, known.own[each]) for each in group]
            parts.append(f"{name}={','.join(_written(each) for each in every if each is not None)}")
    parts += [
        f"{_NAMES.get(name, name)}={_written(values[name])}"
        for name in known.own
        if name in differ and name not in joined
    ]
    warmup = number(said.get("learning_rate_warmup_steps", 200) or 0)
    if known.name in ("AdamWScheduleFree", "SGDScheduleFree") and warmup > 1:
        parts.append(f"warmup_steps={int(warmup)}")
    return " ".join(parts)


def _lists(known: Known) -> dict[str, tuple[str, ...]]:
    """Return the arguments that are lists of several of OneTrainer's: betas, and the two eps of Adafactor and CAME."""
    alone = ("beta3",) if "rodigy" in known.name else ()
    groups = {"betas": tuple(each for each in _BETAS if each in known.own and each not in alone)}
    groups["eps"] = tuple(each for each in ("eps", "eps2") if each in known.own)
    return {name: group for name, group in groups.items() if len(group) > 1}


def _same(value: Any, other: Any) -> bool:
    if isinstance(other, bool):
        return switch(value) == other
    if str(value) in ("inf", "Infinity"):
        return True  # cannot be written as an argument; all classes that have growth_rate start with it
    return isinstance(other, (int, float)) and number(value) == other


def _written(value: Any) -> str:
    return str(value) if isinstance(value, bool) else plain(number(value))


def _paths(said: Said) -> Paths:
    """Return the settings of the optimizer with all its arguments."""
    known = _found(said)
    on = [name for flag, name in known.switched.items() if switch(said.get(f"optimizer.{flag}") or False)]
    name = on[0] if on else known.name
    chosen = {"optimizer.optimizer_class": name} if "." in name else {"optimizer.optimizer_type": name}
    text = _arguments(said)
    return chosen | ({"optimizer.optimizer_args": text} if text else {})


def _optimizer(value: Any, said: Said) -> Paths:
    if str(value) in UNLIKE:
        raise ValueError(f"There is no {value} here: AdamW is used, which needs other learning rates.")
    if str(value) not in OPTIMIZERS:
        raise ValueError("This optimizer is not known here: AdamW is used.")
    return _paths(said)


def _argument(name: str) -> Rule:
    def to(value: Any, said: Said) -> Paths:
        only_if(matters(name, said.get("optimizer.optimizer", "ADAMW")), "This optimizer has no such argument here.")
        only_if(value is not None, "It is not set: the optimizer's own value is used.")
        return {
            path: text for path, text in _paths(said).items() if path.endswith("_args") or name in _found(said).switched
        }

    return Translated(to=to, why="An argument of the optimizer; values that it has by itself are left out.")


OPTIMIZER_WORDS: dict[str, Rule] = {
    "optimizer.optimizer": Translated(to=_optimizer, why="The optimizer by its name here, with OneTrainer's own arguments."),
    "optimizer.__version": Meaningless(why="The version of OneTrainer's file."),
    "optimizer others": Meaningless(why="These are not set, are of other optimizers, or say how a step is computed."),
    "optimizer_defaults": Meaningless(why="What OneTrainer remembers for each optimizer; only the chosen one counts."),
    **{f"optimizer.{name}": _argument(name) for name in sorted(ARGUMENTS)},
}  # fmt: skip
"""Rules of what is said of the optimizer."""
