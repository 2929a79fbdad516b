"""TOML with the mistakes that people make in it: what can be read is read, and each line that cannot is told."""

from __future__ import annotations

import re
from typing import Any

from ... import toml

_PATH = re.compile(r'"((?:[A-Za-z]:|\.{0,2})\\[^"\n\']*)"')
"""A Windows path between quotation marks in which TOML takes a backslash for the beginning of a special character."""
_MOST = 50
"""Lines that are left out, one after the other."""


def mended(text: str) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """Return the table of a TOML text without the lines that are none, and those lines with what became of them.

    None where no line is left, or too many are no TOML.
    """
    lines = _PATH.sub(lambda match: f"'{match[1]}'", text).split("\n")
    unread: list[tuple[str, str]] = []
    for _ in range(_MOST):
        try:
            return toml.loads("\n".join(lines)) or None, unread
        except toml.TOMLDecodeError as error:
            where = re.search(r"line (\d+)", str(error))
            if where is None or int(where[1]) > len(lines) or not lines[int(where[1]) - 1].strip():
                return None, []
            unread.append((lines[int(where[1]) - 1].strip(), "This line is no TOML, and is left out."))
            lines[int(where[1]) - 1] = ""
    return None, []
