"""How steps are computed, kept in the state."""

import json
from dataclasses import replace

import pytest
from athanor.training_core.resume import compute_plan
from athanor.training_core.resume.compute_plan import ComputePlan, MemoryPlan
from athanor.training_core.run.memory_plan import Trial, agree, slowdown, split_sizes
from athanor.training_core.settings import BucketSettings, DatasetSettings, Job, TrainingSettings

PLAN = ComputePlan(
    settings=("auto", 0, "auto"), device="NVIDIA H100", memory=MemoryPlan("part", 4), swapped=3, deterministic=True
)


def job(**training):
    return Job(
        datasets=(DatasetSettings(folder="a"),), buckets=BucketSettings(), dataset_fingerprint="", model_fingerprint="",
        training=TrainingSettings(**training),
    )  # fmt: skip


WRITTEN = {
    "asked": ["auto", 0, "auto"], "device": "NVIDIA H100", "checkpointing": "part", "most": 4, "swapped": 3,
    "deterministic": True,
}  # fmt: skip
"""PLAN as the states of every version hold it: its keys stay, whatever the fields are called."""


def test_as_states_hold_it():
    assert json.loads(json.dumps(PLAN.to_json())) == WRITTEN
    assert compute_plan.from_json(WRITTEN) == PLAN
    assert compute_plan.from_json(None) is None  # of an older version


def test_it_is_for_the_same_settings_on_the_same_card():
    assert PLAN.fits(job(), "NVIDIA H100") and PLAN.fits(job(epochs=3), "NVIDIA H100")
    assert not PLAN.fits(job(), "NVIDIA A100")
    for other in ({"gradient_checkpointing": "all"}, {"blocks_to_swap": 1}, {"deterministic": "on"}):
        assert not PLAN.fits(job(**other), "NVIDIA H100")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"memory": MemoryPlan("part", 2)},
            "with batches computed 2 at a time instead of with batches computed 4 at a time:",
        ),
        ({"memory": MemoryPlan("part")}, "with whole batches instead of with batches computed 4 at a time:"),
        ({"deterministic": False}, "without deterministic algorithms instead of with deterministic algorithms:"),
        (
            {"device": "NVIDIA A100", "deterministic": False},
            "on NVIDIA A100 instead of on NVIDIA H100 and without determ",
        ),
        ({"memory": MemoryPlan("all", 4), "swapped": 9}, ""),  # the same bytes
    ],
)
def test_what_has_changed_is_said(change, words):
    said = compute_plan.difference(PLAN, replace(PLAN, **change))
    assert said.startswith(f"The run resumes {words}") if words else said == ""
    assert compute_plan.difference(None, PLAN) == ""


class Others:
    """The flags of other processes."""

    def __init__(self, *ways):
        self.told = [[], *ways]

    def any(self, *flags):
        others = self.told[1:]
        self.told[0] = flags
        return tuple(any(column) for column in zip(flags, *others, strict=True))


def flags_of(way, deterministic, batch):
    heard = Others()
    agree(way, deterministic, batch, heard)
    return heard.told[0]


@pytest.mark.parametrize(
    ("mine", "other", "both"),
    [
        ((MemoryPlan("off"), True), (MemoryPlan("off"), True), (MemoryPlan("off"), True)),
        ((MemoryPlan("off"), True), (MemoryPlan("part"), False), (MemoryPlan("part"), False)),
        ((MemoryPlan("off", 4), True), (MemoryPlan("off"), True), (MemoryPlan("off", 4), True)),
        ((MemoryPlan("all", 3), False), (MemoryPlan("off", 4), True), (MemoryPlan("all", 3), False)),
        ((MemoryPlan("all", 1), True), (MemoryPlan("all", 7), True), (MemoryPlan("all", 1), True)),
    ],
)
def test_processes_agree_on_the_one_that_needs_least(mine, other, both):
    for one, two in ((mine, other), (other, mine)):
        assert agree(*one, 8, Others(flags_of(*two, 8))) == both
    assert agree(MemoryPlan("off"), True, 1, Others(flags_of(MemoryPlan("all"), True, 1))) == (MemoryPlan("all"), True)


def test_the_price_is_that_of_the_fastest_of_some():
    seconds = {True: iter([9.0, 1.1, 1.2]), False: iter([1.0, 2.0, 1.05])}
    assert slowdown(lambda one: Trial(next(seconds[one]), 0), seconds=99) == pytest.approx(0.1)
    assert slowdown(lambda one: Trial(3.3 if one else 3.0, 0)) == pytest.approx(0.1)  # long ones once each
    assert slowdown(lambda one: None) is None
    assert list(split_sizes(5)) == [None, 3, 2, 1]


def test_a_state_without_a_plan_can_be_read(tmp_path):
    import torch
    from athanor.training_core.resume import state

    state.write(tmp_path, state.State(3, 1, {"a": torch.ones(1)}, {"scaler": {}}))
    assert state.latest(tmp_path).plan is None
    state.write(tmp_path, state.State(4, 1, {"a": torch.ones(1)}, {"scaler": {}, "plan": PLAN.to_json()}))
    found = state.latest(tmp_path)
    assert compute_plan.from_json(found.plan) == PLAN and found.read().plain["plan"] == found.plan
