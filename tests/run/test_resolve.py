"""The resolved job of every kind of family: what it is, and that a file tells it and gives it back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from athanor.training_core import settings as s
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.plan import length, sort_into_buckets
from athanor.training_core.errors import AthanorError
from athanor.training_core.families import FAMILIES
from athanor.training_core.network import metadata, metadata_keys, recover
from athanor.training_core.network.metadata_keys import NOT_TOLD, ROWS, value_of
from athanor.training_core.optim import names
from athanor.training_core.resume.compute_plan import ComputePlan, MemoryPlan
from athanor.training_core.run.resolve import Circumstances, computed, resolve
from athanor.training_core.settings import JOB_GROUPS
from athanor.training_core.settings.differences import differences
from settings_values import job_with, label_of, paths

UNTOLD = {path for group in NOT_TOLD.values() for path in group}
FAMILY = {family.title: family for family in FAMILIES}
KINDS = {
    "sd15": {"family": FAMILY["SD1.5"], "prediction": "eps", "encoders": ()},
    "sdxl": {"family": FAMILY["SDXL"], "prediction": "v", "encoders": ("clip_l", "clip_g")},
    "sd3": {"family": FAMILY["SD3"], "prediction": "flow", "encoders": ("clip_l", "clip_g", "t5xxl")},
    "flux": {"family": FAMILY["Flux.1 dev"], "prediction": "flow", "encoders": ("clip_l", "t5xxl")},
}


def circumstances(kind: str, job: s.Job) -> Circumstances:
    return Circumstances(precision="bf16", optimizer=names.named(job.optimizer), **KINDS[kind])


def resolved(kind: str, job: s.Job):
    found = resolve(job, circumstances(kind, job))
    plan = ComputePlan(
        settings=("auto", 0, "auto"), device="cpu", memory=MemoryPlan("part"), swapped=3, deterministic=False
    )
    return computed(found.job, plan, exact=True), found.warnings


def file_of(asked: s.Job, trained: s.Job, prediction: str) -> dict[str, str]:
    """The metadata of a run's file: all texts."""
    picture = Picture(
        path=Path("a"),
        name="a.png",
        content="a",
        size=(512, 512),
        caption="a cat",
        repeats=1,
        subset=len(asked.datasets) - 1,
    )
    buckets = sort_into_buckets(Dataset(asked.datasets, (picture,)), asked.buckets)
    facts = metadata.Facts(
        buckets=buckets,
        length=length(buckets, asked.training),
        family=FAMILY["SD1.5"],
        prediction=prediction,
        optimizer=label_of(trained),
        base_model=None,
        validation_images=0,
        fp8_base=False,
        clip_skip=0,
        started=1.0,
    )
    values = metadata.describe(asked, trained, facts)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def given_back(kind: str, path: str):
    """(trained, settings of the whole file, settings of its fields alone) of a job that asks for another value at `path`."""
    prediction = KINDS[kind]["prediction"]
    asked = job_with(path)
    trained, _ = resolved(kind, asked)
    fields = file_of(asked, trained, prediction)
    parts = ["unet", "te1"] if asked.network.text else ["unet"]
    alone = {key: text for key, text in fields.items() if key not in ("athanor_job", "athanor_trained")}
    return trained, recover.recover(fields, parts), recover.recover(alone, parts)


REFUSED = {("loss.v_pred_like_loss", "sdxl"), ("loss.scale_v_pred_loss_like_noise_pred", "sd15")}
"""(setting, kind): of another prediction than the model's. Flow models do not refuse them: they have no effect there."""


@pytest.mark.parametrize(
    ("path", "kind"), [(path, kind) for path in paths() for kind in KINDS if (path, kind) not in REFUSED]
)
def test_a_file_gives_back_what_was_trained(path, kind):
    """The whole of it from our own files; from the fields alone, what they tell."""
    trained, whole, alone = given_back(kind, path)
    assert not whole.refused and not alone.refused and not whole.missing
    for group, settings in JOB_GROUPS.items():
        if "." not in group and group != "sampling":
            value = getattr(trained, group)
            assert whole.groups[settings] == (value[0] if isinstance(value, tuple) else value)
    flow = KINDS[kind]["prediction"] == "flow"
    told = {
        p: value_of(trained, p) for row in ROWS for p in row.settings if flow or not set(row.keys) <= metadata_keys.FLOW
    }
    told["training.gradient_checkpointing"] = "all"  # sd-scripts knows on and off
    if path == "training.max_train_steps":
        told["training.epochs"] = 1  # of one step
    assert {p: _value(alone, p) for p in told} == told


@pytest.mark.parametrize(("path", "kind"), sorted(REFUSED))
def test_a_setting_of_another_prediction_is_refused(path, kind):
    with pytest.raises(AthanorError, match=f"^{path.partition('.')[2]} is for models that predict"):
        resolved(kind, job_with(path))


def _value(recovered: recover.Recovered, path: str):
    group, *inner, name = path.split(".")
    settings = recovered.groups[JOB_GROUPS[group]]
    for one in inner:
        settings = getattr(settings, one)
    return getattr(settings, name)


def job(**groups) -> s.Job:
    dataset = (s.DatasetSettings(folder="a"),)
    return s.Job(datasets=dataset, buckets=s.BucketSettings(), dataset_fingerprint="d", model_fingerprint="m", **groups)


def test_nothing_is_auto_any_more():
    """But what is decided anew for each picture, the density of models that draw timesteps uniformly in any case, and the size of
    control pictures, where there are none."""
    for kind in KINDS:
        trained, _ = resolved(kind, job())
        autos = {path for path in paths() if not path.startswith("sampling.") and value_of(trained, path) == "auto"}
        uniform = set() if KINDS[kind]["prediction"] == "flow" else {"noise.timestep_sampling"}
        assert autos == {"buckets.resize_interpolation", "buckets.control_size"} | uniform


@pytest.mark.parametrize(
    ("title", "asked", "trained"),
    [
        ("Flux.1 dev", "auto", "same"),
        ("Qwen-Image", "auto", "own"),
        ("Qwen-Image", "same", "same"),
        ("SD1.5", "own", "auto"),
        ("InstructPix2Pix", "own", "same"),
    ],
)
def test_control_size_is_the_familys(title, asked, trained):
    """And told of in the file only where there are control pictures."""
    wanted = job().model_copy(update={"buckets": s.BucketSettings(control_size=asked)})
    known = replace(circumstances("flux", wanted), family=FAMILY[title], paired=True)
    found = resolve(wanted, known)
    assert found.job.buckets.control_size == trained
    assert any("control_size own has no effect" in text for text in found.warnings) == (
        (asked, trained) == ("own", "same")
    )
    assert resolve(wanted, replace(known, paired=False)).job.buckets.control_size == "auto"


def test_a_flux_job_tells_what_it_trains():
    """E15: noise_offset 0.1 was told and not trained, auto was told and shift 3.1582 trained."""
    asked = job(noise=s.NoiseSettings(noise_offset=0.1), loss=s.LossSettings(min_snr_gamma=5, huber_c=0.3))
    trained, warnings = resolved("flux", asked)
    told = file_of(asked, trained, "flow")
    expected = {
        "ss_noise_offset": "None", "ss_min_snr_gamma": "None", "ss_timestep_sampling": "shift",
        "ss_discrete_flow_shift": "3.1582", "ss_mixed_precision": "bf16", "ss_gradient_checkpointing": "True",
        "ss_huber_c": "0.1",
    }  # fmt: skip
    assert {key: told[key] for key in expected} == expected
    assert warnings == ["min_snr_gamma, noise_offset: no effect on a rectified-flow model; ignored."]
    assert json.loads(told["athanor_job"])["noise"]["noise_offset"] == 0.1
    assert json.loads(told["athanor_trained"]) == {
        "loss": {"min_snr_gamma": 0.0, "huber_c": 0.1},
        "noise": {"noise_offset": 0.0, "timestep_sampling": "shift", "flow_shift": 3.1582},
        "training": {
            "mixed_precision": "bf16", "gradient_checkpointing": "part", "blocks_to_swap": 3, "deterministic": "on",
        },
    }  # fmt: skip


def test_settings_of_another_algo_are_not_told():
    network = s.NetworkSettings(
        factor=8, full_matrix=True, block_size=2, constraint=0.1, wd_on_output=False, conv_alpha=3
    )
    assert resolved("sd15", job(network=network))[0].network == s.NetworkSettings()
    lokr = s.NetworkSettings(algo="lokr", factor=8, dora=True, wd_on_output=False, conv_rank=4, conv_alpha=3)
    assert resolved("sd15", job(network=lokr))[0].network == lokr
    by_layer = s.NetworkSettings(preset_toml='unet_target_module = ["Attention"]', factor=8)
    assert resolved("sd15", job(network=by_layer))[0].network == by_layer


def test_lora_plus_has_no_effect_where_the_optimizer_finds_the_rate():
    asked = job(network=s.NetworkSettings(loraplus_lr_ratio=4), optimizer=s.OptimizerSettings(optimizer_type="Prodigy"))
    assert resolved("sd15", asked)[0].network.loraplus_lr_ratio == 0


def test_who_a_run_is_follows_from_what_was_asked_for():
    asked = job(noise=s.NoiseSettings(noise_offset=0.1))
    trained, _ = resolved("flux", asked)
    told = file_of(asked, trained, "flow")
    assert told["athanor_run_id"] == asked.run_id != trained.run_id
    assert differences(asked, asked) == {}


def test_what_has_no_effect_is_said_once_and_not_told():
    asked = job(
        network=s.NetworkSettings(
            algo="lokr", alpha=0, rank=12, dropout=0.1, scale_weight_norms=1, loraplus_lr_ratio=4
        ),
        conditioning=s.ConditioningSettings(guidance_scale=3.5, t5_dropout_rate=0.1, clip_g_dropout_rate=0.2),
        optimizer=s.OptimizerSettings(text_encoder_lr="5e-5", lr_scheduler_power=2.0),
    )
    trained, warnings = resolved("sdxl", asked)
    assert trained.network == s.NetworkSettings(algo="lokr", alpha=12, rank=12)
    assert trained.conditioning == s.ConditioningSettings(clip_g_dropout_rate=0.2)
    assert trained.optimizer == s.OptimizerSettings()
    assert warnings == [
        "guidance_scale has no effect: SDXL has no guidance input.",
        "t5_dropout_rate: no effect, the CLIP has no such separate text encoder (it has clip_l, clip_g).",
        "dropout has no effect with lokr; rank_dropout and module_dropout have.",
        "scale_weight_norms has no effect with lokr; it is for lora and locon.",
        "loraplus_lr_ratio has no effect with lokr; it is for lora and locon.",
    ]
    whole = job(network=s.NetworkSettings(algo="finetune"), training=s.TrainingSettings(save_diffusers_copy=True))
    trained, warnings = resolved("sd15", whole)
    assert not trained.training.save_diffusers_copy
    assert warnings == ["save_diffusers_copy has no effect with algo finetune."]


def test_resolving_twice_changes_nothing():
    for kind in KINDS:
        asked = job(network=s.NetworkSettings(alpha=0, conv_rank=4, conv_alpha=0))
        once = resolve(asked, circumstances(kind, asked)).job
        assert resolve(once, circumstances(kind, once)).job == once


def test_a_network_that_is_always_skipped_is_refused():
    """module_dropout 1 trained nothing."""
    job = job_with("network.rank")
    job = job.model_copy(update={"network": s.NetworkSettings(module_dropout=1.0)})
    with pytest.raises(AthanorError, match=r"^module_dropout is 1: "):
        resolve(job, circumstances("sd15", job))
