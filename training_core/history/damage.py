"""What is wrong with the files of a run's folder, in words: whoever looks at the run is told, and sees all that is left."""

from __future__ import annotations

import os
from pathlib import Path

from ..json_text import load_json
from . import lines, series
from .registry import Record

_SHAPES: dict[str, tuple[type, str]] = {
    "job.json": (dict, "its settings are not shown and it cannot be run from the command line"),
    "resolved.json": (dict, "its settings are shown as they were asked for"),
    "dataset.json": (list, "its pictures are not shown"),
    "graph.json": (dict, "its graph cannot be opened"),
    "stars.json": (list, "no file has its star"),
}
"""Files that hold one JSON value: its type, and what a run lacks without it."""


def of(record: Record) -> list[str]:
    """Return one sentence for each file of a run that is damaged, or stands where another kind of thing should; [] for a sound run."""
    sentences = [record.trouble, lines.trouble_with_steps(record.folder / "metrics.jsonl", series.WHOLE)]
    for name, (kind, lack) in _SHAPES.items():
        path = record.folder / name
        if os.path.lexists(path) and not _holds(path, kind):
            sentences.append(f"{name} cannot be read, so {lack}.")
    return [sentence for sentence in sentences if sentence]


def _holds(path: Path, kind: type) -> bool:
    try:
        return isinstance(load_json(path.read_bytes()), kind)
    except (OSError, ValueError):
        return False
