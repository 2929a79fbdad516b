"""Which runs of a sweep are ended early, and what is noted of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def test_a_run_that_had_come_to_its_end_is_not_noted_as_ended_early(comfy, monkeypatch):
    """Switched on for a sweep that was trained before, early_end called half of its whole runs hopeless and unfinished."""
    from athanor.training_core.history import log
    from athanor.training_core.sweep import training

    noted = []
    monkeypatch.setattr(log, "ended_early", lambda folder, step, why: noted.append(step))
    monkeypatch.setattr(training.folders, "run_folder", lambda run_id: run_id)
    monkeypatch.setattr(training, "_looks", lambda record, step: record)
    runs: Any = [
        SimpleNamespace(record=[(0, 100.0), (2, percent)], left=left, note="", steps=4, job=SimpleNamespace(run_id=""))
        for percent, left in ((80.0, 2), (90.0, 0), (95.0, 2))
    ]
    kept = training.Sweep._better_half(SimpleNamespace(), runs, 0.5)  # pyright: ignore[reportArgumentType]
    assert kept == [runs[0], runs[1]]
    runs[1].record = [(0, 100.0), (2, 99.0)]
    assert training.Sweep._better_half(SimpleNamespace(), runs[:2], 0.5) == runs[:1]  # pyright: ignore[reportArgumentType]
    assert runs[1].note == "" and runs[2].note.startswith("Ended early by its sweep at step 2 of 4") and noted == [2]
