"""The portable viewer of a comparison as one file, to be fetched by whoever has no access to the output folder."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import write_atomically
from ..history.run_files import stamp
from . import viewer


def archive(folder: Path, document: Mapping[str, Any], places: Path) -> Path:
    """Return a ZIP with the page index.html and the pictures of a comparison; an unchanged one is not made again.

    Args:
        folder: of the comparison.
        document: its plan.json.
        places: where such files are kept for a while; those of the comparison's older states go.

    Raises:
        FileError: it cannot be written.
    """
    path = places / folder.name / f"{_state(folder, document)}.zip"
    if not path.is_file():
        page = viewer.write(folder, document)
        write_atomically(path, lambda temporary: _pack(page.parent, folder.name, temporary), durable=False)
        for old in path.parent.glob("*.zip"):
            if old != path:
                old.unlink(missing_ok=True)
    return path


def _state(folder: Path, document: Mapping[str, Any]) -> str:
    """Return a text that changes with what the viewer shows."""
    pictures = [stamp(folder / "cells" / f"{key}.png") for key in document["order"]]
    told = json.dumps([viewer.data(folder, document), pictures], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _pack(source: Path, name: str, target: Path) -> None:
    """Write the files of a folder below the folder `name` of a ZIP; pictures are compressed already."""
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as packed:
        for path in sorted(source.rglob("*")):
            if path.is_file() and path.suffix in (".html", ".json", ".png"):
                kind = zipfile.ZIP_STORED if path.suffix == ".png" else zipfile.ZIP_DEFLATED
                packed.write(path, f"{name}/{path.relative_to(source).as_posix()}", kind)
