"""Every setting there and back: settings -> metadata -> settings, by the fields that sd-scripts' tools read as well."""

import json

import pytest
from athanor.training_core.network import metadata_keys, recover
from athanor.training_core.network.metadata_keys import FLOW, NOT_TOLD, ROWS, value_of
from athanor.training_core.settings import JOB_GROUPS, Job
from settings_values import another, job_with, label_of, paths

UNTOLD = {path for group in NOT_TOLD.values() for path in group}
TOLD = [path for path in paths() if path not in UNTOLD]


def test_every_setting_has_its_keys_or_the_reason_why_not():
    """A new setting: give it sd-scripts' option (`flag`), a `key`, or a line in NOT_TOLD."""
    rows = [path for row in ROWS for path in row.settings]
    assert len(rows) == len(set(rows)), "two rows tell the same setting"
    assert not set(rows) & UNTOLD, "a setting that is told does not belong into NOT_TOLD"
    assert set(paths()) - set(rows) - UNTOLD == set(), "settings that no field of a file's metadata tells"
    assert set(rows) | UNTOLD <= set(paths()), "rows of settings that are none"


def test_every_group_of_a_job_is_known():
    values = {"dataset_fingerprint", "model_fingerprint"}
    assert {path.partition(".")[0] for path in JOB_GROUPS} == Job.model_fields.keys() - values


def test_no_key_is_told_twice():
    keys = [key for row in ROWS for key in row.keys]
    assert len(keys) == len(set(keys))
    assert set(keys) >= FLOW and set(keys) >= metadata_keys.SD_SCRIPTS


def fields(job, flow: bool) -> dict[str, str]:
    """Metadata as a file has it, without athanor_job: all texts."""
    written = metadata_keys.write(job, flow) | {"ss_optimizer": label_of(job)}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in written.items()}


def of_flow(path: str) -> bool:
    return any(key in FLOW for row in ROWS if path in row.settings for key in row.keys)


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("path", TOLD)
def test_there_and_back(path, ours):
    job, flow = job_with(path), of_flow(path)
    group, _, name = path.rpartition(".")
    default = JOB_GROUPS[group].model_fields[name].default
    assert value_of(job, path) == another(path) != default, "another value than the default is tried"
    metadata = fields(job, flow) | ({"athanor_run_id": "x"} if ours or flow else {})
    recovered = recover.recover(metadata, ["unet", "te1"] if job.network.text else ["unet"])
    assert not recovered.refused
    told = [p for p in TOLD if flow or not of_flow(p)]
    assert {p: recovered_value(recovered, p) for p in told} == {p: value_of(job, p) for p in told}


def recovered_value(recovered, path: str):
    group, *inner, name = path.split(".")
    settings = recovered.groups[JOB_GROUPS[group]]
    for one in inner:
        settings = getattr(settings, one)
    return getattr(settings, name)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"ss_weighting_scheme": "logit_normal"}, {"noise.timestep_sampling": "logit_normal"}),
        ({"ss_weighting_scheme": "cosmap"}, {"noise.timestep_sampling": "uniform", "loss.weighting_scheme": "cosmap"}),
        (
            {"ss_timestep_sampling": "sigma", "ss_weighting_scheme": "mode", "ss_discrete_flow_shift": "3.0"},
            {"noise.timestep_sampling": "mode", "noise.flow_shift": 3.0},
        ),
        (
            {"ss_timestep_sampling": "shift", "ss_discrete_flow_shift": "3.1582", "ss_model_prediction_type": "raw"},
            {"noise.timestep_sampling": "shift", "noise.flow_shift": 3.1582},
        ),
        (  # sd-scripts' default shift, of which sigmoid makes no use
            {"ss_timestep_sampling": "sigmoid", "ss_discrete_flow_shift": "3.0", "ss_weighting_scheme": "uniform"},
            {"noise.timestep_sampling": "sigmoid", "noise.flow_shift": 0.0, "loss.weighting_scheme": "none"},
        ),
        ({"ss_lr_scheduler": "adafactor:0.0001"}, {"optimizer.lr_scheduler": "adafactor"}),
        (
            {"ss_learning_rate": "0.0003", "ss_unet_lr": "None"},
            {"optimizer.learning_rate": 3e-4, "optimizer.unet_lr": ""},
        ),
        (
            {"ss_learning_rate": "0.0003", "ss_unet_lr": "0.0002", "ss_text_encoder_lr": "3e-4"},
            {"optimizer.unet_lr": "0.0002", "optimizer.text_encoder_lr": ""},
        ),
        ({"ss_resize_interpolation": "cubic", "ss_full_fp16": "True"}, {"training.full_precision": "fp16"}),
        (
            {"ss_network_args": '{"include": "attn2", "network_reg_dims": "attn2=4", "conv_dim": "8"}'},
            {"network.include": "attn2", "network.blocks.reg_dims": "attn2=4", "network.conv_rank": 8},
        ),
        (  # LyCORIS is given it as a member
            {"ss_network_dropout": "None", "ss_network_args": '{"dropout": "0.1"}'},
            {"network.dropout": 0.1},
        ),
        ({"ss_network_dropout": "0.2", "ss_network_args": '{"dropout": null}'}, {"network.dropout": 0.2}),
    ],
)
def test_what_sd_scripts_means_by_its_fields(theirs, ours):
    recovered = recover.recover(theirs)
    assert not recovered.refused
    assert {path: recovered_value(recovered, path) for path in ours} == ours


def test_a_loss_that_is_another_one_here_is_refused():
    recovered = recover.recover({"ss_model_prediction_type": "sigma_scaled", "ss_timestep_sampling": "sigma"})
    assert recovered.refused == ("model_prediction_type = sigma_scaled of sd-scripts",)
