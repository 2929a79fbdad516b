"""The TOML of --config_file: options by their names, flat or in sections, which mean nothing; also inside of a log."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from ..document import Document
from ..rules import Contents, Entry
from .command_line import LONGEST
from .sd_scripts_told import told
from .sd_scripts_words import WORDS
from .toml_lines import mended

_LINE = re.compile(r"^\s*(?:[A-Za-z_]\w*\s*=\s*\S.*|\[\w+\])\s*$")
_LEAST = 3
"""Options that a text must have to be taken for such a file."""


def read(document: Document) -> Contents | None:
    """Return what a config file says; None where a text is none."""
    table, unread = table_of(document)
    table = table or _namespace(document.text)
    if table is None or "datasets" in table:
        return None
    pairs = flat(table)
    known = sum(name in WORDS or name in ("network_args", "lr_scheduler_args") for name, _ in pairs)
    if known < _LEAST or 2 * known < len(pairs):
        return None
    given = [Entry(name="options", shown="config file", value=document.name or "pasted")]
    return told([*given, *(Entry(name=name, value=value) for name, value in pairs)], unread)


def table_of(document: Document) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """Return the TOML of a document, or of those of its lines that are TOML, and the other lines with what became of them."""
    if document.toml is not None or document.ending in (".json", ".yaml", ".yml"):
        return document.toml, []
    lines = [line for line in document.text.split("\n") if line.strip()]
    ours = [line for line in lines if _LINE.match(line) and "--" not in line.partition("=")[0]]
    if len(ours) < _LEAST or 2 * len(ours) < len(lines) or len(document.text) > LONGEST:
        return None, []
    if document.ending == ".toml":
        return mended(document.text)
    if re.search(r"(?:^|\s)--[A-Za-z]\w{2,}", document.text):
        return None, []  # a command
    table, unread = mended("\n".join(ours))
    other = [line for line in lines if line not in ours and not line.lstrip().startswith("#")]
    return table, [*unread, *((line.strip(), "It is no line of the form name = value.") for line in other[:50])]


def _namespace(text: str) -> dict[str, Any] | None:
    """Return the options that a log shows as Namespace(v2=False, seed=42, ...); None if there are none that can be read."""
    start = text.find("Namespace(")
    if start < 0 or len(text) > LONGEST:
        return None
    written = re.sub(
        r"PosixPath\(|WindowsPath\(",
        "str(",
        text[start : text.find("\n", start) if "\n" in text[start:] else len(text)],
    )
    try:
        call = ast.parse(written[: written.rfind(")") + 1], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = {}
    for keyword in call.keywords if isinstance(call, ast.Call) else []:
        value = keyword.value.args[0] if isinstance(keyword.value, ast.Call) and keyword.value.args else keyword.value
        try:
            found[keyword.arg or ""] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            found[keyword.arg or ""] = ast.unparse(value)
    return found


def flat(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return (name, value) of options, without their sections, as sd-scripts takes them."""
    found: list[tuple[str, Any]] = []
    for name, value in table.items():
        found += list(value.items()) if isinstance(value, dict) else [(name, value)]
    return found
