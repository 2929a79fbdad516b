"""What is left of the runs of a sweep, and which of them a budget in minutes still lets train."""

from __future__ import annotations

import weakref
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def planned(comfy):
    """Makes a run of 100 steps that has made some of them, each in half a minute."""
    from athanor.training_core.sweep.planned import Planned

    def make(reached=0, *, done=False, retrain=False, lowest=None):
        job: Any = SimpleNamespace(training=SimpleNamespace(retrain=retrain), run_id=f"{reached}{done}")
        combination: Any = SimpleNamespace(label=f"rank {reached}")
        record: Any = SimpleNamespace(done=done) if reached else None
        how = {"record": record, "reached": reached, "seconds": 30.0 * reached, "lowest": lowest}
        return Planned(combination=combination, name="a", edits=(), job=job, steps=100, **how)

    return make


def test_what_is_to_be_trained_again_is_left_whole(planned):
    """With retrain, finished runs were announced as used again, and cost nothing of the time."""
    done, half, again = planned(100, done=True), planned(50), planned(100, done=True, retrain=True)
    assert [run.left for run in (done, half, again, planned())] == [0, 50, 100, 100]
    again.begun = True
    assert again.left == 0
    assert planned(40, done=True).left == 0  # it has stopped by itself


def test_what_cannot_be_trained_is_named(planned):
    from athanor.training_core.sweep.planned import refused

    runs = [planned(), planned(), planned()]
    assert refused(runs) == ""
    runs[1].job, runs[1].note = None, "rank is 4: boft needs at least 6."
    assert refused(runs) == "1 combination cannot be trained: rank 0: rank is 4: boft needs at least 6."
    runs[2].job = None
    assert refused(runs).startswith("2 combinations cannot be trained, the first: rank 0: ")


def sweep_of(**settings):
    from athanor.training_core.settings import SweepSettings
    from athanor.training_core.sweep.training import Sweep

    nothing: Any = None
    return Sweep(
        settings=SweepSettings(**settings),
        base="a",
        runs=[],
        train_one=nothing,
        hearing=lambda _: nullcontext(),
        say=lambda _: None,
        bar=lambda _done, _total: None,
    )


def test_a_rung_costs_its_own_steps_alone(planned):
    """A run that was to be trained to a quarter was left out as if it had to be trained to its end."""
    sweep, runs = sweep_of(budget=65, budget_unit="minutes"), [planned(100, done=True), planned()]
    assert not sweep._over_budget(runs[1], runs, goal=25) and not runs[1].note
    assert sweep._over_budget(runs[1], runs, goal=100)
    assert runs[1].note == "left out: 50 of 65 minutes are used up" and runs[1].left_out


def test_the_node_says_how_far_the_whole_is(planned):
    sweep, runs = sweep_of(), [planned(100, done=True, lowest=80.0), planned(lowest=None), planned(50, lowest=91.0)]
    sweep.announced, sweep.speed = "2 runs", 30.0
    assert sweep._now(runs[1], 20, runs).splitlines() == [
        "run 2 of 3: rank 0",
        "about 1 h 5 min left of the whole",
        "lowest probe so far: rank 100 (80.0 %)",
        "2 runs",
    ]
    sweep.speed = None
    assert len(sweep._now(runs[1], 20, runs).splitlines()) == 3  # nobody knows how long


class Weights:
    """Stands for what a run has put on the device."""


def test_one_that_fails_does_not_stop_the_others_and_nothing_is_trained_twice(planned, monkeypatch):
    from athanor.training_core.sweep import training
    from athanor.training_core.sweep.planned import Planned

    looked, held = [], []
    monkeypatch.setattr(Planned, "look", lambda self: looked.append(self.name))
    monkeypatch.setattr(training._log, "error", lambda *_, **__: None)  # pytest keeps what is logged, tracebacks too
    runs, trained = [planned(100, done=True), planned(), planned(), planned(100, done=True, retrain=True)], []
    for run, name in zip(runs, "abcd", strict=True):
        run.edits = (name,)

    def train_one(edits, goes_on):
        trained.append((*edits, goes_on))
        if edits == ("c",) and not goes_on:
            assert held[0]() is None  # of the run before, on the card beside this one
        if edits == ("b",):
            weights: Any = Weights()
            weights.hook, held[:] = weights, [weakref.ref(weights)]  # as modules and their hooks refer to each other
            raise ValueError("no memory")

    sweep = sweep_of()
    sweep.train_one = train_one
    sweep._train(runs)
    assert trained == [("a", False), ("b", False), ("c", False), ("d", False)]
    assert [run.note for run in runs] == ["", "no memory", "", ""]
    sweep._train(runs)  # as after a rung: the one that has failed does not go on, nor what was trained to its end
    assert trained[4:] == [("c", True)]
    assert len(looked) == len(trained)  # folders are read once a training, not all of them before and after each
