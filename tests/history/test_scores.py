"""The reader of scores: whole files, broken ones, and runs that have gone on."""

from __future__ import annotations

import json

import pytest
import scored
from athanor.training_core.history import lines, scores


def test_a_comparison_tells_its_scores(tmp_path):
    values = {"a" * 24: 0.5, "b" * 24: 0.6, "c" * 24: 0.8, "d" * 24: 0.95}
    scored.write_comparison_scores(tmp_path, cells=values, checkpoints=[("epoch 1",), ("epoch 2",)])
    found = scores.of_comparison(tmp_path)
    assert found is not None and found.scorer.weak and found.scorer.references == 12
    assert {key: cell.values["likeness"] for key, cell in found.cells.items()} == values
    assert [cell.copy for cell in found.cells.values()] == [False, False, False, True]
    assert found.cells["a" * 24].thumbnail == "scores/a.png.jpg" and found.cells["a" * 24].nearest == "a.png"
    assert [row.labels for row in found.checkpoints] == [("epoch 1",), ("epoch 2",)]
    assert found.checkpoints[1].values["likeness"] == scores.Measured(0.875, 0.01, 2)
    assert found.checkpoints[1].copies == 1 and "copies" not in found.checkpoints[1].values


def test_a_run_tells_its_scores_once_after_it_was_resumed():
    events = [
        scored.scored(0, 0, 0.4),
        scored.scored(10, 1, 0.5),
        scored.scored(20, 2, 0.9),  # of a session that was killed
        {"event": "resumed", "step": 10},
        scored.scored(20, 2, 0.6, copies=1),
    ]
    assert all(lines.is_event(event) for event in events)
    found = scores.of_events(events)
    assert [(each.step, each.values["likeness"].mean) for each in found] == [(0, 0.4), (10, 0.5), (20, 0.6)]
    assert [picture.copy for picture in found[-1].pictures] == [True, False]


@pytest.mark.parametrize(
    "path", ["scorer", "cells", "checkpoints", "verdict", "scorer/values", "scorer/copy_threshold"]
)
@pytest.mark.parametrize("value", [None, 7, "text", [], [[]], {}, {"a": 5}, [{"name": 3}], float("nan"), 1e400])
def test_broken_parts_are_left_out(tmp_path, path, value):
    data = scored.comparison_scores({"a": 0.5}, [("epoch 1",)])
    *outer, last = path.split("/")
    (data[outer[0]] if outer else data)[last] = value
    (tmp_path / scores.FILE).write_text(json.dumps(data))
    found = scores.of_comparison(tmp_path)
    assert found is None or isinstance(found.verdict, str)


def test_no_path_leads_out_of_the_folder(tmp_path):
    data = scored.comparison_scores({"a": 0.5})
    for bad in ("../x.jpg", "scores/../../x.jpg", "scores/a\\b.jpg", "/etc/x.jpg", "scores/C:x.jpg", "scores/a.png", 5):
        data["cells"]["a"]["thumbnail"] = bad
        (tmp_path / scores.FILE).write_text(json.dumps(data))
        found = scores.of_comparison(tmp_path)
        assert found is not None and found.cells["a"].thumbnail == ""


def test_a_line_with_broken_scores_is_no_event():
    good = scored.scored(10, 1, 0.5)
    for name, bad in {"values": [1], "scores": [1], "copies": -1, "weak": 1, "title": None, "step": "10"}.items():
        assert not lines.is_event({**good, name: bad})


def test_errors_of_a_run_tell_its_steps_apart():
    """Two prompts at 0.2 and 0.4 gave each step an error of 0.1, beside which a rise by 0.02 in both was lost."""

    def event(epoch, likeness):
        told = scored.scored(10 * epoch, epoch, 0.3)
        pictures = [{"index": i, "same_prompt": i - i % 2, **scored.cell(value)} for i, value in enumerate(likeness)]
        return told | {"values": told["values"] | {"likeness": scored.mean(0.3, 4, 0.1)}, "scores": pictures}

    events = [event(1, (0.2, 0.2, 0.4, 0.4)), event(2, (0.22, 0.22, 0.42, 0.42)), event(3, (0.24, 0.24, 0.46, 0.46))]
    told = [each.values for each in scores.measured_alike(scores.of_events(events))]
    # Pictures of one prompt are no two witnesses: only the third step has prompts that rise by different amounts.
    assert [each["likeness"].error for each in told] == [0.0035, 0.0035, 0.0071]
    assert told[0]["variety"].error is None and told[0]["likeness"].mean == 0.3
    assert scores.measured_alike(scores.of_events(events[:1]))[0].values["likeness"].error == 0.1
