"""Which settings of two jobs differ: what was asked for, and what is trained with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .job import Job

Differences = dict[str, dict[str, Any]]
"""Group -> setting -> value; a group within a group stands under its path ("network.blocks")."""


def differences(asked: Job, trained: Job) -> Differences:
    """Return the trained values of all settings in which the two jobs differ, without datasets, which never do."""
    result: Differences = {}
    for group, name, before, after in _pairs("", asked.model_dump(mode="json"), trained.model_dump(mode="json")):
        if before != after:
            result.setdefault(group, {})[name] = after
    return result


def _pairs(group: str, asked: Mapping[str, Any], trained: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield (group, setting, value asked for, value trained with) of every setting."""
    for name, before in asked.items():
        if isinstance(before, dict):
            yield from _pairs(f"{group}.{name}".lstrip("."), before, trained[name])
        elif group:
            yield group, name, before, trained[name]


def changed(job: Mapping[str, Any], changes: Any) -> dict[str, Any]:
    """Return a job, as JSON has it, with the values of `differences`; values of unknown groups are ignored."""
    result = dict(job)
    for path, values in changes.items() if isinstance(changes, dict) else ():
        group, _, inner = path.partition(".")
        old = result.get(group)
        if not isinstance(old, dict) or not isinstance(values, dict):
            continue
        before = old.get(inner) if inner else old
        if isinstance(before, dict):
            result[group] = old | {inner: before | values} if inner else old | values
    return result


def in_words(asked: Mapping[str, Any], changes: Any) -> list[str]:
    """Return one line per setting of `differences`: "noise_offset 0.0 (asked for: 0.1)".

    Args:
        asked: the job that was asked for, as JSON has it.
        changes: as `differences` gives them, read from a file.
    """
    lines = []
    for path, values in changes.items() if isinstance(changes, dict) else ():
        before: Any = asked
        for group in path.split("."):
            before = before.get(group) if isinstance(before, dict) else None
        if isinstance(before, dict) and isinstance(values, dict):
            lines += [f"{name} {value} (asked for: {before.get(name)})" for name, value in values.items()]
    return lines


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return setting -> value of a group and of the groups inside it, all of whose names are different."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        result |= flat(value) if isinstance(value, dict) else {name: value}
    return result
