"""A run of another length: which one it goes on from, what it takes over, and what is said."""

from __future__ import annotations

import json

import pytest
import run_folders
from athanor.training_core import settings as s
from athanor.training_core.files import is_file
from athanor.training_core.history import registry, report
from athanor.training_core.history.marks import stars
from athanor.training_core.history.run_files import companion
from athanor.training_core.resume import continuing, state
from athanor.training_core.resume.progress import RunProgress
from athanor.training_core.resume.taking_over import take_over

STEPS = run_folders.STEPS  # 3 epochs of 4 steps


def job_of(**training) -> s.Job:
    job = run_folders.job()
    return job.model_copy(update={"training": job.training.model_copy(update=training)})


@pytest.fixture
def finished(tmp_path):
    """(the folder of all runs, the record of a finished one with a star on its last file and its running mean beside it)."""
    folder = run_folders.write(tmp_path / "runs", tmp_path / "loras")
    record = registry.read(folder)
    companion(record.target, "ema").write_bytes(b"mean")
    return tmp_path / "runs", record


def test_which_lengths_go_on(finished):
    """More steps or epochs do, and the same length in other words; what is beyond the length asked for cannot be undone."""
    root, record = finished
    for training, steps in (
        ({"epochs": 4}, 16),
        ({"max_train_steps": 13}, 13),
        ({"max_train_steps": 13, "epochs": 9}, 13),
    ):
        found = continuing.start_point(root, job_of(**training), steps)
        assert found.before == record and found.state.step == STEPS
        assert found.warnings == ("Continues the run of 12 steps that was trained before, from step 12.",)
    found = continuing.start_point(root, job_of(max_train_steps=12), 12)
    assert (found.before, found.state.step) == (record, STEPS)
    assert found.warnings == ("Takes over the run of 12 steps that was trained before, which is as long as this one.",)
    learned = "; cat-000002.safetensors is what that run had learned by step 8"
    for training, steps, file in (({"epochs": 2}, 8, learned), ({"max_train_steps": 7}, 7, "")):
        found = continuing.start_point(root, job_of(**training), steps)
        assert (found.state, found.before) == (None, None)
        assert found.warnings == (
            f"The run of 12 steps with the same settings is beyond step {steps} already and cannot be made shorter, so this one "
            f"begins at its first step{file}.",
        )


def test_a_stopped_longer_run_is_no_shorter_one(finished):
    """At its step 12 of 20 it has not learned what a run of 12 steps has, where the rate depends on the length."""
    root, record = finished
    run = json.loads((record.folder / "run.json").read_text())
    (record.folder / "run.json").write_text(json.dumps(run | {"steps": 20}))
    assert continuing.start_point(root, job_of(max_train_steps=12), 12).state is None
    assert continuing.start_point(root, job_of(max_train_steps=16), 16).state.step == 12


def test_what_is_no_length_begins_anew(finished):
    """Each of these makes other steps of the same epochs: going on would mix two ways to train."""
    root, _ = finished
    for training in (
        {"gradient_accumulation_steps": 2}, {"processes": 2}, {"save_every_n_epochs": 2}, {"save_every_n_steps": 5}, {"seed": 1},
    ):  # fmt: skip
        assert continuing.start_point(root, job_of(epochs=9, **training), 36).before is None, training
    longer = job_of(epochs=9)
    for change in ({"batch_size": 2}, {"extra_resolutions": "96"}, {"bucket_reso_steps": 32}):
        other = longer.model_copy(update={"buckets": longer.buckets.model_copy(update=change)})
        assert continuing.start_point(root, other, 36).before is None, change
    for training in ({"overwrite": True}, {"blocks_to_swap": 3}, {"deterministic": "off"}):  # the same steps
        assert continuing.start_point(root, job_of(epochs=9, **training), 36).before is not None, training


def test_an_own_state_beyond_the_end_is_not_used(finished):
    root, _ = finished
    found = continuing.start_point(root, run_folders.job(), 10)
    assert found.state is None and found.warnings == (
        "The saved state step00000012.safetensors is beyond the 10 steps of the run, which another version of Athanor has counted "
        "otherwise: the run begins at its first step again.",
    )
    assert continuing.start_point(root, run_folders.job(), 12).state.step == 12


@pytest.mark.parametrize(
    ("steps", "per_epoch", "name", "kind", "epoch"),
    [(16, 4, "cat-000003", "epoch", 3), (16, 5, "cat-step00000012", "step", 2), (12, 4, None, None, None)],
)
def test_what_it_takes_over(finished, tmp_path, steps, per_epoch, name, kind, epoch):
    """The file at the end gets the name of its epoch, or of its step if it has ended within one; with its mean and its star.

    Sample pictures were missing in the longer run's list, its report and the page; so were the stars.
    """
    root, record = finished
    folder = root / job_of(epochs=99).run_id
    events = take_over(record, folder, steps, per_epoch, tmp_path / "copies")
    if name is None:
        assert events == [] and not list(record.target.parent.glob("cat-*3.*"))
        assert stars(folder) == {str(record.target)}
    else:
        (event,) = events
        path = record.target.with_name(f"{name}.safetensors")
        assert (event["path"], event["kind"], event["epoch"], event["step"]) == (str(path), kind, epoch, STEPS)
        assert path.read_bytes() == record.target.read_bytes() and companion(path, "ema").read_bytes() == b"mean"
        assert stars(folder) == {str(path)}
    run = json.loads((record.folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(run | {"run_id": folder.name, "steps": steps}))
    longer = registry.read(folder)
    assert [(e["step"], e["path"]) for e in longer.samples] == [(e["step"], e["path"]) for e in record.samples]
    assert all(is_file(folder / "samples" / f"cat_{step:06d}_00_1.png") for step in (0, 4, 8, 12))
    assert report.page(longer).count("<img") == report.page(record).count("<img") > 0


def test_what_is_due_after_a_step_is_in_its_state(tmp_path):
    """Interrupted while a picture was drawn, a run went on without it."""
    for due in (True, False):
        path = state.write(tmp_path, run_folders.resumable().capture(RunProgress(step=4, epoch=0, due=due)))
        progress = RunProgress()
        run_folders.resumable().restore(state.latest(tmp_path).read(), progress)
        assert progress.due is due and path.name == "step00000004.safetensors"
