"""Fields of the kohya GUI that it does not hand to sd-scripts as they are: what it makes of them, also from others beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..document import Document
from ..rules import Entry
from ..values import is_on, number, text
from . import sd_scripts_command
from .kohya_gui_words import DECIDED, NO_WARMUP, OFF
from .sd_scripts_optimizer import scheduler_args

Config = Mapping[str, Any]


def amount(config: Config, name: str) -> float:
    """Return a field's number, of a list its first; 0 where it is missing, empty or none."""
    try:
        return number(text(config.get(name)).strip() or 0)
    except ValueError:
        return 0.0


def _epoch(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """Epochs count unless there is a number of steps, or the other field for epochs."""
    decided = amount(config, "max_train_epochs") or amount(config, "max_train_steps")
    yield Entry(name=DECIDED if decided else "max_train_epochs", shown=name, value=value)


def _steps(name: str, value: Any, config: Config) -> Iterator[Entry]:
    if not amount(config, name):
        yield Entry(name=OFF, shown=name, value=value)
    else:
        yield Entry(name=DECIDED if amount(config, "max_train_epochs") else name, value=value, shown=name)


def _warmup(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """lr_warmup is in percent of the steps; lr_warmup_steps counts more where both are given."""
    given = amount(config, name)
    if not given:
        yield Entry(name=OFF, shown=name, value=value)
    elif text(config.get("lr_scheduler")) == "constant":
        yield Entry(name=NO_WARMUP, shown=name, value=value)
    elif name == "lr_warmup" and amount(config, "lr_warmup_steps"):
        yield Entry(name=DECIDED, shown=name, value=value)
    else:
        percent = name == "lr_warmup" and given >= 1
        yield Entry(name="lr_warmup_steps", shown=name, value=f"{given:g}%" if percent else value)


def _cycles(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """Empty means as many cycles as epochs."""
    if text(value).strip():
        yield Entry(name=name, value=value)
    elif text(config.get("lr_scheduler")) == "cosine_with_restarts":
        yield Entry(name=name, shown=f"{name}, empty: as many as epochs", value=text(config.get("epoch")) or "1")
    else:
        yield Entry(name=OFF, shown=name, value=value)


def _scheduler_args(name: str, value: Any, _config: Config) -> Iterator[Entry]:
    for argument, inner in scheduler_args(text(value).replace('"', "")):
        yield Entry(name=f"lr_scheduler_args {argument}", shown=f"{name}: {argument}", value=inner)


def _command(name: str, value: Any, _config: Config) -> Iterator[Entry]:
    """A piece of sd-scripts' command: it comes behind all fields, and counts more than they do."""
    command = f"python train_network.py {text(value)}"
    told = sd_scripts_command.read(Document(data=command.encode(errors="replace")))
    if told is None:
        yield Entry(name=name, value=value)
        return
    for each in told.entries:
        if each.name != "script":
            yield replace(each, shown=f"{name}: {each.shown or each.name}")


def _unet_rate(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """Without a rate of its own the U-Net is not trained, if the text encoder has one."""
    if amount(config, name):
        yield Entry(name=name, value=value)
    elif amount(config, "text_encoder_lr"):
        yield Entry(name="network_train_text_encoder_only", shown=f"{name} {text(value) or 'empty'}", value=True)
    else:
        yield Entry(name=OFF, shown=name, value=value)


def _text_rate(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """Without a rate of its own the text encoder is not trained, if the U-Net has one; T5 can have another."""
    own, t5 = amount(config, name), amount(config, "t5xxl_lr")
    if own:
        yield Entry(name=name, value=f"{text(value)}, {t5:g}" if t5 and _has_t5(config) else value)
    elif amount(config, "unet_lr"):
        yield Entry(name="network_train_unet_only", shown=f"{name} {text(value) or 'empty'}", value=True)
    else:
        yield Entry(name=OFF, shown=name, value=value)


def _has_t5(config: Config) -> bool:
    return any(is_on(config.get(name)) for name in ("flux1_checkbox", "sd3_checkbox"))


def _t5_rate(name: str, value: Any, config: Config) -> Iterator[Entry]:
    used = amount(config, name) and amount(config, "text_encoder_lr") and _has_t5(config)
    yield Entry(name=DECIDED if used else OFF, shown=name, value=value)


def _wandb(name: str, value: Any, _config: Config) -> Iterator[Entry]:
    yield Entry(name="log_with" if is_on(value) else OFF, shown=name, value="wandb" if is_on(value) else value)


def _old_adam(name: str, value: Any, config: Config) -> Iterator[Entry]:
    """The switch of 2022, which a chosen optimizer replaces."""
    yield Entry(name=DECIDED if config.get("optimizer") else name if is_on(value) else OFF, shown=name, value=value)


def _folder(name: str, value: Any, _config: Config) -> Iterator[Entry]:
    """Regularization pictures have a Dataset Loader of their own, the second."""
    yield Entry(name=name, value=value, datasets=(0,) if name == "train_data_dir" else (1,))


FIELDS: dict[str, Callable[[str, Any, Config], Iterator[Entry]]] = {
    "epoch": _epoch,
    "max_train_steps": _steps,
    "lr_warmup": _warmup,
    "lr_warmup_steps": _warmup,
    "lr_scheduler_num_cycles": _cycles,
    "lr_scheduler_args": _scheduler_args,
    "additional_parameters": _command,
    "unet_lr": _unet_rate,
    "text_encoder_lr": _text_rate,
    "t5xxl_lr": _t5_rate,
    "use_wandb": _wandb,
    "use_8bit_adam": _old_adam,
    "train_data_dir": _folder,
    "reg_data_dir": _folder,
}
"""Name of a field -> (name, value, the whole file) -> what it says."""
OF_AN_EMPTY_BOX = ("lr_scheduler_num_cycles", "unet_lr", "text_encoder_lr", "epoch")
"""Those of which an empty box means something."""
