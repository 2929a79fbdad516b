"""A user's own presets: one JSON file each in a folder of the host, where all browsers find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import AthanorError, shortened
from .named_files import NamedFiles
from .presets import PURPOSES, Preset, checked

PREFIX = "own:"
"""The id of an own preset is this and its name."""


def kept(folder: Path, families: Iterable[str]) -> NamedFiles[Preset]:
    """Return the presets of a folder; a preset without a family is for all, one without a purpose for any.

    Args:
        families: the titles that a preset's families can have.
    """
    known = frozenset(families)
    return NamedFiles(folder=folder, read=lambda body: _preset(body, known), written=_written)


def _preset(body: Mapping[str, Any], families: frozenset[str]) -> Preset:
    settings = body.get("settings")
    if not isinstance(settings, dict):
        raise AthanorError("A preset has a name and about, which are texts, and settings by group.")
    return Preset(
        id=PREFIX + body["name"],
        name=body["name"],
        families=_some("families", body.get("families", []), families),
        purposes=_some("purposes", body.get("purposes", []), frozenset(PURPOSES)) or ("any",),
        about=body["about"],
        source="",
        settings=checked(settings),
    )


def _some(field: str, values: Any, known: frozenset[str]) -> tuple[str, ...]:
    if not isinstance(values, list) or any(value not in known for value in values if isinstance(value, str)):
        raise AthanorError(f"{field} is {shortened(values)}: it takes a list of {', '.join(sorted(known))}.")
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))


def _written(preset: Preset) -> dict[str, Any]:
    return {
        "name": preset.name,
        "families": list(preset.families),
        "purposes": list(preset.purposes),
        "about": preset.about,
        "settings": preset.settings,
    }
