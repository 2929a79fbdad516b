"""Loss curves of several runs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import registry
from athanor.training_core.settings import CurvesSettings

STEPS = 200


@pytest.fixture
def module(comfy):
    from athanor.training_core.charts import paint
    from athanor.training_core.compare import curves

    return curves, paint


@pytest.fixture
def record(tmp_path):
    """A run that is in the middle of a line."""
    run = tmp_path / "0123456789abcdef"
    run.mkdir()
    registry.write_run(
        registry.Record(
            folder=run,
            run_id=run.name,
            lineage_id="l",
            output_name="half",
            target=tmp_path / "half.safetensors",
            steps=400,
            events=(),
        )
    )
    lines = [
        {"step": i + 1, "epoch": i // 80 + 1, "loss": 0.1 + 0.1 * math.exp(-i / 50) + 0.02 * (-1) ** i, "lr": 1e-4}
        for i in range(STEPS)
    ]
    lines[100]["loss"] = None
    text = "\n".join(map(json.dumps, lines))
    (run / "metrics.jsonl").write_text(text + '\n{"step": 201, "lo')
    looks = [{"step": s, "percent": 100 - s / 10, "loss": 0.1, "label": "training pictures"} for s in (0, 100, 200)]
    events = [{"event": "probed", "time": 1.0, **look} for look in looks]
    (run / "events.jsonl").write_text("\n".join(map(json.dumps, events)))
    return registry.read(run)


def coloured(image, colour):
    """(rows, columns) of a colour."""
    return np.argwhere((np.asarray(image) == colour).all(2))


def test_an_unfinished_run_is_read_and_drawn(module, record):
    curves, paint = module
    curve = curves.of_record(record)
    assert (curve.name, len(curve.losses), curve.probes[-1]) == ("half", STEPS, (200, 80.0))
    assert curve.x("epoch")[79] == 1 and curve.x("epoch")[159] == 2 and curve.x("epoch")[199] == 2.5
    image = curves.draw([curve], CurvesSettings(probe=False, learning_rate=False))
    drawn = coloured(image, paint.COLOURS[0])
    rows = {x: drawn[drawn[:, 1] == x][:, 0].mean() for x in (150, 600, 1150)}
    assert rows[150] < rows[600] < rows[1150]  # the loss falls, so the curve goes down
    assert image.size == (1280, 800)


def test_two_runs_in_two_colours_and_panels_by_switch(module, record):
    curves, paint = module
    one = curves.of_record(record)
    other = replace(one, name="other", losses=tuple(2 * v for v in one.losses), probes=())
    settings = CurvesSettings()
    both = curves.draw([one, other], settings)
    low, high = (coloured(both, paint.COLOURS[i])[:, 0] for i in (0, 1))
    assert np.median(low) > np.median(high)  # the larger loss stands higher
    # Without panels and raw values less is drawn, and the loss has more room.
    plain = curves.draw([one, other], CurvesSettings(probe=False, learning_rate=False, raw=False))
    assert coloured(plain, paint.COLOURS[0])[:, 0].max() < 760
    assert len(np.unique(np.asarray(plain).reshape(-1, 3), axis=0)) < len(
        np.unique(np.asarray(both).reshape(-1, 3), axis=0)
    )
    for more in ({"log_scale": True}, {"x_axis": "epoch"}, {"half_life": 5.0}):
        assert curves.draw([one, other], CurvesSettings(**more)).tobytes() != both.tobytes()


@pytest.mark.parametrize("losses", [[0.5], [0.0, 0.0], [float("nan")] * 3, [0.3] * 9000, [1e-9, 1e9]])
@pytest.mark.parametrize("log", [False, True])
def test_odd_losses_are_drawn(module, losses, log):
    curves, _ = module
    curve = curves.Curve(
        name="odd",
        epochs=tuple(range(1, len(losses) + 1)),
        losses=tuple(losses),
        lrs=(0.0,) * len(losses),
        probes=((0, 100.0), (1, 100.0)),
    )
    assert curves.draw([curve] * 12, CurvesSettings(log_scale=log)).size == (1280, 800)


def test_no_run_and_no_step(module, record):
    curves, _ = module
    with pytest.raises(AthanorError, match="runs is empty"):
        curves.draw([], CurvesSettings())
    (record.folder / "metrics.jsonl").unlink()
    with pytest.raises(AthanorError, match="has no step yet"):
        curves.of_record(record)


def test_runs_are_named_in_lines_between_commas_and_in_quotes(module, record, monkeypatch):
    """Commas were part of a name here, while XYZ Axis took them for separators."""
    from dataclasses import replace as changed

    from athanor.training_core.host import folders

    curves, _ = module
    root = record.folder.parent
    monkeypatch.setattr(folders, "runs_folder", lambda: root)
    for i, name in enumerate(("a, b", "sub/c"), 1):
        other = root / f"{i:016}"
        other.mkdir()
        registry.write_run(
            changed(record, folder=other, run_id=other.name, output_name=name, target=root / f"{name[-1]}.safetensors")
        )
        (other / "metrics.jsonl").write_bytes((record.folder / "metrics.jsonl").read_bytes())
    for text in (
        "half, sub\\c",
        "half\nsub/c",
        '"half", sub/c,',
        "half || sub/c",
        f"{record.run_id}、sub/c",
        "half,\nhalf, sub/c",
    ):
        assert [curve.name for curve in curves.find(text)] == ["half", "c"], text
    for text, names in (("a, b", ["b"]), ('"a, b", half', ["b", "half"]), ("a, b\nhalf", ["b", "half"])):
        assert [curve.name for curve in curves.find(text)] == names, text
    with pytest.raises(AthanorError, match="runs: there is no run 'hal'"):
        curves.find("half, hal")
