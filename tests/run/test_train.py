"""What is left to do for a run whose process was killed after its last step."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("comfy")


def test_a_run_killed_after_its_last_step_gets_its_report(tmp_path: Path, monkeypatch):
    """It is done, so that nobody trains it again: what its end would have done is done when it is used."""
    import folder_paths
    from athanor.training_core.history import registry
    from athanor.training_core.run.train import tidy

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    folder, loras = tmp_path / "athanor" / "runs" / ("a" * 16), tmp_path / "loras"
    folder.mkdir(parents=True)
    loras.mkdir()
    run = {
        "run_id": "a" * 16,
        "lineage_id": "b" * 16,
        "output_name": "x",
        "target": str(loras / "x.safetensors"),
        "steps": 2,
    }
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "events.jsonl").write_text('{"event": "done", "time": 1.0, "step": 2}\n')
    (folder / "owner.json").write_text("{}")
    for place in (folder, loras):
        (place / f".{'report.html' if place == folder else 'x.safetensors'}.d16a0032728672.tmp").write_bytes(b"")
    record = registry.read(folder)
    assert record is not None
    tidy(record)
    assert (folder / "report.html").is_file() and not (folder / "owner.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))
    before = (folder / "report.html").stat().st_mtime_ns
    tidy(record)
    assert (folder / "report.html").stat().st_mtime_ns == before
