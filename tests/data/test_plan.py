from collections import Counter
from pathlib import Path

import pytest
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.data.plan import epoch_plan, length, sort_into_buckets, steps_left
from athanor.training_core.data.shares import shard
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import BucketSettings, ConditioningSettings, DatasetSettings, TrainingSettings


def buckets(counts=((64, 64, 5, 2), (64, 128, 3, 1)), batch_size=4, shuffle=False, **augment):
    pictures = tuple(
        Picture(
            path=Path(f"{w}x{h}_{i}.png"),
            name=f"{w}x{h}_{i}.png",
            content="",
            size=(w, h),
            caption=f"a{i}, b, c, d",
            repeats=repeats,
        )
        for w, h, n, repeats in counts
        for i in range(n)
    )
    settings = BucketSettings(
        width=64, height=64, min_bucket_reso=32, max_bucket_reso=128, bucket_reso_steps=32, batch_size=batch_size
    )
    return sort_into_buckets(Dataset((DatasetSettings(shuffle_caption=shuffle, **augment),), pictures), settings)


def plan_of(sorted_, seed, epoch):
    return epoch_plan(sorted_, TrainingSettings(seed=seed), epoch)


def test_every_picture_as_often_as_its_repeats_and_one_bucket_per_batch():
    sorted_ = buckets()
    plan = plan_of(sorted_, 0, 0)
    seen = Counter(s.variant.picture for b in plan for s in b.samples)
    assert seen == {i: p.repeats for i, p in enumerate(sorted_.dataset.pictures)}
    for batch in plan:
        assert len(batch.samples) <= 4
        assert {s.variant.placement.bucket for s in batch.samples} == {batch.bucket}


def test_batch_counts():
    """60 entries in one bucket: 15 batches of 4, 9 of 7."""
    for size, count in ((4, 15), (7, 9)):
        one = buckets(((64, 64, 20, 3),), size)
        assert one.batches_per_epoch == count == len(plan_of(one, 0, 0))


def test_a_plan_depends_on_seed_and_epoch_alone():
    sorted_ = buckets(shuffle=True)
    plan = plan_of(sorted_, 3, 2)
    plan_of(sorted_, 3, 0)
    assert plan_of(sorted_, 3, 2) == plan
    assert plan_of(sorted_, 3, 1) != plan
    assert plan_of(sorted_, 4, 2) != plan


def test_the_order_follows_from_seed_and_epoch():
    """Where nothing else is drawn: every seed has an order of its own, and so has every epoch."""
    one = buckets(((64, 64, 20, 1),))

    def order(seed, epoch):
        return tuple(s.variant.picture for b in plan_of(one, seed, epoch) for s in b.samples)

    assert len({order(seed, 0) for seed in range(8)}) == 8
    assert len({order(0, epoch) for epoch in range(8)}) == 8
    assert order(5, 3) == order(5, 3)


def test_equal_parts_of_a_plan_are_one_object():
    """100,000 samples were 600,000 objects, and each full collection of garbage walked over all of them."""
    for augment in ({}, {"shuffle": True}, {"flip_aug": True, "color_aug": True, "random_crop": True}):
        plan = plan_of(buckets(((64, 100, 5, 40),), 1, **augment), 0, 0)
        samples = [sample for batch in plan for sample in batch.samples]
        for parts in (plan, samples, [s.variant for s in samples], [s.caption for s in samples]):
            assert len(set(map(id, parts))) <= len(set(parts)) + 40  # two of four crops may be the same
        assert len(plan) == 200 and (augment or len(set(map(id, plan))) == 5)


def test_captions_are_shuffled_anew():
    sorted_ = buckets(shuffle=True)
    texts = {
        s.caption.text for e in range(10) for b in plan_of(sorted_, 0, e) for s in b.samples if s.variant.picture == 0
    }
    assert len(texts) > 5


def test_length():
    sorted_ = buckets()  # 10 + 3 entries, batch 4: 3 + 1 batches
    assert length(sorted_, TrainingSettings(epochs=5)).steps == 20
    accumulated = length(sorted_, TrainingSettings(epochs=5, gradient_accumulation_steps=3))
    assert (accumulated.steps, accumulated.steps_per_epoch) == (10, 2)
    limited = length(sorted_, TrainingSettings(epochs=5, max_train_steps=9))
    assert (limited.steps, limited.epochs) == (9, 3)


@pytest.mark.parametrize("values", [{"epochs": 3}, {"max_train_steps": 2}, {"max_train_steps": 9}])
@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_steps_that_are_left(values, accumulation):
    """A run of 2 steps encoded all pictures of its epoch, and so did one that went on a step before its end."""
    sorted_, training = buckets(), TrainingSettings(gradient_accumulation_steps=accumulation, **values)
    run, per_step = length(sorted_, training), training.batches_per_step
    for step in range(run.steps):
        made = []
        for epoch in range(step // run.steps_per_epoch, run.epochs):
            batches = plan_of(sorted_, 0, epoch)
            groups = [batches[i : i + per_step] for i in range(0, len(batches), per_step)]
            first, left = steps_left(batches, run, epoch, step, per_step)
            found = dict(enumerate((left[i : i + per_step] for i in range(0, len(left), per_step)), first))
            assert all(groups[number - epoch * run.steps_per_epoch] == group for number, group in found.items())
            made += found
        assert made == list(range(step, run.steps))
    assert steps_left(plan_of(sorted_, 0, 0), run, 0, run.steps_per_epoch, per_step)[1] == []


@pytest.mark.parametrize(("batches", "ranks"), [(10, 2), (9, 2), (7, 3), (3, 8), (1, 1)])
def test_ranks_share_an_epoch_without_talking(batches, ranks):
    """Every batch exactly once, the first process never with fewer than the others."""
    shares = [shard(list(range(batches)), rank, ranks) for rank in range(ranks)]
    assert sorted(batch for share in shares for batch in share) == list(range(batches))
    assert len(shares[0]) == -(-batches // ranks) and {len(s) for s in shares} <= {len(shares[0]), len(shares[0]) - 1}


@pytest.mark.parametrize(("ranks", "accumulation", "steps"), [(1, 1, 15), (2, 1, 8), (2, 4, 2), (4, 3, 2)])
def test_steps_per_epoch_over_processes(ranks, accumulation, steps):
    """ceil(ceil(B / P) / G) with B = 15 batches."""
    one = buckets(((64, 64, 20, 3),), 4)
    run = length(one, TrainingSettings(epochs=7, gradient_accumulation_steps=accumulation, processes=ranks))
    assert run.steps_per_epoch == steps and run.steps == 7 * steps


def test_regularization_pictures_alone_are_nothing_to_train_on():
    """They are seen as often as the others together: never. Such a dataset can be looked at and joined to another."""
    alone = buckets(is_reg=True)
    assert not alone.by_size()
    for ask in (
        alone.check_trained,
        lambda: length(alone, TrainingSettings()),
        lambda: epoch_plan(alone, TrainingSettings(), 0),
    ):
        with pytest.raises(
            AthanorError, match=r"^All pictures are regularization pictures, which are trained only beside others"
        ):
            ask()


def test_regularization_pictures_that_alone_fit_a_bucket_are_nothing_to_train_on():
    """All pictures of the subject were left out, and the run trained what the model should not forget, without a word."""
    subsets = (DatasetSettings(), DatasetSettings(is_reg=True))
    pictures = tuple(
        Picture(path=Path(name), name=name, content=name, size=size, caption="", repeats=1, subset=subset)
        for name, size, subset in (("tiny.png", (20, 20), 0), ("reg.png", (512, 512), 1))
    )
    found = sort_into_buckets(Dataset(subsets, pictures), BucketSettings(bucket_no_upscale=True))
    assert found.batches_per_epoch == 1
    with pytest.raises(AthanorError, match=r"^Only regularization pictures would be trained.*: tiny.png is left out: "):
        found.check_trained()


def test_several_resolutions():
    """Each picture once per resolution, unless a further one changes nothing."""
    big, small = (400, 400), (40, 40)
    pictures = tuple(
        Picture(path=Path(f"{s[0]}.png"), name=f"{s[0]}.png", content=str(s), size=s, caption="a", repeats=2)
        for s in (big, small)
    )
    dataset = Dataset((DatasetSettings(),), pictures)
    shape = {"width": 64, "height": 64, "min_bucket_reso": 32, "max_bucket_reso": 256, "bucket_reso_steps": 32}
    several = sort_into_buckets(dataset, BucketSettings(**shape, extra_resolutions="128, 64x64, 96x160"))
    assert several.settings.resolutions == ((64, 64), (128, 128), (96, 160))
    assert Counter(e.picture for e in several.entries) == {0: 3, 1: 3}
    # Only the area counts: 96x160 gives pictures of 1:1 the square bucket of its area.
    assert set(several.by_size()) == {(64, 64), (128, 128), (96, 96)} and several.batches_per_epoch == 12
    shrunk = sort_into_buckets(dataset, BucketSettings(**shape, extra_resolutions="128", bucket_no_upscale=True))
    assert Counter(e.picture for e in shrunk.entries) == {0: 2, 1: 1}
    with pytest.raises(ValueError, match="extra_resolutions: 'big' is not a resolution"):
        BucketSettings(extra_resolutions="big")


def test_too_small_pictures_are_left_out_by_name():
    tiny, good = (
        Picture(path=Path(n), name=n, content=n, size=s, caption="a", repeats=1)
        for n, s in (("tiny.png", (100, 20)), ("good.png", (100, 64)))
    )
    settings = BucketSettings(bucket_no_upscale=True, bucket_reso_steps=32)
    sorted_ = sort_into_buckets(Dataset((DatasetSettings(),), (tiny, good)), settings)
    assert [e.picture for e in sorted_.entries] == [1] and sorted_.warnings[0].startswith("tiny.png is left out")
    assert sum(len(b.samples) for b in plan_of(sorted_, 0, 0)) == 1
    with pytest.raises(AthanorError, match=r"None of the 1 pictures fits a bucket \(tiny.png"):
        sort_into_buckets(Dataset((DatasetSettings(),), (tiny,)), settings)


def test_crop_anchors():
    def crops(anchor, focus=None):
        picture = Picture(path=Path("a"), name="a", content="a", size=(200, 64), caption="a", repeats=8, focus=focus)
        shape = BucketSettings(width=64, height=64, enable_bucket=False, crop_anchor=anchor)
        sorted_ = sort_into_buckets(Dataset((DatasetSettings(),), (picture,)), shape)
        return {s.variant.placement.crop for e in range(9) for b in plan_of(sorted_, 0, e) for s in b.samples}

    assert crops("centre") == crops("centre", (0.1, 0.5)) == crops("focus") == {(68, 0)}
    assert crops("focus", (0.1, 0.5)) == {(0, 0)} and crops("focus", (0.6, 0.2)) == {(88, 0)}
    assert len(crops("random")) == 4


def test_text_encoders_are_dropped_each_by_itself():
    rates = ConditioningSettings(clip_l_dropout_rate=0.5, t5_dropout_rate=0.25)
    sorted_ = buckets(((64, 64, 50, 8),))
    samples = [s for b in epoch_plan(sorted_, TrainingSettings(), 0, rates) for s in b.samples]
    count = Counter(name for s in samples for name in s.caption.without)
    assert 0.4 < count["clip_l"] / len(samples) < 0.6 and 0.18 < count["t5xxl"] / len(samples) < 0.32
    assert count["clip_g"] == 0
    both = sum(len(s.caption.without) == 2 for s in samples) / len(samples)
    assert 0.07 < both < 0.19
    assert all(not s.caption.without for b in plan_of(sorted_, 0, 0) for s in b.samples)
