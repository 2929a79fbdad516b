"""The heads of metrics.jsonl: the numbers that curves are made of, without the rest of each line."""

import json
import math

import pytest
from athanor.training_core.history import heads, series

REST = {"grad_norm": 1.0, "pictures": [1, 2], "timesteps": [0.5, 1.0], "losses": [0.1, 0.2], "lrs": []}


def line(step: int, loss: float | None = 0.5, d_lr: float | None = None) -> str:
    return json.dumps(
        {"step": step, "epoch": 1 + step // 4, "loss": loss, "lr": 1e-4, **REST, "d_lr": d_lr, "memory": 1.5}
    )


def written(folder, *lines):
    (folder / "metrics.jsonl").write_text("".join(f"{text}\n" for text in lines))
    return heads.read(folder)


def test_only_the_head_of_a_line_is_read(tmp_path, monkeypatch):
    """A finished run's handle parsed every line: 2 s for 100,000 steps, 20 s and 2 GB for a million."""
    monkeypatch.setattr(heads, "parse_json", lambda _: pytest.fail("a whole line was parsed"))
    found = written(tmp_path, *(line(step, 1 / step, step * 1e-5 if step % 2 else None) for step in range(1, 200)))
    assert list(found.steps) == list(range(1, 200)) and found.epochs[7] == 3
    assert list(found.losses) == [1 / step for step in range(1, 200)]
    assert list(found.rates) == [step * 1e-5 if step % 2 else 1e-4 for step in range(1, 200)]


def test_steps_done_again_and_lines_of_a_killed_process(tmp_path):
    texts = [*map(line, range(1, 9)), '{"step": 9, "epoch": 3, "loss": 0.5, "lr": 0.00', line(5, 0.25), line(6, None)]
    found = written(tmp_path, *texts)
    assert list(found.steps) == [1, 2, 3, 4, 5, 6] == [entry["step"] for entry in series.sampled(tmp_path)]
    assert found.losses[4] == 0.25 and math.isnan(found.losses[5])


def test_lines_in_another_form_and_lines_that_are_none(tmp_path):
    """Another order, no d_lr, d_lr as the last field, whole numbers; then what a flipped byte or a stranger leaves."""
    good = ['{"lr": 1, "epoch": 1, "step": 1, "loss": 2}', '{"step": 2, "epoch": 1, "loss": 0.5, "lr": 0.1}']
    good += ['{"step": 3, "epoch": 1, "loss": null, "lr": 1.0, "d_lr": 0.25}', '{"step": 4, "epoch": 2}']
    bad = [
        '{"step": "5", "epoch": 1, "loss": 1.0, "lr": 1.0}',
        '{"step": 5, "loss": 1.0}',
        "[5]",
        "",
        "null",
        "[" * 9999,
    ]
    bad += [
        '{"step": 5, "epoch": 1, "loss": 1.x, "lr": 1.0}',
        '{"step": true, "epoch": 1}',
        f'{{"step": {10**30}, "epoch": 1}}',
    ]
    found = written(tmp_path, *good, *bad)
    assert list(found.steps) == [1, 2, 3, 4] and list(found.epochs) == [1, 1, 1, 2]
    assert list(found.rates[:3]) == [1.0, 0.1, 0.25] and found.losses[0] == 2.0
    assert math.isnan(found.losses[2]) and math.isnan(found.losses[3]) and math.isnan(found.rates[3])
    assert not heads.read(tmp_path / "none").steps
