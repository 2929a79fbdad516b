"""What is said when a stopped run is not gone on with: only what its user has changed, whichever version saved it."""

import json

import pytest
from athanor.training_core import settings as s
from athanor.training_core.resume import continuing

NOT_CONTINUED = "The stopped run of this name is not continued, since "
CHANGED = f"{NOT_CONTINUED}settings that matter have changed: "
OTHER_VERSION = f"{NOT_CONTINUED}it was made by another version of Athanor"


def job(**groups) -> s.Job:
    base = {
        "datasets": (s.DatasetSettings(folder="a"),),
        "buckets": s.BucketSettings(),
        "dataset_fingerprint": "d",
        "model_fingerprint": "m",
    }
    return s.Job(**(base | groups))


@pytest.fixture
def said(tmp_path):
    """What is said of a new job beside a run that was stopped at step 2 (or has `ended`), whose job.json `edit` may change."""

    def said(stopped: s.Job, new: s.Job, edit=lambda stored: None, line="l", ended=False) -> list[str]:
        folder = tmp_path / "0123456789abcdef"
        (folder / "state").mkdir(parents=True, exist_ok=True)
        (folder / "state" / "step00000002.safetensors").write_bytes(b"")
        run = {"run_id": folder.name, "line_id": line, "output_name": "my_lora", "target": "x", "steps": 8}
        (folder / "run.json").write_text(json.dumps(run))
        ends = '{"event": "done", "time": 2.0, "step": 8}\n' if ended else ""
        (folder / "events.jsonl").write_text('{"event": "started", "time": 1.0}\n' + ends)
        stored = json.loads(stopped.model_dump_json()) | {"graph": {"node": "1", "prompt": {}}}
        edit(stored)
        (folder / "job.json").write_text(json.dumps(stored))
        return list(continuing.start_point(tmp_path, new, 8).warnings)

    return said


def test_a_finished_run_of_another_version_is_named_and_no_other(said):
    """Who updates and queues a finished graph again reads why it is trained once more; who changes a setting knows why."""
    text = (
        "The finished run of this name is neither used nor continued, since it was made by another version of Athanor."
    )
    longer = job(training=s.TrainingSettings(epochs=20))
    assert said(job(), job(), ended=True) == said(job(), longer, ended=True) == [text]
    assert said(job(), job(network=s.NetworkSettings(rank=8)), ended=True) == []
    assert said(job(), longer, lambda stored: stored.update(group_of_tomorrow=1), ended=True) == [text]
    # Of this version, without a state to continue from:
    assert said(job(), longer, line=job().lineage_id, ended=True)[:1] != [text]


def test_what_was_changed_is_named_and_nothing_else(said):
    new = job(
        network=s.NetworkSettings(rank=32, blocks=s.BlockSettings(reg_dims="a=4")),
        datasets=(s.DatasetSettings(folder="b", repeats=3),),
        training=s.TrainingSettings(overwrite=True, gradient_checkpointing="all"),
        sampling=s.SamplingSettings(),
        dataset_fingerprint="e",
    )
    assert said(job(), new) == [
        f"{CHANGED}pictures or captions; repeats was 1, is 3; reg_dims was , is a=4; rank was 16, is 32."
    ]


def test_four_changes_are_named_and_the_others_counted(said):
    new = job(loss=s.LossSettings(loss_type="l1", huber_c=0.2, huber_scale=2, min_snr_gamma=5, prior_loss_weight=0.5))
    (text,) = said(job(), new)
    assert text.startswith(CHANGED) and text.endswith(" and 1 more.")


def test_another_dataset_is_counted(said):
    assert said(job(), job(datasets=(s.DatasetSettings(), s.DatasetSettings()))) == [f"{CHANGED}datasets was 1, is 2."]


def test_settings_that_an_older_version_lacked_count_as_their_default(said):
    def older(stored):
        del stored["loss"]["min_snr_gamma"], stored["network"]["blocks"], stored["conditioning"]

    assert said(job(), job(network=s.NetworkSettings(rank=8)), older) == [f"{CHANGED}rank was 16, is 8."]
    assert said(job(), job(loss=s.LossSettings(min_snr_gamma=5)), older) == [f"{CHANGED}min_snr_gamma was 0, is 5."]


def test_settings_of_another_version_are_named_only_if_nothing_else_explains_it(said):
    def newer(stored):
        stored["loss"]["setting_of_tomorrow"] = 0.0
        stored["group_of_tomorrow"] = {"strength": 1.0}

    assert said(job(), job(network=s.NetworkSettings(rank=8)), newer) == [f"{CHANGED}rank was 16, is 8."]
    assert said(job(), job(), newer) == [
        f"{OTHER_VERSION}, with settings that this one does not have: loss.setting_of_tomorrow, group_of_tomorrow."
    ]
    assert said(job(), job()) == [f"{OTHER_VERSION}."]


@pytest.mark.parametrize("text", ["", "[]", "null", '"x"', '{"datasets": 3}', '{"datasets": [3], "loss": []}'])
def test_a_job_file_that_cannot_be_read_stops_nothing(said, tmp_path, text):
    said(job(), job())
    (tmp_path / "0123456789abcdef" / "job.json").write_text(text)
    assert len(continuing.start_point(tmp_path, job(), 8).warnings) <= 1
    (tmp_path / "0123456789abcdef" / "events.jsonl").write_text('{"event": "done", "time": 2.0}\n')
    assert len(continuing.start_point(tmp_path, job(), 8).warnings) <= 1
