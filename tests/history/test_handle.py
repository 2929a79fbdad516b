"""What nodes pass on of a run."""

from __future__ import annotations

import json

import run_folders
from athanor.training_core.history import handle, registry


def test_a_run_tells_that_its_pictures_had_control_pictures(tmp_path):
    """A comparison without any says then that one is missing."""
    folder = run_folders.write(tmp_path / "runs", tmp_path / "loras")
    record = registry.read(folder)
    assert record is not None
    assert handle.of_record(record, lambda path: path.name).on_pairs
    rows = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    assert rows[1].pop("controls")
    (folder / "dataset.json").write_text(json.dumps(rows), encoding="utf-8")
    assert not handle.of_record(record, lambda path: path.name).on_pairs
