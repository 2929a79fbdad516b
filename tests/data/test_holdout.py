"""Pictures for the probe."""

from pathlib import Path

import pytest
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.holdout import PRICE, SHARE, ProbePlan, hold_out, probe_batches, probe_plan, split
from athanor.training_core.data.plan import sort_into_buckets
from athanor.training_core.settings import BucketSettings, DatasetSettings, ValidationSettings


def buckets(count=20, reg=4, **values):
    subsets = (DatasetSettings(shuffle_caption=True, caption_dropout_rate=1, **values), DatasetSettings(is_reg=True))
    pictures = [
        Picture(
            path=Path(f"{i}"),
            name=f"{i}",
            content=f"c{i}",
            size=(64, 64 + 32 * (i % 2)),
            caption=f"a{i}, b, c",
            repeats=2,
        )
        for i in range(count)
    ]
    pictures += [
        Picture(path=Path(f"r{i}"), name=f"r{i}", content=f"r{i}", size=(64, 64), caption="reg", repeats=1, subset=1)
        for i in range(reg)
    ]
    shape = BucketSettings(
        width=64, height=64, min_bucket_reso=32, max_bucket_reso=128, bucket_reso_steps=32, batch_size=3
    )
    return sort_into_buckets(Dataset(subsets, tuple(pictures)), shape)


def names(some):
    return {p.name for p in some.dataset.pictures}


def test_held_out_pictures_are_not_trained_on():
    whole = buckets()
    training, held_out = split(whole, 0.2, 0)
    assert len(names(held_out)) == 4 and not names(held_out) & names(training)
    assert names(held_out) | names(training) == names(whole) and not any(n.startswith("r") for n in names(held_out))
    assert split(whole, 0.2, 0) == (training, held_out) and names(split(whole, 0.2, 1)[1]) != names(held_out)
    # One picture more changes little.
    assert len(names(split(buckets(21), 0.2, 0)[1]) & names(held_out)) >= 3


def test_too_few_pictures_to_hold_some_out():
    chosen = hold_out(buckets(5), ValidationSettings(validation_split=0.2))
    assert (
        chosen.label == "training pictures"
        and chosen.training is chosen.probed
        and "no picture is held out" in chosen.warnings[0]
    )
    plain = hold_out(buckets(), ValidationSettings())
    assert plain.label == "training pictures" and not plain.warnings
    chosen = hold_out(buckets(), ValidationSettings(validation_split=0.5), buckets(3))
    assert chosen.label == "held-out pictures" and len(chosen.training.dataset.pictures) == 24
    assert probe_batches(buckets(), 0, 0) == []


def test_probe_batches_have_no_chance_in_them():
    whole = buckets(flip_aug=True, color_aug=True, random_crop=True)
    plan = probe_batches(whole, 8, 0)
    samples = [s for b in plan for s in b.samples]
    assert len(samples) == 8 and plan == probe_batches(whole, 8, 0) != probe_batches(whole, 8, 1)
    assert all(len({s.variant.placement.bucket for s in b.samples} | {b.bucket}) == 1 for b in plan)
    assert all(len(b.samples) <= 3 for b in plan)
    for s in samples:
        picture = whole.dataset.pictures[s.variant.picture]
        assert s.caption.text == picture.caption and not s.variant.flip and not s.variant.colour and not s.is_reg
        assert s.variant.placement in {e.placement for e in whole.entries if e.picture == s.variant.picture}
    assert len(probe_batches(buckets(2, 0), 8, 0)[0].samples) == 3
    assert sum(len(b.samples) for b in probe_batches(buckets(2, 0), 8, 0)) == 8


def looks(plan, steps):
    """How often a run of so many steps is looked at."""
    return len({0, steps, *range(0, steps, plan.every)})


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("steps", [16, 20, 33, 150, 151, 399, 1000, 5000, 99_999])
def test_looks_take_a_twentieth_of_the_training_at_most(steps, batch):
    """They took 70 % of a run of 16 steps and 22 % of one of 150."""
    plan = probe_plan(ValidationSettings(), steps, steps * batch)
    count = looks(plan, steps)
    assert count * plan.samples * PRICE <= SHARE * steps * batch
    assert count >= (6 if steps * batch > 50 else 2)


def test_long_runs_are_looked_at_as_ever():
    assert probe_plan(ValidationSettings(), 3000, 3000) == ProbePlan(8, 150)


@pytest.mark.parametrize(
    ("asked", "plan"),
    [
        ({"validate_every_n_steps": 1}, ProbePlan(8, 1)),
        ({"probe_samples": 32, "validate_every_n_steps": 5}, ProbePlan(32, 5)),
        ({"probe_samples": 32}, ProbePlan(32, 16)),  # the first and the last look
        ({"probe_samples": 0}, ProbePlan(0, 16)),
    ],
)
def test_what_is_asked_for_is_done(asked, plan):
    assert probe_plan(ValidationSettings(**asked), 16, 16) == plan


def test_a_run_of_one_step_is_looked_at_before_and_after():
    assert looks(probe_plan(ValidationSettings(), 1, 1), 1) == 2
