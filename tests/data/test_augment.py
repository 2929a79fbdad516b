"""Views of a picture: flips, crops and colour shifts, bounded and repeatable; regularization balanced."""

from pathlib import Path

import numpy as np
import pytest
from athanor.training_core.data import images
from athanor.training_core.data.buckets import Placement
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.plan import epoch_plan, sort_into_buckets
from athanor.training_core.data.repeats import balanced
from athanor.training_core.data.scan import scan
from athanor.training_core.randomness import keyed
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings
from PIL import Image


@pytest.mark.parametrize(
    ("train", "reg", "want"),
    [
        ([32], [1] * 5, (7, 7, 6, 6, 6)),
        ([32], [7] * 10, (7, 7, 7, 7, 7, 0, 0, 0, 0, 0)),
        ([4, 4], [3], (8,)),
        ([5], [], ()),
        ([], [2], (0,)),
    ],
)
def test_regularization_is_balanced(train, reg, want):
    result = balanced(train + reg, [False] * len(train) + [True] * len(reg))
    assert result == (*train, *want)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (64, 100, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    settings = DatasetSettings(folder="x", repeats=8, class_tokens="a", flip_aug=True, random_crop=True, color_aug=True)
    return scan(settings, tmp_path)


def place(dataset: Dataset, size=64):
    settings = BucketSettings(width=size, height=size, enable_bucket=False, batch_size=4)
    return sort_into_buckets(dataset, settings)


def test_views_are_bounded_and_repeatable(dataset):
    buckets = place(dataset)
    plans = [epoch_plan(buckets, TrainingSettings(seed=1), e) for e in range(30)]
    variants = {s.variant for plan in plans for b in plan for s in b.samples if s.variant.picture == 0}
    assert {v.flip for v in variants} == {True, False}
    assert len({v.placement.crop for v in variants}) == 4
    assert all(0 <= v.placement.crop[0] <= 36 and v.placement.crop[1] == 0 for v in variants)
    assert {v.colour for v in variants} == {0, 1, 2, 3, 4}
    assert epoch_plan(buckets, TrainingSettings(seed=1), 7) == plans[7]
    plain = [s.variant.colour for plan in plans for b in plan for s in b.samples]
    assert 0.25 < sum(c > 0 for c in plain) / len(plain) < 0.42


def test_colour_shift_is_weak_and_keyed():
    image = Image.new("RGB", (4, 4), (200, 80, 40))
    shifted = {images.shift_colours(image, keyed("x", i)).getpixel((0, 0)) for i in range(20)}
    assert len(shifted) > 5
    assert all(abs(a - b) < 60 for c in shifted for a, b in zip(c, (200, 80, 40), strict=True))
    assert images.shift_colours(image, keyed("x", 1)).getpixel((0, 0)) == images.shift_colours(
        image, keyed("x", 1)
    ).getpixel((0, 0))


def test_fit_cuts_where_the_view_says():
    image = Image.fromarray(np.arange(100, dtype=np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2))
    cut = images.fit(image, Placement((64, 64), (100, 64), (5, 0)))
    assert cut.size == (64, 64) and cut.getpixel((0, 0))[0] == 5


def test_joined_datasets_keep_their_own_settings(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64)).save(tmp_path / name / "x.png")
    a = scan(DatasetSettings(folder="a", repeats=3, class_tokens="one"), tmp_path / "a")
    b = scan(DatasetSettings(folder="b", is_reg=True, class_tokens="two"), tmp_path / "b")
    both = a.joined(b)
    assert [p.subset for p in both.pictures] == [0, 1] and both.repeats == (3, 3)
    assert both.fingerprint != b.joined(a).fingerprint != a.fingerprint
    plan = epoch_plan(place(both), TrainingSettings(), 0)
    assert (
        sorted((s.caption.text, s.is_reg) for batch in plan for s in batch.samples)
        == [("one", False)] * 3 + [("two", True)] * 3
    )
