"""Ids of runs outlast the versions of the pack: runs on disk and in the metadata of LoRA files have them.

If a frozen id below fails, a change would make every run of every user a new one. What to do instead: `was` for a setting
with another name and `first_default` for one with another default (settings/base.py).
"""

import json
import os
from pathlib import Path

import pytest
from athanor.training_core import settings as s
from athanor.training_core.settings import identity
from athanor.training_core.settings.base import setting

GROUPS = {
    "buckets": s.BucketSettings, "network": s.NetworkSettings, "loss": s.LossSettings, "noise": s.NoiseSettings,
    "optimizer": s.OptimizerSettings, "training": s.TrainingSettings, "cache": s.CacheSettings,
    "conditioning": s.ConditioningSettings, "validation": s.ValidationSettings,
}  # fmt: skip
DEFAULTS = Path(__file__).parent / "first_defaults.json"
PLAIN = ("289ffb9e107039ae", "289ffb9e107039ae")
RICH = ("698f5b792a78c1b3", "1541a9e9b800c819")


def plain(kind: type[s.Job] = s.Job, **values) -> s.Job:
    base = {
        "datasets": (s.DatasetSettings(folder="a"),),
        "buckets": s.BucketSettings(),
        "dataset_fingerprint": "d",
        "model_fingerprint": "m",
    }
    return kind(**(base | values))


def rich(kind: type[s.Job] = s.Job, **values) -> s.Job:
    """Two datasets, a group inside a group, and each type of value."""
    base = {
        "datasets": (
            s.DatasetSettings(folder="a", repeats=3, caption_dropout_rate=0.05),
            s.DatasetSettings(is_reg=True),
        ),
        "buckets": s.BucketSettings(width=768, height=768, batch_size=2),
        "network": s.NetworkSettings(rank=32, alpha=1.5, algo="locon", blocks=s.BlockSettings(reg_dims="attn2=8")),
        "noise": s.NoiseSettings(noise_offset=0.0357, zero_terminal_snr=True),
        "optimizer": s.OptimizerSettings(optimizer_type="Lion", lr_warmup_steps="5%"),
        "training": s.TrainingSettings(seed=3, epochs=7, gradient_checkpointing="all", mixed_precision="bf16"),
        "sampling": s.SamplingSettings(steps=4),
    }
    return plain(kind, **(base | values))


def ids(job: s.Job) -> tuple[str, str]:
    return job.run_id, job.lineage_id


def test_frozen_ids():
    assert ids(plain()) == PLAIN
    assert ids(rich()) == RICH


def test_the_format_number_is_part_of_an_id(monkeypatch):
    monkeypatch.setattr(identity, "FORMAT", identity.FORMAT + 1)
    assert plain().run_id != PLAIN[0]


def test_defaults_are_those_that_ids_go_by():
    """first_defaults.json has the default with which each setting came; ids of runs lack what is at it."""
    defaults = {
        e.key: e.default for e in identity.entries(s.Job, {"datasets": [{}]}, s.NOT_IN_IDENTITY) if e.key != "datasets"
    }
    defaults = {key: value for key, value in defaults.items() if not key.endswith("_fingerprint")}
    frozen = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    for key, value in frozen.items():
        assert key in defaults, f"{key} is gone: a renamed setting needs was=(old name,), another stays where it is."
        assert defaults[key] == value, f"{key} has another default: declare it with first_default={value!r}."
    if os.environ.get("ATHANOR_RENEW"):
        frozen |= defaults
        DEFAULTS.write_text(json.dumps(frozen, indent=1) + "\n", encoding="utf-8", newline="\n")
    assert frozen.keys() == defaults.keys(), (
        "New settings: ATHANOR_RENEW=1 python dev.py test tests/settings adds them."
    )


class SoftLoss(s.LossSettings):
    """As a later version could be: a setting more."""

    soft_min_snr_gamma: float = setting(0.0, "A tip.", ge=0, le=100)


class Weights(s.Settings):
    """A group more."""

    strength: float = setting(1.0, "A tip.", ge=0, le=1)


class SoftJob(s.Job):
    loss: SoftLoss = SoftLoss()
    weights: Weights = Weights()


def test_a_new_setting_or_group_at_its_default_changes_no_id():
    assert ids(plain(SoftJob)) == PLAIN and ids(rich(SoftJob)) == RICH
    assert ids(rich(SoftJob, loss=SoftLoss(soft_min_snr_gamma=0))) == RICH


def test_a_new_setting_that_is_used_makes_another_run():
    used = {plain(SoftJob).run_id, plain(SoftJob, weights=Weights(strength=0.5)).run_id}
    used |= {plain(SoftJob, loss=SoftLoss(soft_min_snr_gamma=value)).run_id for value in (0.5, 1, 5)}
    assert len(used) == 5


class RenamedNetwork(s.Settings):
    """Of NetworkSettings, what `rich` sets; rank has another name now."""

    dim: int = setting(16, "A tip.", was=("rank",), ge=1, le=100000)
    alpha: float = setting(8.0, "A tip.", ge=0, le=100000)
    algo: str = setting("lora", "A tip.")
    blocks: s.BlockSettings = s.BlockSettings()


class RenamedJob(s.Job):
    network: RenamedNetwork = RenamedNetwork()


def test_a_renamed_setting_keeps_ids_and_files_are_read():
    renamed = RenamedNetwork(dim=32, alpha=1.5, algo="locon", blocks=s.BlockSettings(reg_dims="attn2=8"))
    assert ids(plain(RenamedJob)) == PLAIN and ids(rich(RenamedJob, network=renamed)) == RICH
    stored = json.loads(rich().model_dump_json())
    assert identity.digest(RenamedJob, stored, s.NOT_IN_IDENTITY) == RICH[0]
    known = identity.read(RenamedNetwork, stored["network"])
    assert s.parse(RenamedNetwork, known) == renamed


class HuberLoss(s.LossSettings):
    """huber_c, which was 0.1, is 0.2 where a user says nothing."""

    huber_c: float = setting(0.2, "A tip.", first_default=0.1, ge=1e-4, le=10)


class HuberJob(s.Job):
    loss: HuberLoss = HuberLoss()


def test_another_default_changes_no_id():
    for value in (0.1, 0.2, 0.3):
        assert plain(HuberJob, loss=HuberLoss(huber_c=value)).run_id == plain(loss=s.LossSettings(huber_c=value)).run_id
    assert plain(HuberJob).run_id == plain(loss=s.LossSettings(huber_c=0.2)).run_id != PLAIN[0]


def test_equal_numbers_are_equal_whatever_their_type():
    copied = copy(plain(), loss=copy(s.LossSettings(), min_snr_gamma=5))
    assert copied.run_id == plain(loss=s.LossSettings(min_snr_gamma=5.0)).run_id != PLAIN[0]


def others(each: s.SettingInfo) -> list:
    """Other values of a setting: all choices, a text, or the nearest numbers within the bounds."""
    if each.kind == "choice":
        return [choice for choice in each.choices if choice != each.default]
    if each.kind in ("bool", "str"):
        return [not each.default if each.kind == "bool" else f"{each.default}x"]
    step = each.step or 1
    return [v for v in (each.default - step, each.default + step) if each.minimum <= v <= each.maximum]


def copy(group: s.Settings, **values) -> s.Settings:
    """With other values; rules between settings, such as multiples of 64, are no matter of identities."""
    return group.model_copy(update=values)


def variants() -> list[tuple[str, str, s.Job]]:
    """(group, setting, job): the plain job with another value of one setting, for all settings and choices."""
    found = [
        (group, each.name, copy(plain(), **{group: copy(kind(), **{each.name: value})}))
        for group, kind in GROUPS.items()
        for each in s.info(kind)
        for value in others(each)
    ]
    for each in s.info(s.BlockSettings):
        for value in others(each):
            network = copy(s.NetworkSettings(), blocks=copy(s.BlockSettings(), **{each.name: value}))
            found.append(("blocks", each.name, copy(plain(), network=network)))
    for each in s.info(s.DatasetSettings):
        for value in others(each):
            found.append(
                ("datasets", each.name, copy(plain(), datasets=(copy(plain().datasets[0], **{each.name: value}),)))
            )
    return found


def test_jobs_that_differ_in_one_setting_differ_in_their_id():
    tried, run_ids, line_ids = variants(), {PLAIN[0]: ("", "")}, {PLAIN[1]: ("", "")}
    kinds = [*GROUPS.values(), s.BlockSettings, s.DatasetSettings]
    assert {*GROUPS, "datasets", "sampling", "dataset_fingerprint", "model_fingerprint"} == set(s.Job.model_fields)
    assert len({(group, name) for group, name, _ in tried}) == sum(len(s.info(kind)) for kind in kinds)
    for group, name, job in tried:
        if name in s.NOT_IN_IDENTITY.get(group, ()):
            assert ids(job) == PLAIN, (group, name)
            continue
        assert job.run_id not in run_ids, (group, name, run_ids.get(job.run_id))
        run_ids[job.run_id] = (group, name)
        if name in ("epochs", "max_train_steps"):
            assert job.lineage_id == PLAIN[1], name
        else:
            assert job.lineage_id not in line_ids, (group, name)
            line_ids[job.lineage_id] = (group, name)
    assert plain(sampling=s.SamplingSettings(steps=3)).run_id == PLAIN[0]


def test_the_number_and_order_of_datasets_count():
    one, other = s.DatasetSettings(), s.DatasetSettings(repeats=2)
    tuples = [(one,), (one, one), (one, other), (other, one), (other,)]
    assert len({plain(datasets=datasets).run_id for datasets in tuples}) == len(tuples)


@pytest.mark.parametrize("job", [plain(), rich()], ids=["plain", "rich"])
def test_a_job_file_has_the_id_of_its_job(job):
    assert identity.digest(s.Job, json.loads(job.model_dump_json()), s.NOT_IN_IDENTITY) == job.run_id


def test_a_job_file_of_an_older_version_means_defaults():
    stored = json.loads(rich().model_dump_json())
    del stored["loss"], stored["network"]["blocks"]["conv_block_dims"], stored["validation"]["validation_seed"]
    del stored["datasets"][1]["repeats"]
    assert identity.digest(s.Job, stored, s.NOT_IN_IDENTITY) == RICH[0]


def test_settings_of_a_newer_version_are_named():
    stored = json.loads(rich().model_dump_json())
    stored["loss"]["soft"] = stored["network"]["blocks"]["more"] = stored["datasets"][1]["x"] = 1
    stored["weights"] = {"strength": 1}
    assert set(identity.unknown(s.Job, stored)) == {"loss.soft", "network.blocks.more", "datasets.x", "weights"}
    assert identity.digest(s.Job, stored, s.NOT_IN_IDENTITY) == RICH[0]
