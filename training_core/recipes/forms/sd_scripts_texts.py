"""Further texts in one with a command: the TOML of its dataset and its sample prompts, as notebooks and guides have them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ... import toml
from ..rules import Contents, Entry

_TABLE = re.compile(r"^\s*\[(?:general|\[datasets\])\]\s*(?:#.*)?$")
_TOML_LINE = re.compile(r"^\s*(?:#.*|\[+[\w.]+\]+.*|[\w.\"']+\s*=.*|[\[\]{}\"'\d,.\s-]*)$")
_PROMPT = re.compile(r"^(?!\s*[-#!%$>])(?!.*\.py\b)\s*\S.*\s--[nwhdlsg]\s+\S", re.IGNORECASE)
_LONGEST = 5000
"""Characters of a line that may be a prompt."""
_LONG_OPTION = re.compile(r"\s--[A-Za-z]\w{2,}")


def with_texts(told: Contents, text: str, dataset: Callable[[dict[str, Any]], Contents | None]) -> Contents:
    """Return what a command says with what the dataset's TOML and the prompts in the same text say; `dataset` reads such a table."""
    table = table_in(text)
    found = dataset(table) if table else None
    if found:
        told = Contents(
            entries=(*told.entries, *found.entries),
            datasets=max(told.datasets, found.datasets),
            unread=(*told.unread, *found.unread),
        )
    prompts = prompts_in(text)
    if prompts:
        told = replace(told, entries=(*told.entries, Entry(name="prompts", value="\n".join(prompts))))
    return told


def table_in(text: str) -> dict[str, Any] | None:
    """Return the dataset's TOML that a text holds; None if there is none that can be read."""
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if _TABLE.match(line)), None)
    if start is None:
        return None
    end = next((number for number in range(start, len(lines)) if not _TOML_LINE.match(lines[number])), len(lines))
    end = next((number for number in range(start, end) if re.match(r"^\s*(?:'''|\"\"\"|```)", lines[number])), end)
    try:
        return toml.loads("\n".join(lines[start:end]))
    except toml.TOMLDecodeError:
        return None


def prompts_in(text: str) -> list[str]:
    """Return the lines of a text that are sample prompts, such as "a cat --w 768 --h 512"."""
    lines = (line for line in text.split("\n") if len(line) <= _LONGEST)
    return [line.strip() for line in lines if _PROMPT.match(line) and not _LONG_OPTION.search(line)]
