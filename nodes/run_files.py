"""The files of a run in the form in which clients of the host's API read them."""

from __future__ import annotations

from typing import Any

from ..training_core.history import results
from ..training_core.history.registry import Record
from ..training_core.host import folders


def run_files(record: Record) -> list[dict[str, Any]]:
    """Return what a run has left below the output folder, the last LoRA file first: see `results.files`."""
    return results.files(record, folders.output_folder(), folders.diffusers_folder(record.target))
