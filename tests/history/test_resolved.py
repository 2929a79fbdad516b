"""What a run was trained with, beside what it was asked for, in its folder and in its report."""

import json

from athanor.training_core.history import registry, report, resolved
from athanor.training_core.history.log import write_job
from athanor.training_core.settings import BlockSettings, BucketSettings, Job, NetworkSettings, NoiseSettings


def job(**groups) -> Job:
    return Job(datasets=(), buckets=BucketSettings(), dataset_fingerprint="d", model_fingerprint="m", **groups)


def test_what_was_trained_is_read_beside_what_was_asked_for(tmp_path):
    network = NetworkSettings(rank=4, blocks=BlockSettings(reg_dims="attn2=8"))
    asked = job(network=network, noise=NoiseSettings(noise_offset=0.1))
    trained = asked.model_copy(update={"noise": NoiseSettings(timestep_sampling="shift", flow_shift=3.1582)})
    write_job(tmp_path, asked, None)
    before = (tmp_path / "job.json").read_bytes()
    assert resolved.read(tmp_path) == (json.loads(asked.model_dump_json()), [])  # a run of an older version
    resolved.write(tmp_path, asked, trained)
    assert (tmp_path / "job.json").read_bytes() == before  # what is run again is what was asked for
    assert resolved.read(tmp_path) == (
        json.loads(trained.model_dump_json()),
        [
            "noise_offset 0.0 (asked for: 0.1)",
            "timestep_sampling shift (asked for: auto)",
            "flow_shift 3.1582 (asked for: 0.0)",
        ],
    )
    assert resolved.rows(tmp_path) == [
        ("network", "rank 4, reg_dims attn2=8"),
        ("noise", "timestep_sampling shift, flow_shift 3.1582"),
    ]
    (tmp_path / "run.json").write_text(
        json.dumps({"run_id": "r", "line_id": "l", "output_name": "x", "target": "x.safetensors", "steps": 1})
    )
    page = report.page(registry.read(tmp_path))
    assert "<td>rank 4, reg_dims attn2=8</td>" in page and "noise_offset 0.0 (asked for: 0.1)" in page


def test_broken_files_do_no_harm(tmp_path):
    assert resolved.read(tmp_path) == ({}, []) and resolved.rows(tmp_path) == []
    for text in ("{", "[]", "3", '{"noise": 3, "network": {"blocks": 4}}'):
        (tmp_path / "job.json").write_text(text)
        (tmp_path / "resolved.json").write_text(text.replace("network", "loss"))
        resolved.rows(tmp_path)
