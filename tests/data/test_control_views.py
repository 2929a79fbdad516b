"""Control pictures of a sample: cut, mirrored and recoloured with the picture they belong to, and cached by their content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from athanor.training_core.data.buckets import Placement
from athanor.training_core.data.cache import LatentCache, TextCache
from athanor.training_core.data.control_views import controls_of
from athanor.training_core.data.dataset import Control, Dataset, Picture
from athanor.training_core.data.plan import CropVariant, SampleCaption, sort_into_buckets
from athanor.training_core.data.store import MemoryStore
from athanor.training_core.settings import BucketSettings, DatasetSettings
from PIL import Image

GRADIENT = np.linspace(0, 255, 128, dtype=np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)


def made(folder: Path, *sizes: tuple[int, int], picture: tuple[int, int] = (128, 64), **settings):
    """One picture of another colour than its control pictures, which are the same gradient in these sizes."""
    image = Image.fromarray(GRADIENT)
    Image.fromarray(255 - GRADIENT).resize(picture).save(folder / "a.png")
    controls = []
    for number, size in enumerate(sizes):
        path = folder / f"c{number}.png"
        image.resize(size).save(path)
        controls.append(Control(path, f"content {size}", size))
    one = Picture(
        path=folder / "a.png", name="a.png", content="a", size=picture, caption="invert", repeats=1, controls=tuple(controls)
    )  # fmt: skip
    shape = BucketSettings(width=64, height=64, enable_bucket=False)
    return sort_into_buckets(Dataset((DatasetSettings(folder="x", **settings),), (one,)), shape)


CENTRE = CropVariant(picture=0, placement=Placement((64, 64), (128, 64), (32, 0)))
LEFT = CropVariant(picture=0, placement=Placement((64, 64), (128, 64), (0, 0)), flip=True, colour=2)


@pytest.mark.parametrize(
    ("size", "shape", "variant", "placement"),
    [
        ("same", (128, 64), CENTRE, CENTRE.placement),
        ("same", (257, 128), LEFT, LEFT.placement),  # as good as the picture's shape
        ("same", (64, 64), LEFT, Placement((64, 64), (64, 64), (0, 0))),
        ("same", (256, 64), LEFT, Placement((64, 64), (256, 64), (0, 0))),
        ("same", (256, 64), CENTRE, Placement((64, 64), (256, 64), (96, 0))),
        ("same", (64, 256), CENTRE, Placement((64, 64), (64, 256), (0, 96))),
        ("own", (256, 64), LEFT, Placement((128, 32), (128, 32), (0, 0))),
        ("own", (64, 64), CENTRE, Placement((64, 64), (64, 64), (0, 0))),
    ],
)
def test_how_a_control_picture_is_cut(tmp_path, size, shape, variant, placement):
    (found,) = controls_of(made(tmp_path, shape), variant, size)
    assert found == replace(variant, placement=placement, control=0)


def test_what_the_vae_and_the_encoder_see(tmp_path):
    """The same part as of the picture, mirrored with it: here picture and control picture are each other's negative."""
    cache = LatentCache(MemoryStore(), made(tmp_path, (128, 64)), "v", 4, "same")
    variant = replace(LEFT, colour=0)
    (control,) = cache.controls(variant)
    assert (cache.pixels(variant) + cache.pixels(control) - 1).abs().max() < 0.01
    assert cache.pixels(control)[:, 0].mean() > cache.pixels(control)[:, -1].mean()  # mirrored


def test_latents_of_both_are_cached_once_and_by_content(tmp_path):
    buckets, seen = made(tmp_path, (128, 64), (64, 64)), []
    store = MemoryStore()
    cache = LatentCache(store, buckets, "v", 4, "own")

    def encode(pixels: torch.Tensor) -> tuple[torch.Tensor, None]:
        seen.append(tuple(pixels.shape))
        return pixels.mean((1, 2))[:, :, None, None], None

    assert list(cache.fill([CENTRE], encode))[-1] == (3, 3)
    assert sorted(seen) == [(1, 48, 96, 3), (2, 64, 64, 3)]  # in batches of one size
    assert cache.keys([CENTRE]) == {cache.key(one) for one in (CENTRE, *cache.controls(CENTRE))}
    assert list(cache.fill([CENTRE], encode)) == []
    plain = LatentCache(store, buckets, "v", 4)
    assert plain.controls(CENTRE) == () and plain.key(CENTRE) == cache.key(CENTRE)
    assert list(plain.fill([CENTRE], encode)) == []


def test_a_control_picture_that_overflows_breaks_its_picture(tmp_path):
    cache = LatentCache(MemoryStore(), made(tmp_path, (64, 64)), "v", 1, "same")
    dark = cache.pixels(CENTRE).mean()

    def encode(pixels: torch.Tensor) -> tuple[torch.Tensor, None]:
        broken = (pixels.mean() - dark).abs() > 1e-4
        return torch.full((1, 4, 1, 1), float("nan") if broken else 0.0), None

    list(cache.fill([CENTRE], encode))
    assert cache.is_broken(CENTRE)


def test_captions_are_kept_by_text_and_what_is_shown():
    """And the keys of captions without a control picture are those of earlier versions."""
    texts = TextCache(MemoryStore(), "c", seen=lambda variant: (variant.picture, variant.flip))
    plain = SampleCaption(text="a fox")
    shown = replace(plain, shown=(CENTRE,))
    keys = {
        texts.key(each) for each in (plain, shown, replace(plain, shown=(LEFT,)), replace(plain, shown=(CENTRE, LEFT)))
    }
    assert len(keys) == 4
    assert texts.key(plain) == "c71e18cdecb341069c6e6cc2ecab1f966c90194950041b2aeb5771b4a9046a1f"


def test_transparent_parts_lie_on_the_background_whatever_the_mask(tmp_path):
    buckets = made(tmp_path, (64, 64), alpha_mask=True, alpha_background="#00ff00")
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(buckets.dataset.pictures[0].controls[0].path)
    cache = LatentCache(MemoryStore(), buckets, "v", 1, "same")
    assert cache.pixels(cache.controls(CENTRE)[0])[0, 0].tolist() == [0, 1, 0]
