"""The state that a run goes on from: found whole, or not used."""

from __future__ import annotations

import fuzz
import pytest
import run_folders
from athanor.training_core.errors import AthanorError
from athanor.training_core.resume import continuing, state
from athanor.training_core.resume.progress import RunProgress


@pytest.fixture
def written(tmp_path):
    """(the folder of all runs, the job, the file of its state)."""
    job = run_folders.job()
    captured = run_folders.resumable().capture(RunProgress(step=12, epoch=3))
    return tmp_path, job, state.write(tmp_path / job.run_id / "state", captured)


def test_a_state_is_read_as_it_was_written(written):
    root, job, _ = written
    found = continuing.start_point(root, job, 99)
    progress = RunProgress()
    run_folders.resumable().restore(found.state.read(), progress)
    assert (found.state.step, progress.step, progress.epoch, found.warnings) == (12, 12, 3, ())


def test_every_flipped_byte_is_found(written):
    """In tensors one would give other weights in silence, in the header a KeyError in mid-start."""
    root, job, path = written
    data = path.read_bytes()
    name = data.index(state.CHECKSUM.encode())
    for at in range(0, len(data), 29):
        path.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        found = continuing.start_point(root, job, 99)
        if (
            name <= at < name + len(state.CHECKSUM)
        ):  # as if written by a version that knew no checksum: the rest is sound
            continue
        assert found.state is None, at
        (said,) = found.warnings
        assert (
            said
            == f"The saved state {path.name} is damaged and cannot be used: the run begins at its first step again."
        )


def test_a_state_of_another_make(written):
    """Whatever it lacks is one sentence."""
    _, _, path = written
    whole = state.latest(path.parent).read()
    for lacking in ("optimizer", "scaler", "ema"):
        part = state.State(1, 0, whole.tensors, {k: v for k, v in whole.plain.items() if k != lacking})
        with pytest.raises(AthanorError, match="switch retrain on") as found:
            run_folders.resumable().restore(part, RunProgress())
        fuzz.check_message(str(found.value))
    path.write_bytes(b"other")
    with pytest.raises(AthanorError, match="queue the graph again"):
        state.SavedState(path=path, step=12, epoch=3).read()


def test_a_file_where_states_lie(tmp_path):
    (tmp_path / "state").write_text("in the way")
    assert state.latest(tmp_path / "state") is None and state.damaged(tmp_path / "state") is None
    assert state.step_of(tmp_path / "state") == 0


def test_a_state_tells_how_many_samples_the_probe_has(tmp_path):
    """A longer run that goes on from it could afford more, which would be another first look."""
    import torch

    for tensors, samples in (({"probe": torch.ones(3)}, 3), ({"x": torch.ones(2)}, None)):
        path = state.write(tmp_path, state.State(5, 1, tensors, {}))
        found = state.latest(path.parent)
        assert found is not None and found.probed == samples
