"""What a user thinks of the pictures of a comparison: star, reject and note by cell, in marks.json."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import AthanorError
from ..files import read_json, write_json
from .plan_file import read_plan

_LOCK = threading.Lock()
LONGEST_NOTE = 2000


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the marks by cell; none if the file is not there or broken."""
    marks = read_json(folder / "marks.json", {})
    return {cell: clean(mark) for cell, mark in marks.items() if isinstance(mark, dict)}


def clean(mark: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mark with the entries star, reject and note alone, and of those without what is off or empty."""
    note = mark.get("note")
    entries = {
        "star": mark.get("star") is True,
        "reject": mark.get("reject") is True,
        "note": note.strip()[:LONGEST_NOTE] if isinstance(note, str) else "",
    }
    return {name: value for name, value in entries.items() if value}


def save(folder: Path, cell: str, mark: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the mark of a cell, and return it as it was written."""
    with _LOCK:
        marks = read(folder)
        marks[cell] = clean(mark)
        write_json(folder / "marks.json", {key: value for key, value in marks.items() if value}, indent=1)
        return marks[cell]


def starred(root: Path) -> set[str]:
    """Contents (see `fingerprint.file`) of the LoRA files behind the pictures that are starred in any comparison."""
    contents: set[str] = set()
    for path in root.glob("*/marks.json"):
        stars = [cell for cell, mark in read(path.parent).items() if mark.get("star")]
        try:
            loras = read_plan(path.parent).get("loras", {}) if stars else {}
        except AthanorError:
            continue
        contents |= {content for cell in stars for content in loras.get(cell, ())}
    return contents
