"""The TOML of --dataset_config: general settings, those of datasets, and those of their subsets, each a folder of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import AthanorError
from ..document import Document
from ..rules import Contents, Entry
from ..values import text
from .toml_lines import mended

_RENAMED = {"batch_size": "train_batch_size", "num_repeats": "dataset_repeats", "image_dir": "train_data_dir"}
"""Key of the TOML -> the option of the command line that is the same."""
_OF_BUCKETER = (
    "resolution",
    "batch_size",
    "enable_bucket",
    "min_bucket_reso",
    "max_bucket_reso",
    "bucket_reso_steps",
    "bucket_no_upscale",
    "resize_interpolation",
    "validation_split",
    "validation_seed",
)
"""Keys that each dataset has there, and that all pictures have together here."""
_ONE_BUCKETER = "All pictures share one Bucketer here: what the first dataset says is used."
_ONE_LOADER = "The same folder has the same settings at all its resolutions here: what the first dataset says is used."
_OUTSIDE = "It stands outside of general and datasets, where sd-scripts takes nothing."
_MOST = 200
"""Folders of pictures in a recipe, each a node."""


@dataclass(slots=True)
class _Found:
    entries: list[Entry] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    loaders: int = 0
    sizes: list[str] = field(default_factory=list)
    """Resolutions besides the first one."""


def read(document: Document) -> Contents | None:
    """Return what the TOML or JSON of a dataset says; None where a file is none."""
    table, unread = document.toml or document.json, []  # sd-scripts takes both
    if table is None and document.ending in ("", ".toml", ".txt") and "[[datasets.subsets]]" in document.text:
        lines = document.text.split("\n")
        table, unread = mended(document.text) if not any("--" in line for line in lines) else (None, [])
    found = read_table(table) if isinstance(table, dict) else None
    return replace(found, unread=(*unread, *found.unread)) if found else None


def read_table(table: Mapping[str, Any]) -> Contents | None:
    """Return what the table of such a TOML says; None where it is another one.

    Raises:
        AthanorError: it has datasets that are no tables, or too many of them.
    """
    datasets = table.get("datasets")
    if not isinstance(datasets, list) or not any(isinstance(each, dict) and "subsets" in each for each in datasets):
        return None
    found = _Found()
    found.entries.append(Entry(name="datasets", value=f"{len(datasets)}"))
    _add(found, table.get("general", {}), "general", None)
    found.unread += [(name, _OUTSIDE) for name in table if name not in ("general", "datasets")]
    seen: dict[tuple[str, ...], tuple[int, dict[str, Any]]] = {}
    for number, dataset in enumerate(datasets, 1):
        if not isinstance(dataset, dict):
            raise AthanorError(f"datasets {number} is no table: write it as [[datasets]].")
        _dataset(found, dataset, number, seen, datasets[0])
    if found.sizes:
        found.entries.append(
            Entry(name="extra_resolutions", shown="resolution of the other datasets", value=", ".join(found.sizes))
        )
    return Contents(entries=tuple(found.entries), datasets=max(1, found.loaders), unread=tuple(found.unread))


def _dataset(
    found: _Found,
    dataset: dict[str, Any],
    number: int,
    seen: dict[tuple[str, ...], tuple[int, dict[str, Any]]],
    first: dict[str, Any],
) -> None:
    subsets = [each for each in _list(dataset.get("subsets")) if isinstance(each, dict)]
    at = f"datasets {number}"
    own = {name: value for name, value in dataset.items() if name != "subsets"}
    folders = tuple(text(each.get("image_dir")) for each in subsets)
    if folders in seen:
        start, before = seen[folders]
        _again(found, own, subsets, at, start, before)
        return
    start = found.loaders
    seen[folders] = (start, dataset)
    found.loaders += len(subsets)
    if found.loaders > _MOST:
        raise AthanorError(f"The recipe has more than {_MOST} folders of pictures: import it in parts.")
    for name in [name for name in own if number > 1 and name in _OF_BUCKETER and own[name] != first.get(name)]:
        found.unread.append((f"{at}: {name} = {text(own.pop(name))}", _ONE_BUCKETER))
    _add(found, own, at, tuple(range(start, found.loaders)))
    for place, subset in enumerate(subsets):
        where = f"{at}, subset {place + 1}" if len(subsets) > 1 else at
        _add(found, subset, where, (start + place,))


def _again(
    found: _Found, own: dict[str, Any], subsets: list[dict[str, Any]], at: str, start: int, before: dict[str, Any]
) -> None:
    """Read a dataset whose folders another one has had: the same pictures at one more resolution."""
    size = own.pop("resolution", None)
    if size is not None and size != before.get("resolution"):
        found.sizes.append("x".join(text(side) for side in size) if isinstance(size, list) else text(size))
    pairs = [(own, before, at, tuple(range(start, start + len(subsets))))]
    pairs += [
        (subset, dict(_list(before.get("subsets"))[place]), f"{at}, subset {place + 1}", (start + place,))
        for place, subset in enumerate(subsets)
    ]
    for values, earlier, where, loaders in pairs:
        same = {name: value for name, value in values.items() if value == earlier.get(name)}
        _add(found, same, where, loaders)
        found.unread += [
            (f"{where}: {name} = {text(values[name])}", _ONE_LOADER) for name in values if name not in same
        ]


def _add(found: _Found, values: Any, at: str, loaders: tuple[int, ...] | None) -> None:
    if not isinstance(values, dict):
        raise AthanorError(f"{at} is no table of settings.")
    for name, value in values.items():
        known = _RENAMED.get(str(name), str(name))
        found.entries.append(
            Entry(name=known, shown=name if known != name else "", value=value, at=at, datasets=loaders)
        )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
