"""Names and values of a post -> what is given under sd-scripts' names: each thing once, the first where it is said twice (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...settings import JOB_GROUPS, info
from ..rules import Entry, Meaningless, Same
from . import plain_names as names
from . import plain_values as values
from .lora_family import titled
from .sd_scripts_words import WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A name with its value in a text."""

    option: str
    """Option of sd-scripts or one of `plain_names`; "" for a name that is not known."""
    shown: str
    """As it is written there."""
    value: str
    """As it is written there, with remarks."""


_KINDS = {f"{group}.{each.name}": each.kind for group, settings in JOB_GROUPS.items() for each in info(settings)}
_NUMBERS = frozenset(
    {option for option, rule in WORDS.items() if isinstance(rule, Same) and _KINDS.get(rule.path) in ("int", "float")}
    | {"max_train_epochs", "max_train_steps", "unet_lr", "text_encoder_lr", "lr_warmup_steps", "clip_skip", "discrete_flow_shift",
       "max_token_length", "sample_every_n_epochs", "sample_every_n_steps", "guidance_scale"}
)  # fmt: skip
SWITCHES = frozenset(
    {option for option, rule in WORDS.items() if isinstance(rule, Same) and _KINDS.get(rule.path) == "bool"}
    | {
        "gradient_checkpointing",
        "cache_latents",
        "cache_latents_to_disk",
        "full_bf16",
        "full_fp16",
        "fp8_base",
        "v_parameterization",
        "network_train_unet_only",
    }
)
_CHOICES: dict[str, Callable[[str], tuple[str, bool] | None]] = {
    "optimizer_type": values.optimizer,
    "lr_scheduler": values.schedule,
    "mixed_precision": values.precision,
    "save_precision": values.precision,
    "resolution": values.size,
    names.KIND: values.kind,
}
TWO = {
    names.DIM_ALPHA: ("network_dim", "network_alpha"),
    names.MIN_MAX: ("min_bucket_reso", "max_bucket_reso"),
    names.CONV: ("network_args conv_dim", "network_args conv_alpha"),
    names.BOTH_RATES: ("unet_lr", "text_encoder_lr"),
    names.REPEATED_EPOCHS: ("dataset_repeats", "max_train_epochs"),
}
"""Names that stand for two settings, whose values stand side by side."""
_WORDS = 7
"""Of a model's name; more are a sentence."""
_CYCLES = ("lr_scheduler", "lr_scheduler_num_cycles")
_CHECKPOINTS = re.compile(r"pony|illustrious|noob|animagine|juggernaut", re.IGNORECASE)
"""Names that tell the kind of a model, and are those of a single one as well."""
Clean = tuple[str, object, bool]
"""(option, value, whether the text has another value beside it)."""


def is_setting(found: Found) -> bool:
    """Return whether the name is that of a setting, not of something without meaning here, and has a value that it can have."""
    if not found.option or isinstance(WORDS.get(found.option), Meaningless):
        return False
    return bool([*_cleaned(found)])


def given(found: list[Found]) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Return what is given, each option once and what else is said of it, and what is left: values that could not be read."""
    said: dict[str, Entry] = {}
    arguments: dict[str, str] = {}
    left: list[tuple[str, str]] = []
    others: list[Entry] = []
    for each in found:
        cleaned = [*_cleaned(each)] if each.option else []
        if each.option and not cleaned:
            left.append((f"{each.shown}: {each.value}", "No value of this setting is found in it."))
        for option, value, more in cleaned:
            if option.startswith(names.ARGUMENT):
                arguments.setdefault(option.removeprefix(names.ARGUMENT), str(value))
            elif option in said and option not in (names.ABOUT, names.PICTURES, names.TRIGGER):
                if str(said[option].value) != str(value):
                    others.append(Entry(name=names.ALTERNATIVE, shown=each.shown, value=each.value))
            else:
                shown = (
                    each.shown
                    if each.option not in TWO and (each.option, option) != _CYCLES
                    else f"{each.shown}: {option}"
                )
                said[option if option not in said else f"{option} {len(said)}"] = Entry(
                    name=option, shown=shown, value=value
                )
                if more:
                    others.append(Entry(name=names.ALTERNATIVE, shown=each.shown, value=each.value))
    return [*_together(said, arguments), *others], left


def _together(said: dict[str, Entry], arguments: dict[str, str]) -> Iterator[Entry]:
    """Yield what is given, with what follows from several of them: the optimizer's arguments, and which parts are trained."""
    for option, each in said.items():
        if option == "max_train_steps" and "max_train_epochs" in said:
            yield Entry(name=names.DECIDED, shown=each.shown, value=each.value)
        elif option == "optimizer_args" and arguments:
            yield Entry(name=option, shown=each.shown, value=" ".join((str(each.value), *_pairs(arguments))))
        else:
            yield each
    if arguments and "optimizer_args" not in said:
        yield Entry(name="optimizer_args", shown=", ".join(arguments), value=" ".join(_pairs(arguments)))
    rate = said.get("text_encoder_lr")
    if rate is not None and "network_train_unet_only" not in said:
        off = str(rate.value).strip("0.") == ""
        yield Entry(name="network_train_unet_only", shown=f"{rate.shown} {rate.value}", value=off)


def _pairs(arguments: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in arguments.items()]


def _cleaned(found: Found) -> Iterator[Clean]:
    """Yield the option or options that a name stands for, with their values; none where the text has no such value."""
    option, value = found.option, found.value.strip().strip("\"'“”")
    if option in TWO:
        yield from _two(option, value)
    elif option == names.MODEL:
        yield from _model(value) if len(value.split()) <= _WORDS else ()
    elif option == names.PARTS:
        yield from _parts(value)
    elif option == "gradient_checkpointing" and value in ("all", "part"):
        yield f"{names.OWN}training.gradient_checkpointing", value, False
    elif option == names.SAVE_EVERY:
        yield from _save_every(value)
    elif option in _CHOICES:
        yield from _choice(option, value)
    elif option in _NUMBERS or _own_kind(option) in ("int", "float"):
        number = values.number(value)
        if number:
            yield option, number[0], number[1]
    elif option in SWITCHES or _own_kind(option) == "bool":
        on = values.switch(value)
        if on is not None:
            yield option, on, False
        elif option == "v_parameterization":
            yield option, True, False
    elif option.startswith(names.ARGUMENT):
        first = re.match(r"[\[(]?\s*[\w.+-]+(?:\s*,\s*[\w.+-]+)*\s*[\])]?", value)
        if first:
            yield option, re.sub(r"[\s\[\]()]", "", first[0]), False
    elif value:
        yield option, value, False


def _own_kind(option: str) -> str:
    """Return the kind of the setting that is named as it is here; '' for an option of sd-scripts."""
    return _KINDS.get(option.removeprefix(names.OWN), "") if option.startswith(names.OWN) else ""


def _two(option: str, value: str) -> Iterator[Clean]:
    """Yield two settings whose values stand side by side: "32/16"."""
    numbers = [
        values.number(part)
        for part in re.split(r"[/|&,]|\s+(?:and|-|–|x|×)\s+|(?<=\d)\s*[-–x×](?=\s*\d)", value)
        if part.strip()
    ]
    found = [number[0] for number in numbers if number]
    for name, number in zip(TWO[option], [*found, *found][: 2 if found else 0], strict=False):
        yield name, number, len(found) > len(TWO[option])


def _choice(option: str, value: str) -> Iterator[Clean]:
    """Yield the first value that is named; of an optimizer also its arguments, of a schedule its cycles."""
    found = _CHOICES[option](value)
    if found:
        yield option, found[0], found[1]
    elif option == "optimizer_type" and re.fullmatch(r"[A-Za-z][\w.+-]{1,40}", value.split("(")[0].strip()):
        yield option, value.split("(")[0].strip(), False
    if option == "optimizer_type":
        for name, inner in re.findall(r"(\w+)\s*=\s*(\([^)]*\)|\[[^\]]*\]|[\w.+-]+)", value):
            if names.KEYS.get(names.compact(name), "").startswith(names.ARGUMENT):
                yield names.KEYS[names.compact(name)], re.sub(r"[\s\[\]()]", "", inner), False
    cycles = re.search(r"(\d+)\s*(?:restarts?|cycles?)", value, re.IGNORECASE)
    if option == "lr_scheduler" and cycles:
        yield "lr_scheduler_num_cycles", cycles[1], False


def _model(value: str) -> Iterator[Clean]:
    """Yield the model's kind and its file, where the text is not the kind alone."""
    is_file = re.search(r"\.(?:safetensors|ckpt|sft|gguf)\b|\w/\w", value) is not None
    if titled(value) and not is_file:
        yield names.FAMILY, value, False
    if is_file or not titled(value) or _CHECKPOINTS.search(value):
        yield "pretrained_model_name_or_path", re.sub(r"\s+\([^)]*\)$", "", value), False


def _parts(value: str) -> Iterator[Clean]:
    """Yield what is trained, as a list of parts says."""
    words = value.lower()
    encoder = re.search(r"\btext|\bte\b|\bclip", words) is not None
    model = re.search(r"u-?net|diffusion|transformer|\bdit\b", words) is not None
    if model:
        yield "network_train_unet_only", not encoder, False
    elif encoder:
        yield "network_train_text_encoder_only", True, False


def _save_every(value: str) -> Iterator[Clean]:
    number = values.number(value)
    if number or re.match(r"(?:epoch|step)", value, re.IGNORECASE):
        unit = "steps" if "step" in value.lower() else "epochs"
        yield f"save_every_n_{unit}", number[0] if number else "1", False
