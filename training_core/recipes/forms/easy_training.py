"""LoRA Easy Training Scripts (derrian-distro): a TOML with options of sd-scripts in tables of its page, and with subsets of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..document import Document
from ..rules import Contents, Entry
from ..values import text
from .sd_scripts_dataset import read_table
from .sd_scripts_told import told

_RENAMED = {"batch_size": "train_batch_size", "warmup_ratio": "lr_warmup_steps", "decay_ratio": "lr_decay_steps"}
_LISTS = ("network_args", "optimizer_args", "lr_scheduler_args")
_TABLES = ("args", "dataset_args")


def read(document: Document) -> Contents | None:
    """Return what such a TOML says; None where a text is another one."""
    table = document.toml or {}
    parts = [
        inner
        for section in table.values()
        if isinstance(section, dict)
        for name, inner in section.items()
        if name in _TABLES and isinstance(inner, dict)
    ]
    if not parts:
        return None
    given = [each for part in parts for each in _given(part)]
    subsets = table.get("subsets")
    pictures = read_table({"datasets": [{"subsets": subsets}]}) if isinstance(subsets, list) else None
    if pictures is not None:
        named = [
            replace(each, name="described", shown="name") if each.name == "name" else each for each in pictures.entries
        ]
        pictures = replace(pictures, entries=tuple(named))
    given += [Entry(name="described", shown=name, value=text(value)) for name, value in _rest(table)]
    options = told(given)
    if pictures is None:
        return options
    return Contents(
        entries=(*options.entries, *pictures.entries),
        datasets=pictures.datasets,
        unread=(*options.unread, *pictures.unread),
    )


def _given(part: Mapping[str, Any]) -> list[Entry]:
    given = []
    for name, value in part.items():
        if name in _LISTS and isinstance(value, dict):
            given.append(Entry(name=name, value=[f"{key}={text(inner)}" for key, inner in value.items()]))
        else:
            given.append(Entry(name=_RENAMED.get(name, name), shown=name if name in _RENAMED else "", value=value))
    return given


def _rest(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return what a table says besides options and pictures: train_mode."""
    return [
        (f"{section}.{name}", value)
        for section, values in table.items()
        if isinstance(values, dict)
        for name, value in values.items()
        if name not in _TABLES
    ]
