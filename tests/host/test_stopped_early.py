"""A run that is stopped before its first step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from athanor.training_core.run.control import Control

pytestmark = pytest.mark.usefixtures("comfy")


def test_what_is_encoded_is_kept_and_nothing_else(run, monkeypatch, tmp_path):
    """No LoRA of no steps; the log says why. Started again, it encodes the rest alone."""
    import folder_paths
    from athanor.training_core.history import registry
    from athanor.training_core.history.events import Encoded
    from athanor.training_core.host import folders
    from athanor.training_core.run.hooks import RunHooks

    monkeypatch.setattr(folder_paths, "user_directory", str(tmp_path / "user"))
    asked, take = [], Control.take

    def third(self, command):
        asked.append(command)
        return asked.count("stop") == 3 if command == "stop" else take(self, command)

    with monkeypatch.context() as patch, pytest.raises(ValueError, match="unpack"):  # there is no last file
        patch.setattr(Control, "take", third)
        run("early")
    (folder,) = folders.runs_folder().iterdir()
    record = registry.read(folder)
    assert record and record.status == "stopped" and not record.saved and asked.count("stop") == 3
    assert record.why.startswith("asked to stop while it encoded ") and record.why.endswith(
        "nothing was trained, what is encoded is kept"
    )
    assert not list((tmp_path / "loras").rglob("*.safetensors")) and (folder / "report.html").is_file()
    assert "nothing was trained" in (folder / "report.html").read_text()
    kept = len(list(Path(folders.cache_folder()).rglob("*.safetensors")))
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="unpack"):  # while the model is loaded
        patch.setattr(RunHooks, "go_on", lambda self: False)
        run("early")
    record = registry.read(folder)
    assert record and record.status == "stopped" and not record.saved
    assert record.why == "asked to stop before its first step: nothing was trained, what is encoded is kept"
    lines = [json.loads(line) for line in (folder / "events.jsonl").open()]
    encoded = sum(
        line["done"] for line in lines if line["event"] == "encoded"
    )  # to the end, and so not in the first session
    assert kept == 3 and encoded == len(list(Path(folders.cache_folder()).rglob("*.safetensors"))) - kept
    events, last = run("early")
    assert last.is_file() and not any(isinstance(event, Encoded) for event in events)
