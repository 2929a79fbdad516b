"""Several processes of one run, as the one that launched them sees them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.usefixtures("comfy")


def test_without_a_holder_the_launcher_is_ended_and_nobody_else(monkeypatch):
    """Whose id may be signalled at all is in resume/test_lock.py."""
    from athanor.training_core.run import launch

    ended, signalled = [], []
    monkeypatch.setattr(launch.os, "kill", lambda *process: signalled.append(process))
    end = lambda *_: ended.append(1)  # noqa: E731
    launched = SimpleNamespace(terminate=end, send_signal=end, wait=lambda seconds: 0)
    launch._end(launched, None)
    assert ended == [1] and not signalled
    if launch.os.name == "posix":
        launch._end(launched, 12345)
        assert signalled == [(12345, launch.signal.SIGTERM)] and ended == [1]


def test_what_a_longer_run_takes_over_is_no_news(tmp_path):
    """Its logs begin with those of the shorter one: the node showed the old warnings, and steps before it had started."""
    import time

    from athanor.training_core.history.events import Resumed, Stepped, Warned
    from athanor.training_core.run.launch import _Followed

    def step(number):
        return {"step": number, "epoch": 1, "loss": 0.1, "lr": 0.1, "grad_norm": 0.1, "seconds": 0.1}

    def write(name, *lines):
        with (tmp_path / name).open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    now = time.time()
    followed = _Followed(tmp_path, now)
    write("metrics.jsonl", step(1), step(2))
    write("events.jsonl", {"event": "started", "time": now - 9, "run_id": "a", "steps": 2, "epochs": 1, "trained": "x"})
    write("events.jsonl", {"event": "warned", "time": now - 8, "text": "old"})
    assert list(followed.new()) == []
    write("events.jsonl", {"event": "warned", "time": now + 1, "text": "new"})
    write(
        "events.jsonl",
        {"event": "resumed", "time": now + 1, "run_id": "b", "step": 2, "steps": 4, "epochs": 2, "trained": "x"},
    )
    write("metrics.jsonl", step(3))
    warned, resumed, stepped = followed.new()
    assert isinstance(warned, Warned) and warned.text == "new" and isinstance(resumed, Resumed)
    assert isinstance(stepped, Stepped) and stepped.step == 3


def test_what_showing_an_event_raises_is_no_damaged_line(tmp_path):
    """A KeyError of the page was taken for one of the line: the processes trained on, and nobody followed them."""
    import time

    from athanor.training_core.run.launch import _Followed

    followed = _Followed(tmp_path, 0.0)
    (tmp_path / "events.jsonl").write_text(
        json.dumps({"event": "warned", "time": time.time(), "text": "new"}) + "\n[]\n"
    )
    events = followed.new()
    next(events)
    with pytest.raises(KeyError):
        events.throw(KeyError("a node that is gone"))
