"""What a user notes about a run: a name of his own, a note, a rating, tags, and whether it is put away (labels.json)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

from ..errors import AthanorError, quoted
from ..files import read_json, write_json
from .run_files import Remembered

NAME = "labels.json"
BEST = 5
"""The highest rating; 0 is none."""
_LONGEST_LABEL, _LONGEST_NOTE, _LONGEST_TAG, _MOST_TAGS = 200, 5000, 60, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """A user's words about one run. They are no part of its job: neither its id nor its files depend on them."""

    label: str = ""  # shown in place of the name of its files
    note: str = ""
    rating: int = 0  # 1 to BEST; 0: not rated
    tags: tuple[str, ...] = ()
    archived: bool = False  # left out of the list until it is asked for

    def as_json(self) -> dict[str, Any]:
        """Return the labels by their names."""
        return {
            "label": self.label,
            "note": self.note,
            "rating": self.rating,
            "tags": self.tags,
            "archived": self.archived,
        }


NONE = Labels()
_lock = Lock()


def read(folder: str | Path) -> Labels:
    """Return the labels of a run's folder; what is missing or damaged there is as if nothing was noted."""
    return _known.of(f"{folder}/{NAME}")


def change(folder: Path, values: Mapping[str, Any]) -> Labels:
    """Change some labels of a run and return all of them; the others stay.

    Args:
        folder: of the run.
        values: names of `Labels` and their new values, as a client has sent them.

    Raises:
        AthanorError: a name is unknown, or a value cannot be one of its kind.
    """
    checked = {name: _checked(name, value) for name, value in values.items()}
    with _lock:  # of two who change different labels at once, both count
        labels = replace(read(folder), **checked)
        write_json(folder / NAME, labels.as_json(), indent=1)
        return labels


def add_tag(folder: Path, tag: str) -> None:
    """Add a tag to a run, shortened to what one may be long; nothing where it has the tag, or as many as it may have."""
    name, tags = " ".join(tag.replace(",", " ").split())[:_LONGEST_TAG].strip(), read(folder).tags
    if name and name not in tags and len(tags) < _MOST_TAGS:
        change(folder, {"tags": [*tags, name]})


def _sound(values: Mapping[str, Any]) -> Labels:
    found = {}
    for name in Labels.__slots__:
        if name in values:
            try:
                found[name] = _checked(name, values[name])
            except AthanorError:
                continue
    return Labels(**found)


_known = Remembered(lambda path: _sound(read_json(path, {})), missing=NONE)


def _checked(name: str, value: Any) -> Any:
    """Return the value of a label in its form.

    Raises:
        AthanorError: it has none; the sentence says what it must be.
    """
    if name == "label" and isinstance(value, str) and len(value) <= _LONGEST_LABEL:
        return " ".join(value.split())
    if name == "note" and isinstance(value, str) and len(value) <= _LONGEST_NOTE:
        return value.strip()
    if name == "rating" and type(value) is int and 0 <= value <= BEST:
        return value
    if name == "archived" and isinstance(value, bool):
        return value
    if name == "tags" and isinstance(value, list | tuple) and all(isinstance(tag, str) for tag in value):
        tags = dict.fromkeys(" ".join(tag.replace(",", " ").split()) for tag in value)
        tags.pop("", None)
        if len(tags) <= _MOST_TAGS and all(len(tag) <= _LONGEST_TAG for tag in tags):
            return tuple(tags)
    if name not in _FORMS:
        raise AthanorError(f"{quoted(name)} is no label of a run: there are {', '.join(_FORMS)}.")
    raise AthanorError(f"{name} is {quoted(value)}: it must be {_FORMS[name]}.")


_FORMS = {
    "label": f"a text of at most {_LONGEST_LABEL} characters",
    "note": f"a text of at most {_LONGEST_NOTE} characters",
    "rating": f"a whole number from 0 (none) to {BEST}",
    "tags": f"a list of at most {_MOST_TAGS} texts of at most {_LONGEST_TAG} characters each",
    "archived": "true or false",
}
