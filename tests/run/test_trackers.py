"""What TensorBoard gets."""

import math
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.history.events import Probed, Stepped
from athanor.training_core.run import trackers
from athanor.training_core.settings import BucketSettings, Job, TrainingSettings


def job(log_with: str) -> Job:
    return Job(
        datasets=(),
        buckets=BucketSettings(),
        training=TrainingSettings(log_with=log_with),
        dataset_fingerprint="d",
        model_fingerprint="m",
    )


def stepped(step: int, loss: float, lr: float, norm: float, d_lr: float | None = None) -> Stepped:
    return Stepped(step=step, epoch=1, loss=loss, lr=lr, grad_norm=norm, seconds=0.1, d_lr=d_lr)


EVENTS = [
    stepped(1, 3.0, 1e-4, 0.5),
    stepped(2, 1.0, 2e-4, 0.5, d_lr=3e-4),
    Probed(2, 0.5, 50.0, "x"),
    Probed(3, math.nan, math.nan, "x"),
]


def test_tensorboard_reads_what_is_logged(tmp_path: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with trackers.tracking(job("tensorboard"), tmp_path) as tracker:
        assert list(tracker.logged(EVENTS)) == EVENTS
    found = EventAccumulator(str(tmp_path / "logs"))
    found.Reload()
    values = {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert values["loss/current"] == [(1, 3.0), (2, 1.0)] and values["loss/average"] == [(1, 3.0), (2, 2.0)]
    assert [step for step, _ in values["lr/unet"]] == [1, 2] and values["loss/probe"] == [(2, 0.5)]
    assert [step for step, _ in values["lr/d*lr/unet"]] == [2]


def test_nothing_is_logged_unasked(tmp_path: Path):
    with trackers.tracking(job("none"), tmp_path) as tracker:
        assert list(tracker.logged(EVENTS)) == EVENTS
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    with (
        pytest.raises(AthanorError, match="log_with wandb needs packages that are missing"),
        trackers.tracking(job("wandb"), tmp_path),
    ):
        pass


def test_a_step_that_was_skipped_leaves_a_gap(tmp_path: Path):
    """No infinite gradient in a chart, and no average that is NaN for ever after."""
    from math import inf, nan

    logged = []

    class Noting:
        def log(self, values, step):
            logged.append((step, values))

    tracker = trackers.Tracker(Noting())
    list(tracker.logged([stepped(1, 3.0, 1e-4, inf), stepped(2, nan, 1e-4, nan), *EVENTS[1:2]]))
    assert [values.get("norm/grad_norm") for _, values in logged] == [None, None, 0.5]
    assert [values.get("loss/current") for _, values in logged] == [3.0, None, 1.0]
    assert [values["loss/average"] for _, values in logged] == [3.0, 3.0, 2.0]
