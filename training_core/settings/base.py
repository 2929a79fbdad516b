"""How a setting is declared, described and parsed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import AthanorError


class Settings(BaseModel):
    """A frozen group of settings; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def setting(
    default: Any,
    tip: str,
    *,
    flag: str | None = None,
    key: str | None = None,
    step: float | None = None,
    advanced: bool = False,
    multiline: bool = False,
    fixed_seed: bool = False,
    later: bool = False,
    **bounds: Any,
) -> Any:
    """One field: `tip` is the tooltip, `flag` the sd-scripts option, `step` the widget's step, `bounds` ge / le; `later`: prompts
    that were saved before it was there lack it. `key`: the field of a LoRA file's metadata that tells it, where that is not ss_ and the
    flag; of "ss_network_args algo" the second word is a member of the field's JSON.
    """
    extra = {
        "flag": flag,
        "key": key or (f"ss_{flag}" if flag else None),
        "step": step,
        "advanced": advanced,
        "multiline": multiline,
        "fixed_seed": fixed_seed,
        "later": later,
    }
    return Field(default, description=tip, json_schema_extra=extra, **bounds)


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """What a screen needs to know about one setting."""

    name: str
    kind: Literal["int", "float", "bool", "str", "choice"]
    default: Any
    tip: str
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: tuple[str, ...]
    flag: str | None
    key: str | None  # of metadata; None: no field of it tells this one
    advanced: bool
    multiline: bool
    fixed_seed: bool
    later: bool


def info(model: type[Settings]) -> list[SettingInfo]:
    """The settings of a group, in the order of their definition."""
    result = []
    for name, field in model.model_fields.items():
        if isinstance(field.default, Settings):  # a group of its own, from another node
            continue
        extra = dict(field.json_schema_extra or {})
        limits = {type(m).__name__: m for m in field.metadata}
        annotation = field.annotation
        choices = tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()
        kind = "choice" if choices else {int: "int", float: "float", bool: "bool", str: "str"}[annotation]
        result.append(
            SettingInfo(
                name=name,
                kind=kind,
                default=field.default,
                tip=field.description or "",
                minimum=getattr(limits.get("Ge"), "ge", None),
                maximum=getattr(limits.get("Le"), "le", None),
                choices=choices,
                **{
                    key: extra.get(key)
                    for key in ("step", "flag", "key", "advanced", "multiline", "fixed_seed", "later")
                },
            )
        )
    return result


M = TypeVar("M", bound=Settings)


def parse(model: type[M], values: Mapping[str, Any]) -> M:
    """Build a settings group; the first thing wrong becomes one sentence.

    Raises:
        AthanorError: names the field, what is wrong and what is allowed.
    """
    try:
        return model(**values)
    except ValidationError as error:
        raise AthanorError(_sentence(model, error.errors()[0])) from None


def _sentence(model: type[Settings], error: Any) -> str:
    field, value, kind, context = (
        ".".join(map(str, error["loc"])),
        error.get("input"),
        error["type"],
        error.get("ctx", {}),
    )
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(field, model.model_fields, 1)
        return f"{field}: there is no such setting{f'; did you mean {near[0]}?' if near else '.'}"
    if kind == "greater_than_equal":
        return f"{field} is {value}: it must be at least {_plain(context['ge'])}."
    if kind == "less_than_equal":
        return f"{field} is {value}: it must be at most {_plain(context['le'])}."
    if kind == "literal_error":
        return f"{field} is '{value}': it must be one of {context['expected']}."
    if kind == "value_error":  # our own validators speak in whole sentences
        return str(context["error"])
    return f"{field} is {value!r}: {error['msg'][:1].lower()}{error['msg'][1:]}."


def _plain(value: float) -> str:
    return str(int(value)) if not math.isinf(value) and value == int(value) else str(value)
