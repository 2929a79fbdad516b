"""What is wrong with the files of a run's folder, in words: whoever looks at the run is told, and sees all that is left."""

from __future__ import annotations

import os
from pathlib import Path

from .. import advice
from ..errors import AthanorError
from ..json_text import load_json
from . import lines, series
from .registry import Record

_SHAPES: dict[str, tuple[type, str]] = {
    "job.json": (dict, "its settings are not shown and it cannot be run from the command line"),
    "resolved.json": (dict, "its settings are shown as they were asked for"),
    "dataset.json": (list, "its pictures are not shown"),
    "graph.json": (dict, "its graph cannot be opened"),
    "stars.json": (list, "no file has its star"),
    "metadata.json": (dict, "what a smaller choice of metadata has taken out of its files cannot be put back"),
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


def check_places(folder: Path) -> None:
    """Check that nothing stands where a run is to write its files and folders.

    Raises:
        AthanorError: a folder in place of a file, or a file in place of a folder.
    """
    files = [name for name in (*_SHAPES, "run.json", "events.jsonl", "metrics.jsonl") if (folder / name).is_dir()]
    places = [name for name in ("state", "samples") if os.path.lexists(folder / name) and not (folder / name).is_dir()]
    if files or places:
        what = "a folder where the run writes a file" if files else "a file where the run has a folder"
        raise AthanorError(f"{folder / (files + places)[0]} is {what}: move it away, and {advice.again()}.")


def _holds(path: Path, kind: type) -> bool:
    try:
        return isinstance(load_json(path.read_bytes()), kind)
    except (OSError, ValueError):
        return False
