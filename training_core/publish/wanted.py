"""What a user wants published, and what the metadata of the copy says then (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .. import file_names
from ..absolute_paths import without_paths
from ..errors import AthanorError, quoted

CHOICES = ("recipe", "minimal", "all")
"""Of metadata, the first as default: see `network.metadata_choice`."""
NOTHING = ("", "None")
"""How sd-scripts and ModelSpec write that a field has no value."""
TEXTS = {
    "title": "modelspec.title",
    "author": "modelspec.author",
    "license": "modelspec.license",
    "trigger": "modelspec.trigger_phrase",
    "tags": "modelspec.tags",
    "description": "modelspec.description",
    "comment": "ss_training_comment",
}
"""What a user writes -> the field of the metadata that holds it."""
_NAME = re.compile(r"\w(?:[\w .+()-]{0,78}[\w+)])?")
_LONGEST_NAME = 150  # bytes: file systems take 255, and an ending comes behind it
_LONGEST = 10_000  # characters of a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One press of the button: what the copy is called, what its metadata tells, and which pictures go with it."""

    name: str  # of the folder, and of the file in it without its ending
    choice: str  # one of CHOICES
    texts: Mapping[str, str]  # keys of TEXTS
    pictures: tuple[str, ...] = ()  # ids of `offered.Picture`

    def __post_init__(self) -> None:
        """Check the lengths of the texts.

        Raises:
            AthanorError: one is too long.
        """
        for name, text in self.texts.items():
            if len(text) > _LONGEST:
                raise AthanorError(f"{name} has {len(text):,} characters; {_LONGEST:,} is the most.")


def name_trouble(name: str) -> str:
    """Return why a name cannot be that of a folder and a file, as a sentence; '' if it can."""
    if not name:
        return "name is empty: give the copy a name, such as my_lora."
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return f"name {quoted(name)} is too long for a folder: use a shorter one."
    if not _NAME.fullmatch(name):
        return (
            f"name {quoted(name)} cannot be one of a folder: use letters, digits, spaces and . _ - + ( ), up to 80 of them, "
            "beginning with a letter or digit, and ending with one or with + or )."
        )
    trouble = file_names.trouble(name)
    return f"name {quoted(name)} {trouble}." if trouble else ""


def known_texts(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return what the metadata of a file says of the texts that a user may write, without absolute paths; '' where it is silent."""
    found = {name: metadata.get(key, "") for name, key in TEXTS.items()}
    return {name: "" if text in NOTHING else without_paths(text) for name, text in found.items()}


def with_texts(metadata: Mapping[str, str], wanted: Wanted) -> dict[str, str]:
    """Return the metadata (of the choice) with what the user has written: an emptied text leaves no field, or "None" in ss_ ones."""
    result = dict(metadata)
    for name, text in wanted.texts.items():
        key, text = TEXTS[name], text.strip()
        if text:
            result[key] = text
        elif key in result and key.startswith("ss_"):
            result[key] = "None"
        else:
            result.pop(key, None)
    if "ss_output_name" in result:
        result["ss_output_name"] = wanted.name
    return result


def name_of(title: str) -> str:
    """Return the name that a run's title suggests: without its folder and signs that no folder's name should have."""
    name = re.sub(r"[^\w .+()-]", "_", title.rpartition("/")[2])[:40].strip(" .(-")
    return "my_lora" if name_trouble(name) else name
