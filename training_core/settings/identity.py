"""Identities of settings: the same settings get the same id in every later version of the pack.

A setting at its default leaves no trace in an identity, so a new setting changes no id. What a version renames or gives
another default says so where the setting is declared: `was` and `first_default` of `setting` (base.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from .base import Settings, declared

FORMAT = 1
"""Part of every identity. Another rule needs another number, and then all runs count as new ones."""


@dataclass(frozen=True, slots=True)
class SettingValue:
    """One setting of a job, at any depth."""

    key: str  # what identities call it: its path with the oldest names, such as network.blocks.reg_dims
    name: str  # its name today
    value: Any
    default: Any  # that identities go by


def read(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that any version has written, by the names of today and without those that `kind` has no setting for."""
    known = {}
    for name, field in kind.model_fields.items():
        stored = next((each for each in _names(name, field) if each in values), None)
        if stored is not None:
            known[name] = _read(_group(field.annotation), values[stored])
    return known


def _read(inner: type[Settings] | None, value: Any) -> Any:
    """Return a field's value as `read` does, of a group or of each of several groups; other values as they are."""
    if inner and isinstance(value, Mapping):
        return read(inner, value)
    return [_read(inner, part) for part in value] if inner and isinstance(value, list | tuple) else value


def unknown(kind: type[Settings], values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of each value that this version has no setting for, such as loss.setting_of_tomorrow."""
    fields = {old: f for name, f in kind.model_fields.items() for old in _names(name, f)}
    for name, value in values.items():
        inner = _group(fields[name].annotation) if name in fields else None
        if name not in fields:
            yield f"{path}{name}"
        for each in value if isinstance(value, list | tuple) else [value]:
            if inner and isinstance(each, Mapping):
                yield from unknown(inner, each, f"{path}{name}.")


def entries(
    kind: type[Settings],
    values: Mapping[str, Any],
    without: Mapping[str, frozenset[str]],
    path: str = "",
    group: str = "",
) -> Iterator[SettingValue]:
    """Yield every setting of `kind` with its value in `values`, which any version has written; what that lacks is at its default.

    Args:
        without: names to leave out, by the name of their group in the job; "" are those of the job itself.
    """
    known = read(kind, values)
    for name, field in kind.model_fields.items():
        if name in without.get(group, ()):
            continue
        oldest = _names(name, field)[1:2] or (name,)
        key = path + oldest[0]
        inner, value = _group(field.annotation), known.get(name)
        if inner and get_origin(field.annotation) is tuple:
            parts = list(value or ())
            yield SettingValue(key, name, len(parts), None)
            for i, part in enumerate(parts):
                yield from entries(inner, part, without, f"{key}.{i}.", group or name)
        elif inner:
            yield from entries(inner, value or {}, without, f"{key}.", group or name)
        else:
            first = declared(field).get("first_default")
            default = _plain(field.default if first is None else first)
            yield SettingValue(key, name, _plain(known[name]) if name in known else default, default)


def digest(kind: type[Settings], values: Mapping[str, Any], without: Mapping[str, frozenset[str]]) -> str:
    """Return 16 hex digits: the same for two sets of values exactly if no setting differs, those of `without` aside."""
    trace = {entry.key: entry.value for entry in entries(kind, values, without) if entry.value != entry.default}
    text = json.dumps({"format": FORMAT, "settings": trace}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return a field's current name and its earlier ones, the oldest of them first."""
    return name, *declared(field).get("was", ())


def _group(annotation: Any) -> type[Settings] | None:
    """Return the settings group that a field holds, alone or as tuple[group, ...]; None if it holds a value."""
    inner = get_args(annotation)[0] if get_origin(annotation) is tuple else annotation
    return inner if isinstance(inner, type) and issubclass(inner, Settings) else None


def _plain(value: Any) -> Any:
    """Return 1.0 as 1 and a tuple as a list, so that neither JSON nor a field that becomes a float changes an identity."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
