"""In what the settings of several runs differ, as a table: one row for each setting, one value of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..settings import DatasetSettings, Settings, identity
from ..settings.differences import flat
from . import resolved, run_facts, run_json
from .registry import Record

_FINGERPRINTS = {"model_fingerprint": "model, CLIP and VAE", "dataset_fingerprint": "pictures and captions"}
"""What a job tells of content that has no name: only whether it is the same."""

Row = dict[str, Any]


def table(records: Sequence[Record]) -> list[Row]:
    """Return the settings in which runs differ, as they were trained.

    Args:
        records: of the runs.

    Returns:
        rows of group (as in `settings` of a run; "datasets 2" of the second dataset, "" of what is no setting), name (as the
        widget is called) and values: one of each run, None where a run has no such setting.
    """
    runs = [_values(record) for record in records]
    keys = dict.fromkeys(key for run in runs for key in run)
    rows = [{"group": key[0], "name": key[1], "values": [run.get(key) for run in runs]} for key in keys]
    return [row for row in rows if any(value != row["values"][0] for value in row["values"])]


_Values = dict[tuple[str, str], Any]


def _values(record: Record) -> _Values:
    """Return (group, setting) -> value of a run, what it was made of first."""
    job, _ = resolved.read(record.folder)
    pictures = run_facts.dataset(record.folder)
    values: _Values = {
        ("", "base model"): run_json.base_model(record.folder),
        ("", "dataset"): ", ".join(
            f"{each['folder']} ({each['pictures']} x {each['repeats']})" for each in pictures["folders"]
        ),
        ("", "pictures"): pictures["pictures"],
        ("", "steps"): record.steps,
    }
    for key, name in _FINGERPRINTS.items():
        if isinstance(job.get(key), str):
            values["", name] = job[key][:8]
    subsets = job.get("datasets")
    for number, subset in enumerate(subsets if isinstance(subsets, list) else [], 1):
        values |= _group(f"datasets {number}" if number > 1 else "datasets", DatasetSettings, subset)
    for group, kind in resolved.GROUPS.items():
        values |= _group(group, kind, job.get(group))
    return values


def _group(group: str, kind: type[Settings], stored: Any) -> _Values:
    """Return all settings of a group; one that the job lacks is at its default, which older versions left out."""
    if not isinstance(stored, Mapping):
        return {}
    known = flat(kind().model_dump(mode="json")) | flat(identity.read(kind, stored))
    return {(group, name): _told(value) for name, value in known.items()}


def _told(value: Any) -> Any:
    """Return a value as it is shown in one cell: lists as text."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
