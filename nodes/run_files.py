"""The files of a run in the form in which clients of the host's API read them."""

from __future__ import annotations

from typing import Any

from ..training_core.history import results
from ..training_core.history.registry import Record
from ..training_core.host import folders


def run_files(record: Record) -> list[dict[str, Any]]:
    """Return what a run has left below the output folder, the last LoRA file first: see `results.files`."""
    return results.files(record, folders.output_folder(), folders.diffusers_folder(record.target))


def in_history(record: Record) -> dict[str, list[dict[str, Any]]]:
    """Return the same as parts of the node's `ui`, which stand in /history: LoRA files as `files`, the curve as `images`.

    Many clients collect `images` alone, and take each for a picture (the page as well), so that no LoRA may be among them. What
    stood in both would be listed twice.
    """
    found = run_files(record)
    curve = [file for file in found if file["kind"] == "loss_curve"]
    return {"files": [file for file in found if file not in curve], "images": curve}
