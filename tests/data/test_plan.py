from collections import Counter
from pathlib import Path

from athanor.training_core.data.plan import epoch_plan, length, sort_into_buckets
from athanor.training_core.data.dataset import Dataset, Picture
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings


def buckets(counts=((64, 64, 5, 2), (64, 128, 3, 1)), batch_size=4, shuffle=False, **augment):
    pictures = tuple(
        Picture(Path(f"{w}x{h}_{i}.png"), f"{w}x{h}_{i}.png", "", (w, h), f"a{i}, b, c, d", repeats)
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
    seen = Counter(s.view.picture for b in plan for s in b.samples)
    assert seen == {i: p.repeats for i, p in enumerate(sorted_.dataset.pictures)}
    for batch in plan:
        assert len(batch.samples) <= 4
        assert {s.view.placement.bucket for s in batch.samples} == {batch.bucket}


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


def test_captions_are_shuffled_anew():
    sorted_ = buckets(shuffle=True)
    texts = {s.caption.text for e in range(10) for b in plan_of(sorted_, 0, e) for s in b.samples if s.view.picture == 0}
    assert len(texts) > 5


def test_length():
    sorted_ = buckets()  # 10 + 3 entries, batch 4: 3 + 1 batches
    assert length(sorted_, TrainingSettings(epochs=5)).steps == 20
    accumulated = length(sorted_, TrainingSettings(epochs=5, gradient_accumulation_steps=3))
    assert (accumulated.steps, accumulated.steps_per_epoch) == (10, 2)
    limited = length(sorted_, TrainingSettings(epochs=5, max_train_steps=9))
    assert (limited.steps, limited.epochs) == (9, 3)
