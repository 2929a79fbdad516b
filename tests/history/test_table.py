"""The table of curves that spreadsheets open."""

import csv
import io
import json
from pathlib import Path

from athanor.training_core.history import table
from athanor.training_core.history.registry import Record


def record(folder: Path, **values) -> Record:
    folder.mkdir()
    events = ({"event": "probed", "step": 2, "percent": 91.5}, {"event": "probed", "step": 0, "percent": 100.0})
    steps = [{"step": step, "epoch": 1, "loss": step / 4, "lr": 1e-4, "seconds": 0.5} for step in (1, 2, 3, 2)]
    steps[0] |= {"loss": None, "d_lr": 2e-3}
    (folder / "metrics.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    return Record(folder=folder, run_id=folder.name, lineage_id="", output_name="x", steps=3, events=events, **values)


def test_all_steps_of_some_runs(tmp_path):
    records = [
        record(tmp_path / "one", target=Path("a, b.safetensors")),
        record(tmp_path / "two", target=Path("=1+1.safetensors")),
    ]
    rows = list(csv.DictReader(io.StringIO(b"".join(table.pieces(records)).decode())))
    assert [row["name"] for row in rows] == ["a, b"] * 2 + ["'=1+1"] * 2
    first, second = rows[:2]
    assert first | {"run": "", "name": ""} == dict.fromkeys(table.COLUMNS, "") | {
        "step": "1", "epoch": "1", "seconds": "0.5", "lr": "0.002"}  # fmt: skip
    assert (second["step"], second["seconds"], second["loss"], second["mean"], second["probe"]) == (
        "2", "1.0", "0.5", "0.5", "91.5")  # fmt: skip
