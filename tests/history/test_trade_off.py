"""Likeness against prompt following: which points, what joins them, which are best."""

import json

import scored
from athanor.training_core.history import scores, trade_off


def comparison(tmp_path, rows):
    data = scored.comparison_scores({})
    data["checkpoints"] = rows
    (tmp_path / "scores.json").write_text(json.dumps(data))
    found = scores.of_comparison(tmp_path)
    assert found is not None
    return trade_off.of_comparison(found)


def row(labels, likeness, prompt, copies=0):
    return {"values": labels, "likeness": scored.mean(likeness), "prompt": scored.mean(prompt), "copies": copies}


def test_points_are_joined_along_epochs_and_the_best_have_no_copies(tmp_path):
    rows = [row(["base model"], 0.4, 0.3)]
    rows += [row([strength, epoch], *at) for strength, epoch, at in (
        ("0.8", "epoch 2", (0.5, 0.28)), ("1", "epoch 2", (0.6, 0.25)), ("0.8", "epoch 4", (0.55, 0.2)), ("1", "epoch 4", (0.9, 0.2, 3)),
    )]  # fmt: skip
    found = comparison(tmp_path, rows)
    assert found is not None and (found.x, found.y, found.note) == ("prompt", "likeness", "")
    assert [(p.label, p.group, p.best) for p in found.points] == [
        ("base model", "", False), ("0.8, epoch 2", "all, 0.8", True), ("1, epoch 2", "all, 1", True),
        ("0.8, epoch 4", "all, 0.8", False), ("1, epoch 4", "all, 1", False),
    ]  # fmt: skip


def test_runs_of_one_axis_are_lines_of_their_own_and_averages_are_on_none(tmp_path):
    labels = ["v1 epoch 2", "v1 epoch 4", "v2 epoch 2", "mean 2-4"]
    found = comparison(tmp_path, [row([label], 0.5, 0.3) for label in labels])
    assert found is not None and [p.group for p in found.points] == ["all, v1", "all, v1", "all, v2", ""]


def test_without_a_prompt_score_it_is_variety_and_says_so(tmp_path):
    rows = [
        {"values": [f"epoch {e}"], "likeness": scored.mean(e / 10), "variety": scored.mean(0.3), "copies": 0}
        for e in (1, 2)
    ]
    found = comparison(tmp_path, rows)
    assert found is not None and found.x == "variety" and "The prompt was not scored" in found.note
    assert comparison(tmp_path, rows[:1]) is None


def test_of_a_run(tmp_path):
    """Measured by the scorer that measured last."""
    other = scored.scored(10, 1, 0.9) | {"scorer": "another"}
    events = [other, scored.scored(20, 2, 0.5), scored.scored(30, 3, 0.6, copies=1)]
    found = trade_off.of_steps(scores.of_events(events))
    assert found is not None and [(p.label, p.copies) for p in found.points] == [("epoch 2", 0), ("epoch 3", 1)]
    assert found.as_json()["points"][0]["y"] == {"mean": 0.5, "error": 0.0, "n": 2}
    assert trade_off.of_steps(()) is None
