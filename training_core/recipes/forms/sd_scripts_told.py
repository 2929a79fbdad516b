"""What all forms of sd-scripts' words have in common: arguments one by one, and a Dataset Loader of its own for regularization pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..rules import Contents, Entry
from .sd_scripts_network import arguments, network_args

_FOLDERS = {"train_data_dir": 0, "reg_data_dir": 1}


def told(given: Iterable[Entry], unread: Iterable[tuple[str, str]] = ()) -> Contents:
    """Return what options say; reg_data_dir has a Dataset Loader of its own, which all options of pictures are about, too."""
    parts = [part for each in given for part in _parts(each)]
    regularized = any(each.name == "reg_data_dir" and each.value for each in parts)
    if regularized:
        parts = [replace(each, datasets=(_FOLDERS[each.name],)) if each.name in _FOLDERS else each for each in parts]
    return Contents(entries=tuple(parts), datasets=2 if regularized else 1, unread=tuple(unread))


def _parts(given: Entry) -> list[Entry]:
    """Return network_args and lr_scheduler_args argument by argument, whatever else as it is."""
    if given.name == "network_args" and given.value:
        found = network_args(given.value)
    elif given.name == "lr_scheduler_args" and given.value:
        found = [Entry(name=f"lr_scheduler_args {name}", value=value) for name, value in arguments(given.value)]
    else:
        return [given]
    return [replace(each, at=given.at, datasets=given.datasets) for each in found] or [given]
