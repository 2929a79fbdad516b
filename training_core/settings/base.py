"""Declares a setting (`setting`), lists those of a group (`info`) and builds a group from values (`parse`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from ..errors import AthanorError, quoted, shortened
from ..names import close_to


class Settings(BaseModel):
    """A group of settings that cannot be changed once it is built; a name that it does not know is an error."""

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
    was: tuple[str, ...] = (),
    old_values: Mapping[str, str] | None = None,
    first_default: Any = None,
    since: str = "0.1.0",
    **bounds: Any,
) -> Any:
    """Declare one field of a settings group.

    Args:
        default: the value where a user says nothing.
        tip: the tooltip of its widget, a sentence.
        flag: the option of sd-scripts that does the same.
        key: the field of a LoRA file's metadata that tells it, where that is not ss_ and the flag; of "ss_network_args algo" the
            second word is a member of the field's JSON.
        step: by how much the arrows of its widget change it.
        advanced: the page shows it only after "show advanced".
        multiline: a text with several lines.
        fixed_seed: a seed; its widget offers "control after generate", which is "fixed" at first.
        was: names that it had before, the oldest first: files and workflows of that time are read, and run ids stay.
        old_values: what values mean, as texts, that are no choices any more; the host would refuse a prompt that has one.
        first_default: its default when it came, if `default` is another one now: run ids stay (identity.py).
        since: the version of Athanor that had it first.
        bounds: `ge` and `le`, the least and the largest value.
    """
    extra = {
        "flag": flag,
        "key": key or (f"ss_{flag}" if flag else None),
        "step": step,
        "advanced": advanced,
        "multiline": multiline,
        "fixed_seed": fixed_seed,
        "was": was,
        "old_values": old_values or {},
        "first_default": first_default,
        "since": since,
    }
    return Field(default, description=tip, json_schema_extra=extra, **bounds)


Kind = Literal["int", "float", "bool", "str", "choice"]
_KINDS: dict[Any, Kind] = {int: "int", float: "float", bool: "bool", str: "str"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingInfo:
    """One setting as node inputs, help pages and identities need it."""

    name: str
    kind: Kind
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
    was: tuple[str, ...]
    old_values: Mapping[str, str]
    since: str


def declared(field: FieldInfo) -> dict[str, Any]:
    """Return what `setting` was given for a field besides its default, its tooltip and its bounds, by name."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}


_TOLD = ("step", "flag", "key", "advanced", "multiline", "fixed_seed", "was", "old_values", "since")


def info(model: type[Settings]) -> list[SettingInfo]:
    """Return the settings of a group in the order of their definition, without groups inside it."""
    result = []
    for name, field in model.model_fields.items():
        if isinstance(field.default, Settings):  # a group of its own, from another node
            continue
        extra = declared(field)
        limits = {type(m).__name__: m for m in field.metadata}
        annotation = field.annotation
        choices = tuple(get_args(annotation)) if get_origin(annotation) is Literal else ()
        kind: Kind = "choice" if choices else _KINDS[annotation]
        result.append(
            SettingInfo(
                name=name,
                kind=kind,
                default=field.default,
                tip=field.description or "",
                minimum=getattr(limits.get("Ge"), "ge", None),
                maximum=getattr(limits.get("Le"), "le", None),
                choices=choices,
                **{key: extra[key] for key in _TOLD},
            )
        )
    return result


M = TypeVar("M", bound=Settings)


def parse(model: type[M], values: Mapping[str, Any]) -> M:
    """Build a settings group from values by name; what is left out takes its default.

    Raises:
        AthanorError: for the first value that is wrong; the sentence names the field and what is allowed.
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
        near = close_to(field, model.model_fields)
        return f"{shortened(field)}: there is no such setting{f'; did you mean {near[0]}?' if near else '.'}"
    if kind == "greater_than_equal":
        return f"{field} is {shortened(value)}: it must be at least {_plain(context['ge'])}."
    if kind == "less_than_equal":
        return f"{field} is {shortened(value)}: it must be at most {_plain(context['le'])}."
    if kind == "literal_error":
        return f"{field} is {quoted(value)}: it must be one of {context['expected']}."
    if kind == "value_error":  # our own validators speak in whole sentences
        return str(context["error"])
    shown = quoted(value) if isinstance(value, str) else shortened(repr(value))
    return f"{field} is {shown}: {error['msg'][:1].lower()}{error['msg'][1:]}."


def _plain(value: float) -> str:
    return str(int(value)) if not math.isinf(value) and value == int(value) else str(value)
