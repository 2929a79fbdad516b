"""Loss curves of several runs."""

import json
import math

import numpy as np
import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import CurvesSettings

STEPS = 200


@pytest.fixture
def module(comfy):
    from athanor.training_core.compare import curves, plot

    return curves, plot


@pytest.fixture
def folder(tmp_path):
    """A run that is in the middle of a line."""
    run = tmp_path / "0123456789abcdef"
    run.mkdir()
    (run / "job.json").write_text(json.dumps({"training": {"output_name": "half"}}))
    lines = [
        {"step": i + 1, "epoch": i // 80 + 1, "loss": 0.1 + 0.1 * math.exp(-i / 50) + 0.02 * (-1) ** i, "lr": 1e-4}
        for i in range(STEPS)
    ]
    lines[100]["loss"] = float("nan")
    text = "\n".join(map(json.dumps, lines))
    (run / "metrics.jsonl").write_text(text + '\n{"step": 201, "lo')
    events = [{"event": "probed", "step": s, "percent": 100 - s / 10} for s in (0, 100, 200)]
    (run / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    return run


def coloured(image, colour):
    """(rows, columns) of a colour."""
    return np.argwhere((np.asarray(image) == colour).all(2))


def test_an_unfinished_run_is_read_and_drawn(module, folder):
    curves, plot = module
    curve = curves.of_folder(folder)
    assert (curve.name, len(curve.losses), curve.probes[-1]) == ("half", STEPS, (200, 80.0))
    assert curve.x("epoch")[79] == 1 and curve.x("epoch")[159] == 2 and curve.x("epoch")[199] == 2.5
    image = plot.draw([curve], CurvesSettings(probe=False, learning_rate=False))
    drawn = coloured(image, plot.COLOURS[0])
    rows = {x: drawn[drawn[:, 1] == x][:, 0].mean() for x in (150, 600, 1150)}
    assert rows[150] < rows[600] < rows[1150]  # the loss falls, so the curve goes down
    assert image.size == (1280, 800)


def test_two_runs_in_two_colours_and_panels_by_switch(module, folder):
    curves, plot = module
    one = curves.of_folder(folder)
    other = curves.Curve("other", one.steps, one.epochs, tuple(2 * v for v in one.losses), one.lrs, ())
    settings = CurvesSettings()
    both = plot.draw([one, other], settings)
    low, high = (coloured(both, plot.COLOURS[i])[:, 0] for i in (0, 1))
    assert np.median(low) > np.median(high)  # the larger loss stands higher
    # Without panels and raw values less is drawn, and the loss has more room.
    plain = plot.draw([one, other], CurvesSettings(probe=False, learning_rate=False, raw=False))
    assert coloured(plain, plot.COLOURS[0])[:, 0].max() < 760
    assert len(np.unique(np.asarray(plain).reshape(-1, 3), axis=0)) < len(
        np.unique(np.asarray(both).reshape(-1, 3), axis=0)
    )
    for more in ({"log_scale": True}, {"x_axis": "epoch"}, {"half_life": 5.0}):
        assert plot.draw([one, other], CurvesSettings(**more)).tobytes() != both.tobytes()


def test_the_mean_looks_back_only(module):
    _, plot = module
    losses = [1.0, 2.0, float("nan"), 4.0, 1.0]
    whole = plot._smooth(losses, 2.0)
    assert plot._smooth(losses[:3], 2.0) == whole[:3] and all(map(math.isfinite, whole))


@pytest.mark.parametrize("losses", [[0.5], [0.0, 0.0], [float("nan")] * 3, [0.3] * 9000, [1e-9, 1e9]])
@pytest.mark.parametrize("log", [False, True])
def test_odd_losses_are_drawn(module, losses, log):
    curves, plot = module
    steps = tuple(range(1, len(losses) + 1))
    curve = curves.Curve("odd", steps, steps, tuple(losses), (0.0,) * len(losses), ((0, 100.0), (1, 100.0)))
    assert plot.draw([curve] * 12, CurvesSettings(log_scale=log)).size == (1280, 800)


def test_no_run_and_no_step(module, tmp_path):
    curves, plot = module
    with pytest.raises(AthanorError, match="runs is empty"):
        plot.draw([], CurvesSettings())
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(AthanorError, match="has no step yet"):
        curves.of_folder(tmp_path)
