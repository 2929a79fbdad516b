"""Words of a command as a shell takes them (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .words import Option

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


def quoted(text: str) -> str:
    """Return a word in quotes where a shell would read it as something else: in single ones, in which nothing has a meaning."""
    if _PLAIN.fullmatch(text):
        return text
    inner = text.replace("'", "'\"'\"'")
    return f"'{inner}'"


def on_one_line(text: str) -> bool:
    """Return whether a text can stand in a command: without ends of lines and other signs that cannot be seen."""
    return text.isprintable()


def command(words: Sequence[str], options: Sequence[Option]) -> str:
    r"""Return a command with an option a line, each line but the last ending with \."""
    lines = [" ".join(map(quoted, words))]
    lines += [_option(name, values) for name, values in options]
    return " \\\n  ".join(lines) + "\n"


def _option(name: str, values: Sequence[str]) -> str:
    """Return an option with its values; with =, where one begins like an option."""
    if len(values) == 1 and values[0].startswith("-"):
        return f"--{name}={quoted(values[0])}"
    return " ".join([f"--{name}", *map(quoted, values)])
