import pytest
from athanor.training_core import settings as s
from athanor.training_core.errors import AthanorError

GROUPS = [
    s.BucketSettings, s.CacheSettings, s.CaptionEditSettings, s.CompareSettings, s.ConditioningSettings,
    s.DatasetSettings, s.DoctorSettings, s.LossSettings, s.MergeTagsSettings, s.NetworkSettings, s.NoiseSettings,
    s.OptimizerSettings, s.RebalanceSettings, s.TrainingSettings, s.ValidationSettings,
]  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_every_setting_has_a_tooltip_and_a_default_within_its_bounds(group):
    group()
    for setting in s.info(group):
        assert setting.tip.endswith((".", ")")) and len(setting.tip) > 15, setting.name
        if setting.kind in ("int", "float"):
            assert setting.minimum <= setting.default <= setting.maximum
        if setting.kind == "choice":
            assert setting.default in setting.choices


def test_sentences():
    for group, values, words in (
        (s.NetworkSettings, {"rnak": 4}, "rnak: there is no such setting; did you mean rank?"),
        (s.NetworkSettings, {"algo": "lorra"}, "algo is 'lorra': it must be one of 'lora'"),
        (s.NetworkSettings, {"rank": 0}, "rank is 0: it must be at least 1."),
        (s.LossSettings, {"huber_c": 99}, "huber_c is 99: it must be at most 10."),
        (s.TrainingSettings, {"epochs": "many"}, "epochs is 'many':"),
    ):
        with pytest.raises(AthanorError) as error:
            s.parse(group, values)
        assert words in str(error.value) and "\n" not in str(error.value)


def job(**values) -> s.Job:
    base = {
        "datasets": (s.DatasetSettings(folder="a"),),
        "buckets": s.BucketSettings(),
        "dataset_fingerprint": "d",
        "model_fingerprint": "m",
    }
    return s.Job(**(base | values))


def test_run_id_is_a_function_of_what_matters():
    one = job().run_id
    assert len(one) == 16 and job().run_id == one
    assert job(datasets=(s.DatasetSettings(folder="elsewhere"),)).run_id == one
    assert job(training=s.TrainingSettings(overwrite=True)).run_id == one
    for other in (
        job(training=s.TrainingSettings(seed=1)),
        job(network=s.NetworkSettings(rank=8)),
        job(dataset_fingerprint="x"),
        job(model_fingerprint="x"),
        job(datasets=(s.DatasetSettings(folder="a", shuffle_caption=True),)),
    ):
        assert other.run_id != one


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        s.LossSettings().huber_c = 1.0


@pytest.mark.parametrize(
    ("value", "means"),
    [(True, "all"), (False, "off"), ("True", "all"), ("false", "off"), ("part", "part"), ("off", "off")],
)
def test_gradient_checkpointing_was_a_switch_once(value, means):
    assert s.parse(s.TrainingSettings, {"gradient_checkpointing": value}).gradient_checkpointing == means


def test_gradient_checkpointing_knows_no_other_words():
    for value in ("some", 3, None, ["all"]):
        with pytest.raises(AthanorError, match="gradient_checkpointing"):
            s.parse(s.TrainingSettings, {"gradient_checkpointing": value})


def test_how_a_step_is_computed_does_not_make_a_run_another_one():
    """Where its gradients are the same: checkpointing and swapped blocks. Compiled blocks round otherwise."""

    def run_id(**training):
        return s.Job(
            datasets=(s.DatasetSettings(folder="a"),), buckets=s.BucketSettings(), dataset_fingerprint="",
            model_fingerprint="", training=s.TrainingSettings(**training),
        ).run_id  # fmt: skip

    plain = run_id()
    assert {run_id(gradient_checkpointing=how) for how in ("auto", "off", "part", "all")} == {plain}
    assert run_id(blocks_to_swap=3) == plain != run_id(torch_compile=True)
