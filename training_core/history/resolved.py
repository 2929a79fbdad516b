"""resolved.json in a run's folder: in what the trained job differs from the one that was asked for, which job.json holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..settings import BucketSettings, Job, SamplingSettings, Settings, identity
from ..settings.differences import changed, differences, flat, in_words
from . import registry


def write(folder: Path, asked: Job, trained: Job) -> None:
    """Write resolved.json; a run that goes on writes its own, as another card may compute in another way."""
    write_json(folder / "resolved.json", differences(asked, trained), indent=1)


def read(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the trained job as JSON has it, and a line for each setting that was asked for otherwise.

    A run of an older version has no resolved.json: its job is the one that was asked for. A folder without job.json
    gives ({}, []).
    """
    job, changes = registry.job(folder), read_json(folder / "resolved.json", {})
    job.pop("graph", None)
    return changed(job, changes), in_words(job, changes)


GROUPS: dict[str, type[Settings]] = {
    "buckets": BucketSettings,
    **{name: type(f.default) for name, f in Job.model_fields.items() if isinstance(f.default, Settings)},
    "sampling": SamplingSettings,
}
"""Groups of settings of a job by their names, without the datasets, of which there are several."""


def unlike_defaults(folder: Path) -> dict[str, dict[str, Any]]:
    """Return group -> setting -> value of the trained job, where it is not the default; groups without any are left out."""
    trained, _ = read(folder)
    result = {}
    for group, kind in GROUPS.items():
        values = trained.get(group)
        if not isinstance(values, dict):
            continue
        default = flat(kind().model_dump(mode="json"))
        stored = flat(identity.read(kind, values))
        if other := {name: value for name, value in stored.items() if value != default.get(name)}:
            result[group] = other
    return result


def rows(folder: Path) -> list[tuple[str, str]]:
    """Return (group, its settings that are not at their defaults) of the trained job, in words; without pictures and samples."""
    return [
        (group, ", ".join(f"{name} {value}" for name, value in values.items()))
        for group, values in unlike_defaults(folder).items()
        if group not in ("buckets", "sampling")
    ]
