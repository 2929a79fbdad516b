"""A user's own lists of values for axes: one JSON file each in a folder of the host, where all browsers find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import AthanorError, quoted
from ..settings.named_files import NamedFiles
from . import kinds


@dataclass(frozen=True, slots=True)
class ValueList:
    """A text of values under a name, for axes of one type."""

    name: str
    about: str
    type: str
    values: str


def kept(folder: Path) -> NamedFiles[ValueList]:
    """Return the lists of a folder."""
    return NamedFiles(folder=folder, read=_read, written=asdict)


def _read(body: Mapping[str, Any]) -> ValueList:
    kind, values = body.get("type"), body.get("values")
    if not isinstance(kind, str) or not isinstance(values, str):
        raise AthanorError("A list has a type and values, which are texts.")
    if kind not in kinds.KINDS:
        raise AthanorError(f"type {quoted(kind)} is none of XYZ Axis.")
    if not values.strip():
        raise AthanorError("The list holds no values: write some into XYZ Axis first.")
    return ValueList(body["name"], body["about"], kind, values)
