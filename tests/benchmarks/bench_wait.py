"""Share of a run's time in which training waits for data, all encodings on the disk.

python dev.py test tests/benchmarks/bench_wait.py -s
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

pytestmark = pytest.mark.usefixtures("comfy")


def test_waiting(checkpoints, tmp_path, monkeypatch, capsys):
    import whole_run
    from athanor.training_core.history.events import Stepped

    run = whole_run.trainer(whole_run.models_of(checkpoints["sd3"]), tmp_path, monkeypatch)
    run("encoded")
    events, _ = run("measured", retrain=True)
    steps = [event for event in events if isinstance(event, Stepped)]
    waited, seconds = sum(step.data_wait for step in steps), sum(step.seconds for step in steps)
    with capsys.disabled():
        print(f"\n{len(steps)} steps, {seconds:.2f} s, waited {waited:.4f} s: {100 * waited / seconds:.2f} %")
    assert waited < 0.1 * seconds
