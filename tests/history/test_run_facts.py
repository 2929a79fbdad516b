"""What a run's folder tells to programs: its dataset and its times, of this version and of older ones."""

from __future__ import annotations

import json

from athanor.training_core.history import registry, run_facts
from athanor.training_core.resume import lock


def record(folder, *events):
    """A run with these events, each (kind, time, more)."""
    lines = [{"event": kind, "time": at} | (more[0] if more else {}) for kind, at, *more in events]
    (folder / "events.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return registry.read(folder)


def test_times_add_up_over_sessions(tmp_path):
    """One that was killed ends with its last sign of life, one that trains has not ended."""
    asked = {"prompt_id": "a", "queued": 90.0}
    first = [("preparing", 100.0, asked), ("started", 110.0), ("probed", 150.0, {"step": 3, "percent": 9.0})]  # killed
    second = [("preparing", 500.0, {"prompt_id": "b", "queued": 400.0}), ("encoded", 505.0), ("resumed", 510.0)]
    killed = record(tmp_path, *first)
    assert run_facts.times(killed) == {
        "created": 100.0,
        "queued": 90.0,
        "started": 100.0,
        "ended": 150.0,
        "seconds": 40.0,
    }
    done = record(tmp_path, *first, *second, ("done", 530.0))
    assert run_facts.times(done) == {
        "created": 100.0,
        "queued": 400.0,
        "started": 500.0,
        "ended": 530.0,
        "seconds": 60.0,
    }
    assert (killed.prompt_id, done.prompt_id) == ("a", "b")
    with lock.held(tmp_path, "It"):
        trains = run_facts.times(record(tmp_path, *first, *second))
    assert trains["ended"] is None and trains["seconds"] > 1e6  # up to now
    with lock.held(tmp_path, "It"):  # encodes: its steps have not begun
        assert run_facts.times(record(tmp_path, *first, *second[:2]))["seconds"] == 40.0


def test_what_is_noted_after_the_end_is_no_session(tmp_path):
    """Samples scored later, or a sweep's word, had made the run one that nobody had queued and that began when it ended."""
    asked = {"prompt_id": "a", "queued": 90.0}
    events = [("preparing", 100.0, asked), ("started", 110.0), ("stopped", 150.0)]
    scored = {"step": 3, "epoch": 1, "scorer": "s", "title": "t", "weak": True, "values": {}, "copies": 0, "scores": []}
    plain = run_facts.times(record(tmp_path, *events))
    for later in [("scored", 150.0, scored)], [("stopped", 400.0, {"why": "Ended early."})]:
        found = record(tmp_path, *events, *later)
        assert len(found.events) == 4 and run_facts.times(found) == plain
    again = run_facts.times(record(tmp_path, *events, ("stopped", 400.0), ("resumed", 500.0), ("done", 510.0)))
    assert (again["started"], again["seconds"]) == (500.0, 50.0)


def test_times_of_older_versions_and_of_damaged_logs(tmp_path):
    """They had no "preparing"; a line without a time is passed over."""
    old = record(
        tmp_path,
        ("encoded", 5.0),
        ("started", 10.0),
        ("stopped", 20.0),
        ("encoded", 95.0),
        ("resumed", 100.0),
        ("failed", 105.0),
    )
    assert run_facts.times(old) == {"created": 5.0, "queued": None, "started": 95.0, "ended": 105.0, "seconds": 15.0}
    (tmp_path / "events.jsonl").write_text('{"event": "started"}\n{"event": "done"}\n')
    assert set(run_facts.times(registry.read(tmp_path)).values()) == {None, 0.0}
    (tmp_path / "events.jsonl").write_text("")
    assert set(run_facts.times(registry.read(tmp_path)).values()) == {None, 0.0}


def test_folders_of_a_dataset(tmp_path):
    """By the names that the workflow gave them, never where they lie."""
    rows = [{"name": f"3_cat/{i}.png", "subset": 0, "repeats": 3 + i} for i in range(2)]
    rows += [{"name": "dog.png", "subset": 1, "repeats": 1}, {"name": "x.png", "subset": 7}, {}]
    (tmp_path / "dataset.json").write_text(json.dumps(rows))
    (tmp_path / "job.json").write_text(
        json.dumps({"datasets": [{"folder": "pets"}, {"folder": "/home/me/input/dogs/"}]})
    )
    assert run_facts.dataset(tmp_path) == {
        "folders": [{"folder": "pets/3_cat", "pictures": 2, "repeats": 4}, {"folder": "dogs", "pictures": 1, "repeats": 1},
                    {"folder": "", "pictures": 2, "repeats": 1}],
        "pictures": 5, "samples": 10,
    }  # fmt: skip
    for damaged in ("", "[3]", '{"datasets": 3}', '{"datasets": [3], "buckets": {"batch_size": "x"}}'):
        (tmp_path / "job.json").write_text(damaged)
        assert run_facts.dataset(tmp_path)["pictures"] == 5 and run_facts.batch_size(tmp_path) is None
