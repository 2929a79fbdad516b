"""A user's own presets: one JSON file each in a folder of the host, where all browsers find them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import file_names
from ..errors import AthanorError, quoted, shortened
from ..files import file_errors, write_json
from ..json_text import parse_json
from .presets import PURPOSES, Preset, checked

MOST = 500
"""Own presets that are kept and read."""
_LONGEST_NAME, _LONGEST_TEXT, _LARGEST = 80, 2000, 200_000
"""Characters of a name and of a note; bytes of a file."""
PREFIX = "own:"
"""The id of an own preset is this and its name."""


class TakenName(AthanorError):
    """There is a preset of this name, which is not to be replaced."""

    __module__ = "athanor"  # see errors.AthanorError


def listed(folder: Path, families: Iterable[str]) -> tuple[list[Preset], list[str]]:
    """Return the presets of a folder by name, and one sentence for each file that is none.

    Args:
        families: the titles that a preset's families can have.
    """
    known, presets, unread = frozenset(families), [], []
    for path in sorted(folder.glob("*.json"), key=lambda path: path.name.casefold())[:MOST]:
        try:
            presets.append(_read(path, known))
        except AthanorError as error:
            unread.append(f"{shortened(path.name)} is left out: {error}")
    return presets, unread


def save(folder: Path, body: Mapping[str, Any], families: Iterable[str], replace: bool) -> Preset:
    """Write a preset, whole or not at all, and return it.

    Args:
        body: `name`, `families`, `purposes`, `about`, `settings`; without a family it is for all, without a purpose for any.
        families: the titles that its families can have.
        replace: whether it may take the place of another one of its name.

    Raises:
        AthanorError: names what is wrong with it; `TakenName` if there is one of this name.
        FileError: the folder cannot be written.
    """
    preset = _preset(body, frozenset(families))
    path = _path(folder, preset.name)
    taken = [each for each in folder.glob("*.json") if each.name.casefold() == path.name.casefold()]
    if taken and not replace:
        raise TakenName(f"There is a preset {quoted(preset.name)} already: replace it, or choose another name.")
    if not taken and len(list(folder.glob("*.json"))) >= MOST:
        raise AthanorError(f"There are {MOST} presets of your own already: delete one first.")
    write_json(taken[0] if taken else path, _written(preset), indent=2)
    return preset


def delete(folder: Path, name: str) -> bool:
    """Delete a preset by its name; return whether there was one."""
    path = _path(folder, name)
    with file_errors(path):
        there = path.is_file()
        path.unlink(missing_ok=True)
    return there


def _path(folder: Path, name: str) -> Path:
    """Return the file of a preset.

    Raises:
        AthanorError: the name cannot be one of a file on every system.
    """
    trouble = "has characters that file names cannot have" if "/" in name or "\\" in name else file_names.trouble(name)
    if trouble:
        raise AthanorError(f"The name {quoted(name)} {trouble}.")
    if not name or name.startswith(".") or len(name) > _LONGEST_NAME or len(name.encode("utf-8", "replace")) > 240:
        raise AthanorError(
            f"The name is {quoted(name)}: it takes 1 to {_LONGEST_NAME} characters, and no dot in front."
        )
    return folder / f"{name}.json"


def _read(path: Path, families: frozenset[str]) -> Preset:
    try:
        data = path.read_bytes() if path.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise AthanorError(f"it cannot be read ({error.strerror or type(error).__name__}).") from None
    value = parse_json(data)
    if not isinstance(value, dict):
        raise AthanorError("it is no preset.")
    return _preset({**value, "name": path.stem}, families)  # a file that was renamed has its new name


def _preset(body: Mapping[str, Any], families: frozenset[str]) -> Preset:
    name, about, settings = body.get("name"), body.get("about", ""), body.get("settings")
    if not isinstance(name, str) or not isinstance(about, str) or not isinstance(settings, dict):
        raise AthanorError("A preset has a name and about, which are texts, and settings by group.")
    _path(Path(), name.strip())
    if len(about) > _LONGEST_TEXT:
        raise AthanorError(f"The note has {len(about)} characters; {_LONGEST_TEXT} is the most.")
    return Preset(
        id=PREFIX + name.strip(),
        name=name.strip(),
        families=_some("families", body.get("families", []), families),
        purposes=_some("purposes", body.get("purposes", []), frozenset(PURPOSES)) or ("any",),
        about=about.strip(),
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
