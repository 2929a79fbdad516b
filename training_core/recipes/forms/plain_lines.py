"""Settings as people write them in posts: "Network dim: 32, alpha 16", lists, tables, "Prodigy, cosine, batch 2" (pure)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ...errors import AthanorError
from ...json_text import load_json
from ..document import Document
from ..form import Form
from ..rules import Contents, Entry
from . import plain_names as names
from .lora_family import named_in
from .plain_given import Found, given, is_setting
from .plain_parts import parts, rows
from .plain_words import POST
from .sd_scripts_told import told

_MOST_LINES = 500
_MOST_UNKNOWN = 30
_LEAST = 2
_UNKNOWN_FOR_EACH = 4
"""Names with a colon that are not known, for each setting that is: in a list with more of them the settings are there by chance."""
_SHORT, _OF_LONG_TEXTS = 30, 4
"""Lines of a short text, and how many settings a longer one has to have."""
_LEAST_PART = 0.15
"""Of the lines of a text have to hold a setting, twice as many of one with more than `_LONG` lines: an article that tells of
trainings is no recipe."""
_LONG = 60
_MOST_AROUND = 4
"""How often a text may be as long as the object in it that is its list of settings."""
_DEEPEST = 3
"""Objects in each other that are looked into."""
_OF_OBJECTS = 0.4
"""The same of the fields of an object."""
_LONGEST = 400
"""Characters of a line that is looked at."""
_ENDINGS = ("", ".txt", ".md", ".json", ".csv", ".html", ".htm", ".log", ".ini", ".cfg", ".text")
_WEAK = frozenset(
    (
        "seed",
        "resolution",
        names.MODEL,
        names.PICTURES,
        names.TRIGGER,
        names.ABOUT,
        "vae",
        "max_train_steps",
        names.FAMILY,
    )
)
"""Names that other lists have as well: of the others there has to be at least one."""


def _read(document: Document) -> Contents | None:
    """Return the settings that a text lists; None if there are not at least two.

    Raises:
        AthanorError: the text begins as JSON does, and is broken.
    """
    if document.ending not in _ENDINGS:
        return None
    value = document.json
    is_most = len(document.text) < _MOST_AROUND * len(json.dumps(value))
    of_object = [*_of_object(value)] if isinstance(value, dict) and is_most else []
    if of_object and sum(is_setting(each) for each in of_object) >= _OF_OBJECTS * len(of_object):
        return _told(of_object, [])
    if value is not None and document.text.lstrip()[:1] in ("{", "["):
        return None
    if document.text.lstrip().startswith("{"):
        raise AthanorError(_broken(document))
    lines = _plain(document.text).split("\n")
    if len(lines) > _MOST_LINES:
        return None
    found: list[Found] = []
    prose: list[str] = []
    rest: list[str] = []
    for line in rows(lines):
        of_line = [*parts(line)] if len(line) <= _LONGEST else []
        settings = [each for each in of_line if each.option != names.REST]
        if any(is_setting(each) for each in settings):
            rest += [each.shown for each in of_line if each.option == names.REST]
        elif line.strip():
            prose.append(line.strip())
            rest += [] if settings else [line.strip()]
        found += settings
    written = sum(1 for line in lines if line.strip())
    part = _LEAST_PART * (2 if written > _LONG else 1)
    if written - len(prose) < part * written:
        return None
    kind = named_in("\n".join(lines))
    if kind and not any(each.option in (names.MODEL, "pretrained_model_name_or_path") for each in found):
        found.append(Found(option=names.FAMILY, shown="named in the text", value=kind))
    return _told(found, rest)


def _broken(document: Document) -> str:
    """Return the sentence about a text that would be JSON."""
    try:
        load_json(document.text.strip())
    except json.JSONDecodeError as error:
        return f"{document.title} begins as JSON does, but is broken in line {error.lineno}: copy or save it again."
    except ValueError as error:
        return f"{document.title} is JSON that cannot be read: {error}."
    return f"{document.title} is JSON that is too large or nested too deeply to be a recipe."


def _plain(text: str) -> str:
    """Return a text without the marks of HTML and Markdown."""
    text = re.sub(r"<\s*(?:br|/p|/li|/tr|/h\d|/div)\s*/?>", "\n", text, flags=re.IGNORECASE)
    text = (
        re.sub(r"</?[a-zA-Z][^<>\n]{0,200}>", " ", text)
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
        .replace("\xa0", " ")
    )
    text = re.sub(r"\\([\\`*\[\]<>|#~_])", r"\1", text)
    return re.sub(r"\*\*|__|`|(?<!\w)\*(?=[^\s*])|(?<=[^\s*])\*(?!\w)", "", text)


def _of_object(value: dict[str, Any], level: int = 0) -> Iterator[Found]:
    """Yield the settings of an object as sites give it, whose names have no spaces: {"unetLR": 1}."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _of_object(inner, level + 1) if level < _DEEPEST else ()
        elif not isinstance(inner, list):
            option = names.KEYS.get(names.compact(str(name)), "")
            text = "" if inner is None else str(inner).lower() if isinstance(inner, bool) else str(inner)
            yield Found(option=option, shown=str(name), value=text)


def _told(found: list[Found], rest: list[str]) -> Contents | None:
    settings = [each for each in found if is_setting(each)]
    options = {each.option for each in settings}
    strong = len(options - _WEAK)
    if len(options) < _LEAST or not strong or (len(found) + len(rest) > _SHORT and strong < _OF_LONG_TEXTS):
        return None
    unknown = [each for each in found if not each.option]
    if len(unknown) > _UNKNOWN_FOR_EACH * len(options):
        return None
    said, unread = given(found)
    said += [Entry(name=each.shown, value=each.value) for each in unknown[:_MOST_UNKNOWN]]
    if len(unknown) > _MOST_UNKNOWN:
        unread.append(
            (f"{len(unknown) - _MOST_UNKNOWN} more lines with a colon", "No setting of such a name is known.")
        )
    if rest:
        what = rest[0] if len(rest) == 1 else f"{len(rest)} pieces of text: {'; '.join(rest)}"
        unread.append((what, "No setting is found in it."))
    return told(said, unread)


LINES = Form(title="lines of settings", program=POST, read=_read)
