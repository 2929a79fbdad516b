"""The part of a graph that job.json holds, and events read back from a run's folder."""

import dataclasses
import json
import math
from pathlib import Path

from athanor.training_core.history import events
from athanor.training_core.history.graph import source

PROMPT = {
    "1": {"class_type": "Load", "inputs": {"name": "a"}},
    "2": {"class_type": "Text", "inputs": {"clip": ["1", 1], "size": [1, 2]}},
    "3": {"class_type": "Train", "inputs": {"text": ["2", 0], "model": ["1", 0], "processes": 1}},
    "4": {"class_type": "Show", "inputs": {"run": ["3", 0]}},
    "5": {"class_type": "Other", "inputs": {}},
}


def test_a_node_and_all_before_it():
    found = source(PROMPT, "3", processes=2)
    assert list(found.prompt) == ["1", "2", "3"] and found.node == "3"
    assert found.prompt["3"]["inputs"] == {"text": ["2", 0], "model": ["1", 0], "processes": 2}
    assert PROMPT["3"]["inputs"]["processes"] == 1
    assert source(PROMPT, "9") is None and source(None, "3") is None


def test_events_are_read_back_as_they_were_told():
    saved = events.Saved(path=Path("a.safetensors"), step=4, epoch=1, hash="abc", kind="epoch")
    line = json.loads(json.dumps({"event": "saved", "time": 1.0, **dataclasses.asdict(saved)}, default=str))
    assert events.from_line(line) == saved
    step = events.Stepped(step=1, epoch=1, loss=0.5, lr=1e-4, grad_norm=2.0, seconds=0.1)
    told = json.loads(json.dumps(dataclasses.asdict(step)))
    assert events.from_line(told).loss == 0.5 and math.isnan(events.from_line(told | {"loss": None}).loss)
    assert events.from_line({"event": "done", "step": 3}) is None
