"""What is hidden of a picture from an inpainting model: what its mask marks, else a drawn part that comes back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from athanor.training_core.data import holes
from athanor.training_core.data.cache import LatentCache
from athanor.training_core.data.dataset import Dataset, Mask, Picture
from athanor.training_core.data.holdout import probe_batches, split
from athanor.training_core.data.plan import VARIANTS, Buckets, epoch_plan, sort_into_buckets
from athanor.training_core.data.store import MemoryStore
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings
from PIL import Image


def test_a_drawn_part_depends_on_picture_and_number_alone():
    masks = [holes.drawn((96, 64), f"{n}", 1) for n in range(400)]
    assert all(mask.shape == (64, 96) and mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 255} for mask in masks)
    assert np.array_equal(masks[7], holes.drawn((96, 64), "7", 1))
    assert not np.array_equal(masks[7], holes.drawn((96, 64), "7", 2))
    shares = np.array([mask.mean() / 255 for mask in masks])
    assert 0.19 < np.mean(shares == 1) < 0.31  # one in four hides everything
    assert shares.min() > 0.04 and 0.4 < shares.mean() < 0.65
    for size in ((8, 8), (64, 8)):
        assert all(holes.drawn(size, "a", number).any() for number in range(20))


def made(folder: Path, inpainting: bool = True, count: int = 2, **settings) -> Buckets:
    """The first picture has a mask, whose left half is white."""
    folder.mkdir(exist_ok=True)
    white = np.zeros((64, 64), np.uint8)
    white[:, :32] = 255
    Image.fromarray(white).save(folder / "mask.png")
    pictures = []
    for n in range(count):
        path = folder / f"{n}.png"
        Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(path)
        mask = None if n else Mask(folder / "mask.png", "m", is_alpha=False)
        pictures.append(
            Picture(path=path, name=path.name, content=f"{n}", size=(64, 64), caption="", repeats=1, mask=mask)
        )
    dataset = Dataset((DatasetSettings(folder="x", **settings),), tuple(pictures))
    buckets = sort_into_buckets(dataset, BucketSettings(width=64, height=64, enable_bucket=False, batch_size=2))
    return replace(buckets, inpainting=inpainting)


def variants(buckets: Buckets, epochs: int = 12):
    return [s.variant for e in range(epochs) for b in epoch_plan(buckets, TrainingSettings(), e) for s in b.samples]


def test_the_plan_names_what_is_hidden_and_is_else_what_it_was(tmp_path):
    hidden, whole = (variants(made(tmp_path, inpainting, flip_aug=True)) for inpainting in (True, False))
    assert {v.hole for v in hidden if v.picture == 1} == set(range(1, VARIANTS + 1))
    assert {v.hole for v in hidden if v.picture == 0} == {0} == {v.hole for v in whole}
    assert [replace(v, hole=0) for v in hidden] == whole


def test_the_probe_looks_at_the_same_part_each_time(tmp_path):
    buckets = made(tmp_path, count=20)
    _, held_out = split(buckets, 0.5, 0)
    assert held_out is not None and held_out.inpainting
    samples = [s for b in probe_batches(held_out, 10, 0) for s in b.samples]
    assert {s.variant.hole for s in samples if held_out.dataset.pictures[s.variant.picture].mask is None} == {1}


@pytest.mark.parametrize("flip", [False, True])
def test_the_picture_is_kept_once_and_once_more_for_each_hidden_part(tmp_path, flip):
    buckets = made(tmp_path)
    cache, seen = LatentCache(MemoryStore(), buckets, "v", 4), []

    def encode(pixels):
        seen.extend(pixels)
        return pixels.movedim(-1, 1), None

    taken = [replace(v, flip=flip) for v in variants(buckets)]
    list(cache.fill(taken, encode))
    assert len(seen) == 2 + 1 + VARIANTS
    plain = LatentCache(MemoryStore(), made(tmp_path, inpainting=False), "v", 4)
    for variant in taken:
        assert cache.key(variant) == plain.key(replace(variant, hole=0))  # other models find the same latent
        (view,) = cache.controls(variant)
        found, own = cache.get(view), cache.get(variant)
        assert found is not None and own is not None
        grey = found["mask"] > 127
        assert torch.equal(found["mean"][0, 0][grey], torch.full((int(grey.sum()),), 0.5))
        assert torch.equal(found["mean"][:, :, ~grey], own["mean"][:, :, ~grey]) and own["mean"].min() > 0.7
        assert ("mask" in own) == (variant.picture == 0)  # a drawn part weighs nothing in the loss
        if variant.picture == 0:
            assert grey[:, 48].all() == flip and grey[:, 16].all() == (not flip)
        assert cache.keys([variant]) >= {cache.key(view), cache.key(variant)}
