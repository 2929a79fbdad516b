"""What a report's first table says of a run."""

import json

from athanor.training_core.history import registry, report, report_facts


def test_a_run_tells_model_pictures_resolution_length_and_time(tmp_path):
    """Also of a run that went on: both sessions count."""
    identity = {
        "run_id": "r",
        "line_id": "l",
        "output_name": "n",
        "target": str(tmp_path / "n.safetensors"),
        "steps": 240,
    }
    job = {"datasets": [{"folder": "cats"}, {"folder": ""}], "buckets": {"width": 768, "height": 640}}
    rows = [{"name": f"{i}.png", "subset": int(i > 8), "repeats": 10 if i <= 8 else 1} for i in range(10)]
    events = [
        {"event": "started", "time": 1000.0, "trained": "32 layers", "epochs": 3},
        {"event": "interrupted", "time": 1100.0, "step": 100},
        {"event": "resumed", "time": 2000.0, "step": 100, "trained": "32 layers, 1 <b>", "epochs": 3},
        {"event": "done", "time": 2200.0, "step": 240},
    ]
    for name, value in (
        ("run.json", identity),
        ("job.json", job),
        ("dataset.json", rows),
        ("metadata.json", {"fields": {"ss_sd_model_name": "sd15.safetensors"}}),
    ):
        (tmp_path / name).write_text(json.dumps(value))
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    record = registry.read(tmp_path)
    facts = dict(report_facts.facts(record))
    assert facts["base model"] == "sd15.safetensors"
    assert facts["pictures"] == "10, 91 samples per epoch: cats (9, 10 times each), pictures of the graph (1)"
    assert facts["resolution"] == "768x640, batch size 1"
    assert (facts["trained"], facts["length"]) == ("32 layers, 1 <b>", "240 steps, 3 epochs")
    assert facts["time trained"] == "5 min" and {"started", "ended"} <= facts.keys()
    assert "<td>32 layers, 1 &lt;b&gt;</td>" in report.page(record)


def test_an_empty_folder_tells_what_is_known(tmp_path):
    (tmp_path / "run.json").write_text(
        json.dumps(
            {"run_id": "r", "line_id": "l", "output_name": "n", "target": str(tmp_path / "n.safetensors"), "steps": 5}
        )
    )
    assert report_facts.facts(registry.read(tmp_path)) == [("length", "5 steps")]
