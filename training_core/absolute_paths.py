"""Absolute paths in texts: they tell a stranger the name of a user and the folders of a disk, so no shared file holds one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .json_text import parse_json

_ROOTS = "home|users|root|mnt|media|volumes|data|srv|opt|var|tmp|private|workspace|content|kaggle|storage|run|usr|etc|app|shared"
_QUOTED = r"""(?P<quote>["'`])(?P<inner>(?:file://|~|[A-Za-z]:)?[\\/][^"'`\n]*)(?P=quote)"""
_DRIVE = r"[A-Za-z]:[\\/]+(?:[^\\/:*?\"<>|\r\n]+[\\/]+)*[^\s\\/:*?\"<>|,;)\]}]*"
_SHARE = r"\\\\(?:\\\\)?[\w.$-]+[\\/]+(?:[^\\/:*?\"<>|\r\n]+[\\/]+)*[^\s\\/:*?\"<>|,;)\]}]*"
_KNOWN = rf"(?:file://|~[\w.-]*)?/(?i:{_ROOTS})/(?:[^/\\:*?\"<>|\r\n,;]+/+)*[^\s/\\:*?\"<>|,;)\]}}]*"
_HOME = r"~[\w.-]*[\\/]+(?:[^\s\\/:*?\"<>|,;)\]}]+[\\/]+)*[^\s\\/:*?\"<>|,;)\]}]*"
_PLAIN = r"(?:file://)?/(?:[\w.@+-]+/+)+[\w.@+-]*"
_IN_TEXT = re.compile(rf"{_QUOTED}|(?<![\w./\\~<>)])(?P<bare>{_DRIVE}|{_SHARE}|{_KNOWN}|(?<!:)(?:{_HOME}|{_PLAIN}))")
"""Paths within a text. Spaces belong to one only behind a drive or a folder that disks begin with, since a prompt may hold slashes."""

_WHOLE = re.compile(
    r"\s*(?:(?:file://)?/|~[\w.-]*[\\/]|[A-Za-z]:[\\/]+|\\\\(?:\\\\)?(?=[\w.$?-]+[\\/]))[^\s\\/][^\r\n]*"
)
_USER = re.compile(r"(?:/home|/users|[a-z]:[\\/]+users|/root)[\\/]*[^\\/]*", re.IGNORECASE)
"""The folder of a user: its last name is the user's."""


def name_of(path: str) -> str:
    """Return the last name of a path of any system; of a user's own folder, whose last name is the user's, 'home'."""
    path = path.strip().removeprefix("file://").rstrip("\\/")
    if _USER.fullmatch(path) or re.fullmatch(r"~[\w.-]*", path):
        return "home"
    return re.split(r"[\\/]", path)[-1].rstrip(":")


def _is_path(text: str) -> bool:
    """Return whether a whole text is one absolute path: two names at least, or one without spaces."""
    if not _WHOLE.fullmatch(text):
        return False
    bare = text.strip()
    return not any(c.isspace() for c in bare) or len(re.findall(r"[\\/]+", bare)) > 1


def paths_in(text: str) -> list[str]:
    """Return the absolute paths in a text, of Linux, macOS and Windows, in their order."""
    if _is_path(text):
        return [text.strip()]
    found = []
    for line in text.splitlines():
        if _is_path(line):
            found.append(line.strip())
            continue
        for match in _IN_TEXT.finditer(line):
            found += paths_in(match["inner"]) if match["quote"] else [match["bare"]]
    return found


def _named(match: re.Match[str]) -> str:
    """Return what stands for a match of `_IN_TEXT`: the path's last name, in the quotes that it had."""
    quote = match["quote"]
    return f"{quote}{_line_without(match['inner'])}{quote}" if quote else name_of(match["bare"])


def without_paths(value: Any) -> Any:
    """Return a value of JSON in which the last name of each absolute path stands for the path, also in keys and inside of texts."""
    if isinstance(value, str):
        if "/" not in value and "\\" not in value:
            return value
        lines = value.splitlines(keepends=True)
        return "".join(_line_without(line) for line in lines)
    if isinstance(value, Mapping):
        return {without_paths(key): without_paths(item) for key, item in value.items()}
    return [without_paths(item) for item in value] if isinstance(value, list | tuple) else value


def text_without_paths(text: str) -> str:
    """Return a text, or the text of a JSON value, without absolute paths; one that has none stays as it is, to the byte."""
    if "/" not in text and "\\" not in text:
        return text
    parsed = parse_json(text) if text[:1] in ("{", "[") else None
    if parsed is None:
        return without_paths(text)
    plain = without_paths(parsed)
    return text if plain == parsed else json.dumps(plain)


def _line_without(line: str) -> str:
    """Return a line of text without absolute paths; its line break stays."""
    body = line.rstrip("\r\n")
    end = line[len(body) :]
    return (name_of(body) if _is_path(body) else _IN_TEXT.sub(_named, body)) + end
