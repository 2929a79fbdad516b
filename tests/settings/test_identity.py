"""Ids of runs outlast the versions of the pack: runs on disk and in the metadata of LoRA files have them.

If a frozen id below fails, a change would make every run of every user a new one. What to do instead: `was` for a setting
with another name and `first_default` for one with another default (settings/base.py).
"""

import copy
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
FROZEN = json.loads((Path(__file__).parent / "frozen_jobs.json").read_text(encoding="utf-8"))
"""Two jobs with their ids, as the first version with these ids wrote them. rich has other values in many groups, two datasets,
and a group inside a group."""
PLAIN, RICH = ((FROZEN[name]["run_id"], FROZEN[name]["lineage_id"]) for name in ("plain", "rich"))


def stored(name: str) -> dict:
    """A frozen job.json, to be changed at will."""
    return copy.deepcopy(FROZEN[name]["job"])


def plain(kind: type[s.Job] = s.Job, **groups) -> s.Job:
    return kind(**(identity.read(kind, stored("plain")) | groups))


def rich(kind: type[s.Job] = s.Job, **groups) -> s.Job:
    return kind(**(identity.read(kind, stored("rich")) | groups))


def changed(group: s.Settings, **values) -> s.Settings:
    """With other values; rules between settings, such as multiples of 64, are no matter of identities."""
    return group.model_copy(update=values)


def ids(job: s.Job) -> tuple[str, str]:
    return job.run_id, job.lineage_id


def test_frozen_ids():
    assert ids(plain()) == PLAIN
    assert ids(rich()) == RICH


def test_the_format_number_is_part_of_an_id(monkeypatch):
    values = plain().model_dump()
    assert identity.digest(s.Job, values, s.NOT_IN_IDENTITY) == PLAIN[0]
    monkeypatch.setattr(identity, "FORMAT", identity.FORMAT + 1)
    assert identity.digest(s.Job, values, s.NOT_IN_IDENTITY) != PLAIN[0]


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
    loss = rich(SoftJob).loss
    assert ids(rich(SoftJob, loss=changed(loss, soft_min_snr_gamma=0))) == RICH


def test_a_new_setting_that_is_used_makes_another_run():
    used = {plain(SoftJob).run_id, plain(SoftJob, weights=Weights(strength=0.5)).run_id}
    loss = plain(SoftJob).loss
    used |= {plain(SoftJob, loss=changed(loss, soft_min_snr_gamma=value)).run_id for value in (0.5, 1, 5)}
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
    assert rich(RenamedJob).network == RenamedNetwork(
        dim=32, alpha=1.5, algo="locon", blocks=s.BlockSettings(reg_dims="attn2=8")
    )
    assert ids(plain(RenamedJob)) == PLAIN and ids(rich(RenamedJob)) == RICH
    assert identity.digest(RenamedJob, stored("rich"), s.NOT_IN_IDENTITY) == RICH[0]
    written = json.loads(rich(RenamedJob).model_dump_json())
    assert written["network"]["dim"] == 32
    assert identity.digest(RenamedJob, written, s.NOT_IN_IDENTITY) == RICH[0]


class RenamedDataset(s.Settings):
    """Of DatasetSettings, what `rich` sets; repeats has another name now, and others are gone."""

    folder: str = setting("", "A tip.")
    times: int = setting(1, "A tip.", was=("repeats",), ge=1)
    is_reg: bool = setting(False, "A tip.")


class DatasetsJob(s.Job):
    datasets: tuple[RenamedDataset, ...]


def test_a_renamed_setting_of_datasets_is_read_in_each_of_them():
    values = stored("rich")
    values["datasets"] = [{"folder": "a", "repeats": 3}, {"folder": "b", "is_reg": True, "gone": 1}]
    job = DatasetsJob(**identity.read(DatasetsJob, values))
    assert job.datasets == (RenamedDataset(folder="a", times=3), RenamedDataset(folder="b", is_reg=True))
    assert job.run_id == s.Job(**identity.read(s.Job, values)).run_id


class HuberLoss(s.LossSettings):
    """Its huber_c, which was 0.1 where a user said nothing, is 0.2."""

    huber_c: float = setting(0.2, "A tip.", first_default=0.1, ge=1e-4, le=10)


class HuberJob(s.Job):
    loss: HuberLoss = HuberLoss()


def test_another_default_changes_no_id():
    assert ids(plain(HuberJob)) == PLAIN and plain(HuberJob).loss.huber_c == 0.1
    loss = plain().loss
    run_ids = [plain(HuberJob, loss=HuberLoss(**(loss.model_dump() | {"huber_c": c}))).run_id for c in (0.1, 0.2, 0.3)]
    assert run_ids == [plain(loss=changed(loss, huber_c=c)).run_id for c in (0.1, 0.2, 0.3)] and len(set(run_ids)) == 3
    values = loss.model_dump(exclude={"huber_c"})
    assert plain(HuberJob, loss=HuberLoss(**values)).run_id == run_ids[1]


def test_equal_numbers_are_equal_whatever_their_type():
    loss = plain().loss
    one, other = (changed(plain(), loss=changed(loss, min_snr_gamma=value)) for value in (5, 5.0))
    assert one.run_id == other.run_id != PLAIN[0]


def others(each: s.SettingInfo, value) -> list:
    """Allowed values of a setting besides `value`: all choices, another text, or the nearest numbers."""
    if each.kind == "choice":
        return [choice for choice in each.choices if choice != value]
    if each.kind in ("bool", "str"):
        return [not value if each.kind == "bool" else f"{value}x"]
    step = each.step or 1
    return [v for v in (value - step, value + step) if each.minimum <= v <= each.maximum]


def variants() -> list[tuple[str, str, s.Job]]:
    """(group, setting, job): the plain job with another value of one setting, for all settings and choices."""
    base, tried = plain(), []
    groups = [(name, getattr(base, name), lambda new, name=name: changed(base, **{name: new})) for name in GROUPS]
    groups += [
        ("blocks", base.network.blocks, lambda new: changed(base, network=changed(base.network, blocks=new))),
        ("datasets", base.datasets[0], lambda new: changed(base, datasets=(new,))),
    ]
    for name, group, job_with in groups:
        for each in s.info(type(group)):
            for value in others(each, getattr(group, each.name)):
                tried.append((name, each.name, job_with(changed(group, **{each.name: value}))))
    return tried


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
        if name in ("epochs", "max_train_steps", "patience"):
            assert job.lineage_id == PLAIN[1], name
        else:
            assert job.lineage_id not in line_ids, (group, name)
            line_ids[job.lineage_id] = (group, name)
    assert plain(sampling=s.SamplingSettings(steps=3)).run_id == PLAIN[0]


def test_with_patience_what_is_measured_makes_another_run():
    """The probe decides when it ends; still, each goes on from the other."""
    patient = [{"patience": 3}, {"patience": 3, "probe_samples": 4}, {"patience": 3, "validate_every_n_steps": 9}]
    jobs = [plain(validation=s.ValidationSettings(**values)) for values in patient]
    assert len({job.run_id for job in jobs}) == len(jobs) and {job.lineage_id for job in jobs} == {PLAIN[1]}


def test_the_number_and_order_of_datasets_count():
    one, other = s.DatasetSettings(), s.DatasetSettings(repeats=2)
    tuples = [(one,), (one, one), (one, other), (other, one), (other,)]
    assert len({plain(datasets=datasets).run_id for datasets in tuples}) == len(tuples)


@pytest.mark.parametrize("name", ["plain", "rich"])
def test_a_job_file_has_the_id_of_its_job(name):
    job = s.Job(**identity.read(s.Job, stored(name)))
    for values in (stored(name), json.loads(job.model_dump_json())):
        assert identity.digest(s.Job, values, s.NOT_IN_IDENTITY) == FROZEN[name]["run_id"]
    assert not list(identity.unknown(s.Job, stored(name)))


def test_a_job_file_of_an_older_version_means_defaults():
    older = stored("rich")
    del older["loss"], older["network"]["blocks"]["conv_block_dims"], older["validation"]["validation_seed"]
    del older["datasets"][1]["repeats"]
    assert identity.digest(s.Job, older, s.NOT_IN_IDENTITY) == RICH[0]


def test_settings_of_a_newer_version_are_named():
    newer = stored("rich")
    newer["loss"]["soft"] = newer["network"]["blocks"]["more"] = newer["datasets"][1]["x"] = 1
    newer["weights"] = {"strength": 1}
    assert set(identity.unknown(s.Job, newer)) == {"loss.soft", "network.blocks.more", "datasets.x", "weights"}
    assert identity.digest(s.Job, newer, s.NOT_IN_IDENTITY) == RICH[0]
