"""A file with sample prompts, as sd-scripts takes it: lines with options, or TOML or JSON with an entry for each prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..document import Document
from ..rules import Contents, Entry
from ..values import text
from .sd_scripts_texts import prompts_in

_OPTIONS = (
    ("negative_prompt", "n"),
    ("width", "w"),
    ("height", "h"),
    ("seed", "d"),
    ("scale", "l"),
    ("sample_steps", "s"),
    ("guidance_scale", "g"),
)
"""Member of a prompt in TOML or JSON -> the option of a line that is the same."""


def read(document: Document) -> Contents | None:
    """Return the prompts of such a file; None where it is another one."""
    lines = _of_table(document.toml) or _of_list(document.json)
    if not lines and document.ending in ("", ".txt"):
        lines = _of_text(document.text)
    return Contents(entries=(Entry(name="prompts", shown="sample prompts", value="\n".join(lines)),)) if lines else None


def _of_text(written: str) -> list[str]:
    """Return the lines of a text; none where fewer than half of them have options of prompts."""
    lines = [line.strip() for line in written.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return lines if lines and 2 * len(prompts_in(written)) >= len(lines) else []


def _of_table(table: Any) -> list[str]:
    prompt = table.get("prompt") if isinstance(table, dict) else None
    if not isinstance(prompt, dict) or not isinstance(prompt.get("subset"), list):
        return []
    shared = {name: value for name, value in prompt.items() if name != "subset"}
    return _of_list([shared | entry for entry in prompt["subset"] if isinstance(entry, dict)])


def _of_list(entries: Any) -> list[str]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and "prompt" in entry for entry in entries):
        return []
    return [_line(entry) for entry in entries]


def _line(entry: Mapping[str, Any]) -> str:
    """Return one prompt as a line with options."""
    parts = [" ".join(text(entry["prompt"]).split())]
    parts += [
        f"--{letter} {' '.join(text(entry[name]).split())}"
        for name, letter in _OPTIONS
        if entry.get(name) not in (None, "")
    ]
    return " ".join(parts)
