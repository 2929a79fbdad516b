"""Turn a LoRA file's metadata back into settings: ours exactly, sd-scripts' as far as its fields tell."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..settings import NetworkSettings, SamplingSettings, Settings, identity
from ..settings.differences import changed, flat, in_words
from . import metadata_keys, peft

PEFT = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "rs_lora": "use_rslora", "dora": "use_dora"}
"""Network settings -> what PEFT calls them."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a file tells of the settings it was trained with."""

    groups: dict[type[Settings], Settings]  # with our defaults where the file says nothing
    missing: tuple[str, ...]  # fields the file lacks; nothing is invented for them
    refused: tuple[str, ...]  # what it says, but cannot be had here
    otherwise: tuple[str, ...]  # what was asked for and trained otherwise, a line for each


def recover(metadata: Mapping[str, str], parts: Iterable[str] = ()) -> Recovered:
    """Return the settings that were trained with: those of the whole job in our own files, else what the fields tell.

    Args:
        metadata: of the file.
        parts: that the file has layers of (unet, te1 ...).
    """
    asked, changes = _json(metadata, "athanor_job"), _json(metadata, "athanor_trained")
    job, of_fields = changed(asked, changes), metadata_keys.read(metadata)
    adapter = _peft(metadata)
    groups: dict[type[Settings], Settings] = {}
    missing: list[str] = []
    refused: list[str] = []
    for path, group in metadata_keys.GROUPS.items():
        if group is SamplingSettings or "." in path:  # blocks are a part of the network
            continue
        of_job = identity.read(group, _of_job(job, path))
        values = dict(of_job)
        if not of_job:
            values = {name.partition(".")[2]: value for name, value in of_fields.items() if name.startswith(f"{path}.")}
            missing += [] if job else metadata_keys.missing(metadata, path)
        if group is NetworkSettings and not of_job:
            values = _with_blocks(values) | adapter | _trained(set(parts))
        groups[group] = _parsed(group, values, refused)
    from_peft = {key for name in adapter for key in metadata_keys.keys_of(f"network.{name}")}
    return Recovered(
        groups=groups,
        missing=tuple(key for key in missing if key not in from_peft),
        refused=tuple(refused),
        otherwise=tuple(in_words(asked, changes)),
    )


def _with_blocks(values: dict[str, Any]) -> dict[str, Any]:
    """Network settings of which those of blocks ("blocks.reg_dims") are a group of their own."""
    blocks = {name.removeprefix("blocks."): value for name, value in values.items() if name.startswith("blocks.")}
    others = {name: value for name, value in values.items() if not name.startswith("blocks.")}
    return others | ({"blocks": blocks} if blocks else {})


def _trained(parts: set[str]) -> dict[str, str]:
    """NetworkSettings.train, from the parts that a file has; nothing without any."""
    if not parts:
        return {}
    both = "unet + text encoder" if "unet" in parts else "text encoder"
    return {"train": "unet" if parts == {"unet"} else both}


def _json(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """Return a field of our own files; {} if it is not there, or broken."""
    try:
        values = json.loads(metadata.get(key, "{}"))
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _of_job(job: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a group's values in a job; of several datasets, the first's; {} if it has none."""
    values = job.get(path)
    if isinstance(values, list):
        values = values[0] if values else None
    return dict(values) if isinstance(values, dict) else {}


def _parsed(group: type[Settings], values: dict[str, Any], refused: list[str]) -> Settings:
    """Return the group, without the values it does not take; they are noted."""
    values = {key: value for key, value in values.items() if key in group.model_fields}
    while True:
        try:
            return group.model_validate(values, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else next(iter(values))
            refused.append(f"{name} = {values.pop(name, '')}")


def _peft(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Network settings of a file that has PEFT's instead of sd-scripts'."""
    adapter = peft.settings(metadata)
    values = {ours: peft.field_of(adapter, theirs) for ours, theirs in PEFT.items()} if adapter else {}
    return {ours: value for ours, value in values.items() if value is not None}


def words(settings: Settings) -> str:
    """Return a group's values that are not the defaults, for reading."""
    default = flat(type(settings)().model_dump())
    changed = {name: value for name, value in flat(settings.model_dump()).items() if value != default[name]}
    return ", ".join(f"{name} {value}" for name, value in changed.items()) or "all defaults"
