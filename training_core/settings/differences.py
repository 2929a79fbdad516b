"""Which settings of two jobs differ: what was asked for, and what is trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .job import Job

Differences = dict[str, dict[str, Any]]
"""Group -> setting -> value; a group within a group stands under its path ("network.blocks")."""


def differences(asked: Job, trained: Job) -> Differences:
    """The values that are trained with, of all settings in which the two jobs differ; datasets apart, which never do."""
    result: Differences = {}
    for group, name, before, after in _pairs("", asked.model_dump(mode="json"), trained.model_dump(mode="json")):
        if before != after:
            result.setdefault(group, {})[name] = after
    return result


def _pairs(group: str, asked: Mapping[str, Any], trained: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """(group, setting, value asked for, value trained with) of every setting."""
    for name, before in asked.items():
        if isinstance(before, dict):
            yield from _pairs(f"{group}.{name}".lstrip("."), before, trained[name])
        elif group:
            yield group, name, before, trained[name]


def changed(job: Mapping[str, Any], changes: Any) -> dict[str, Any]:
    """A job as JSON has it, with the values of `differences`; what does not fit is passed over."""
    result = dict(job)
    for path, values in changes.items() if isinstance(changes, dict) else ():
        group, _, inner = path.partition(".")
        old = result.get(group)
        if not isinstance(old, dict) or not isinstance(values, dict):
            continue
        result[group] = old | ({inner: dict(old.get(inner) or {}) | values} if inner else values)
    return result
