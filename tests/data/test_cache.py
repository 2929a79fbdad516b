"""Encodings are made once, found again by content, and rebuilt when they are lost."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from athanor.training_core.data.cache import LatentCache, TextCache
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.plan import SampleCaption, epoch_plan, sort_into_buckets
from athanor.training_core.data.scan import scan
from athanor.training_core.data.store import DiskStore, MemoryStore, Overfull
from athanor.training_core.errors import AthanorError
from athanor.training_core.settings import BucketSettings, DatasetSettings, TrainingSettings
from PIL import Image
from safetensors.torch import load, save


def draw(folder: Path, count=3, seed=0, size=(100, 64)) -> None:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"picture {i}, a, b, c")


def dataset(folder: Path, **values) -> Dataset:
    return scan(DatasetSettings(folder="x", **({"repeats": 8} | values)), folder)


def buckets_of(data: Dataset, size=64, **values):
    return sort_into_buckets(data, BucketSettings(width=size, height=size, **({"enable_bucket": False} | values)))


class Encoder:
    """Counts, and answers with the pixels themselves."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def __call__(self, pixels: torch.Tensor):
        self.seen += list(pixels)
        return pixels.movedim(-1, 1), torch.full_like(pixels.movedim(-1, 1), 0.5)


def fill(store, buckets, vae="v", batch_size=1, epochs=3) -> tuple[LatentCache, Encoder, list]:
    cache, encoder = LatentCache(store, buckets, vae, batch_size), Encoder()
    variants = [s.variant for e in range(epochs) for b in epoch_plan(buckets, TrainingSettings(), e) for s in b.samples]
    list(cache.fill(variants, encoder))
    return cache, encoder, variants


@pytest.fixture(params=["memory", "disk"])
def store(request, tmp_path: Path):
    return MemoryStore() if request.param == "memory" else DiskStore(tmp_path / "cache", 10**9)


def test_each_view_is_encoded_once_and_by_itself(tmp_path: Path, store):
    draw(tmp_path / "ds")
    data = dataset(tmp_path / "ds", flip_aug=True, random_crop=True, color_aug=True)
    buckets = buckets_of(data)
    cache, encoder, variants = fill(store, buckets, batch_size=3)
    assert len(encoder.seen) == len(set(variants)) > 6
    assert list(cache.fill(variants, encoder)) == [] and len(encoder.seen) == len(set(variants))
    flipped = next(v for v in variants if v.flip and not v.colour)
    left = flipped.placement.crop[0]
    whole = np.asarray(data.image(data.pictures[flipped.picture]))[:, left : left + 64]
    stored = cache.get(flipped)["mean"][0].movedim(0, -1)
    assert np.allclose(stored.numpy() * 255, whole[:, ::-1], atol=1e-3)


def test_a_second_run_encodes_nothing_and_a_change_only_what_it_must(tmp_path: Path):
    folder, cache = tmp_path / "ds", tmp_path / "cache"
    draw(folder)

    def encoded(vae="v", size=64, **values) -> int:
        # A store of its own each time, as after a restart.
        return len(fill(DiskStore(cache, 10**9), buckets_of(dataset(folder, **values), size), vae)[1].seen)

    assert encoded() == 3
    assert encoded() == 0
    (folder / "0.txt").write_text("another caption")
    assert encoded() == 0
    pixels = np.array(Image.open(folder / "1.png"))
    pixels[0, 0] ^= 255
    Image.fromarray(pixels).save(folder / "1.png")
    assert encoded() == 1
    assert encoded(vae="another") == 3
    assert encoded(size=96) == 3
    assert encoded() == 0
    (folder / "2.png").rename(folder / "renamed.png")
    assert encoded() == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "gone", "other"])
def test_a_damaged_file_is_noticed_and_rebuilt(tmp_path: Path, damage: str):
    draw(tmp_path / "ds")
    buckets = buckets_of(dataset(tmp_path / "ds"))
    fill(DiskStore(tmp_path / "cache", 10**9), buckets)
    files = sorted((tmp_path / "cache").rglob("*.safetensors"))
    data = files[0].read_bytes()
    if damage == "gone":
        files[0].unlink()
    elif damage == "other":
        files[0].write_bytes(files[1].read_bytes())
    else:
        files[0].write_bytes({"cut": data[: len(data) // 2], "empty": b"", "garbage": bytes(reversed(data))}[damage])
    cache, encoder, variants = fill(DiskStore(tmp_path / "cache", 10**9), buckets)
    assert len(encoder.seen) == 1
    assert all(cache.get(variant) is not None for variant in variants)
    assert files[0].read_bytes() == data


def test_a_flipped_byte_is_noticed_and_rebuilt(tmp_path: Path):
    """In a tensor, a name, a shape or a value: the run ended with other tensors, and nobody had said a word."""
    caption, made = SampleCaption(text="a fox"), []

    def encode(_: SampleCaption):
        made.append(1)
        return {"cond": torch.linspace(0, 1, 64), "other": torch.zeros(64)}, {"extras": {"cut": False, "width": 12}}

    def cache() -> TextCache:
        text = TextCache(DiskStore(tmp_path, 10**9), "c")
        list(text.fill([caption], encode))
        return text

    (file,) = (cache(), *tmp_path.rglob("*.safetensors"))[1:]
    whole, want = file.read_bytes(), cache().get(caption)
    assert torch.equal(load(whole)["cond"], want[0]["cond"])  # it stays a file that others read
    for at in range(0, len(whole), 7):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        text, before = cache(), len(made)
        if len(made) == before and text.get(caption) is None:  # only the header was looked at; now it counts as lost
            assert list(text.fill([caption], encode)) == [(0, 1), (1, 1)]
        found = text.get(caption)
        assert torch.equal(found[0]["cond"], want[0]["cond"]) and found[1] == want[1], at


def test_encodings_of_older_versions_have_no_checksum_and_are_read(tmp_path: Path):
    store = DiskStore(tmp_path, 10**9)
    store.put("a" * 64, {"x": torch.ones(3)}, cut=True)
    path = store._path("a" * 64)
    path.write_bytes(save({"x": torch.ones(3)}, metadata={"athanor": json.dumps({"key": "a" * 64, "cut": True})}))
    assert store.meta("a" * 64) == {"key": "a" * 64, "cut": True} and store.get("a" * 64)[0]["x"].tolist() == [1, 1, 1]


def test_lost_while_it_is_needed(tmp_path: Path):
    """What another process removed is reported as lost, not raised."""
    draw(tmp_path / "ds")
    cache, _, variants = fill(DiskStore(tmp_path / "cache", 10**9), buckets_of(dataset(tmp_path / "ds")))
    for file in (tmp_path / "cache").rglob("*.safetensors"):
        file.unlink()
    assert cache.get(variants[0]) is None


def test_the_least_recently_used_goes_first(tmp_path: Path):
    store = DiskStore(tmp_path, 3000)
    for name in "abcd":
        store.put(name * 64, {"x": torch.zeros(200)})  # about 900 bytes each
    for age, name in enumerate("dcba"):
        os.utime(store._path(name * 64), ns=(age * 10**9, age * 10**9))
    assert store.get("d" * 64) is not None  # used now
    store.hold({"c" * 64})
    store.trim()
    assert [name for name in "abcd" if store.meta(name * 64)] == ["a", "c", "d"]


def test_what_live_runs_need_is_kept(tmp_path: Path):
    """Two runs that shared too small a folder deleted each other's encodings: 907 were made again in 150 steps."""
    one, other = DiskStore(tmp_path, 3000), DiskStore(tmp_path, 3000)
    for store, keys in ((one, "ab"), (other, "cd"), (one, "ab")):
        store.hold({name * 64 for name in keys})
        for name in keys:
            store.put(name * 64, {"x": torch.zeros(200)})  # about 900 bytes each
        told = store.trim()
    assert all(one.get(name * 64) for name in "abcd")
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.safetensors"))
    assert told == (size / 2, size, 3000) and told.own < 3000 < told.needed
    one.hold({name * 64 for name in "abcd"})  # now it is too much for a single run
    one.put("a" * 64, {"x": torch.zeros(200)})
    assert one.trim() == (size, size, 3000)
    one.release()
    other.put("c" * 64, {"x": torch.zeros(200)})
    assert other.trim() is None and all(other.get(name * 64) for name in "cd")
    assert [name for name in "ab" if other.meta(name * 64)] == ["a"]  # written last
    other.release()
    assert not list((tmp_path / "leases").iterdir())


def test_in_memory_what_comes_back_in_a_later_epoch_is_kept():
    """Crops and shuffled captions that an epoch did without were made anew in the next; at most so many bytes are kept."""
    store = MemoryStore(limit=1000)
    for epoch in ("ab", "cd", "ef"):
        store.hold(set(epoch))
        for name in epoch:
            store.put(name, {"x": torch.zeros(100)})  # 400 bytes
        store.trim()
    assert [name for name in "abcdef" if store.meta(name)] == list("cdef")


def _held_and_killed(folder: Path) -> None:
    DiskStore(folder, 0).hold({"a" * 64})
    os._exit(1)


def test_a_killed_run_needs_nothing_any_more(tmp_path: Path):
    store = DiskStore(tmp_path, 0)
    store.put("a" * 64, {"x": torch.zeros(200)})
    killed = multiprocessing.get_context("fork").Process(target=_held_and_killed, args=(tmp_path,))
    killed.start()
    killed.join(300)
    assert len(list((tmp_path / "leases").glob("*.json"))) == 1
    assert store.trim() is None and store.meta("a" * 64) is None
    assert not list((tmp_path / "leases").iterdir())


def test_stale_temporary_files_are_removed(tmp_path: Path):
    store = DiskStore(tmp_path, 10**9)
    store.put("a" * 64, {"x": torch.zeros(2)})
    for name, age in (("old", 10**6), ("new", 0)):
        path = tmp_path / "aa" / f".{name}.safetensors.1234abcd.tmp"
        path.write_bytes(b"x")
        moment = path.stat().st_mtime - age
        os.utime(path, (moment, moment))
    store.trim()
    assert [p.name for p in (tmp_path / "aa").glob("*.tmp")] == [".new.safetensors.1234abcd.tmp"]


def test_what_is_being_written_takes_room(tmp_path: Path):
    """A limit that counts finished files alone is passed by all that killed runs have left."""
    store = DiskStore(tmp_path, 10_000)
    store.put("a" * 64, {"x": torch.zeros(2)})
    (tmp_path / "aa" / ".b.safetensors.1234abcd.tmp").write_bytes(bytes(10_000))
    store.trim()
    assert store.meta("a" * 64) is None


def _hammer(folder: Path, cache: Path, seed: int) -> None:
    buckets = buckets_of(dataset(folder, random_crop=True))
    store = DiskStore(cache, 150_000)  # far too small for both
    for epoch in range(4):
        latents, _, variants = fill(store, buckets, epochs=epoch + 1)
        store.hold({latents.key(v) for v in variants[: seed + 1]})
        store.trim()
        for variant in variants:
            parts = latents.get(variant)
            picture = buckets.dataset.pictures[variant.picture]
            left = variant.placement.crop[0]
            want = np.asarray(buckets.dataset.image(picture))[:, left : left + 64] / 255
            assert parts is None or np.allclose(parts["mean"][0].movedim(0, -1).numpy(), want, atol=1e-6)


def test_two_processes_share_a_cache(tmp_path: Path):
    draw(tmp_path / "ds", count=4)
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_hammer, args=(tmp_path / "ds", tmp_path / "cache", i)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(300)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert not list((tmp_path / "cache").rglob("*.tmp"))


def test_masks_follow_the_picture(tmp_path: Path, store):
    """Resized, cut and mirrored with it; a changed mask does not encode the picture again."""
    draw(tmp_path / "ds", count=1)
    mask = np.zeros((64, 100), dtype=np.uint8)
    mask[:, :30] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "0.png")
    settings = DatasetSettings(folder="x", repeats=8, flip_aug=True, random_crop=True)
    buckets = buckets_of(scan(settings, tmp_path / "ds", tmp_path / "masks"))
    cache, encoder, variants = fill(store, buckets)
    for variant in variants:
        left = variant.placement.crop[0]
        want = mask[:, left : left + 64]
        assert np.array_equal(cache.get(variant)["mask"].numpy(), want[:, ::-1] if variant.flip else want)
    Image.fromarray(255 - mask).save(tmp_path / "masks" / "0.png")
    changed, encoder, variants = fill(store, buckets_of(scan(settings, tmp_path / "ds", tmp_path / "masks")))
    assert (
        not encoder.seen
        and changed.get(variants[0])["mask"].float().mean() != cache.get(variants[0])["mask"].float().mean()
    )


def test_texts_are_kept_by_caption_and_encoder(tmp_path: Path):
    seen = []

    def encode(caption: SampleCaption):
        seen.append(caption)
        return {"cond": torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(len(caption.text)))}, {
            "cut": False
        }

    def run(clip: str, *captions: SampleCaption) -> TextCache:
        cache = TextCache(DiskStore(tmp_path, 10**9), clip)
        list(cache.fill(captions, encode))
        return cache

    a, b = SampleCaption(text="猫, a"), SampleCaption(text="b")
    first = run("c", a, b, a)
    assert seen == [a, b]
    again = run("c", b, a)
    assert seen == [a, b]
    assert torch.equal(first.get(a)[0]["cond"], again.get(a)[0]["cond"]) and again.meta(a)["cut"] is False
    run("other clip", a)
    run("c", replace(a, weighted=True), replace(a, max_tokens=75))
    assert len(seen) == 5


def test_what_is_no_json_stays_in_memory(tmp_path: Path):
    cache = TextCache(DiskStore(tmp_path, 10**9), "c")
    list(cache.fill([SampleCaption(text="a")], lambda _: ({"cond": torch.zeros(1)}, {"odd": torch.float32})))
    assert cache.get(SampleCaption(text="a"))[1]["odd"] is torch.float32


class Faulty(Encoder):
    """A VAE that overflows in some pictures of a batch."""

    def __init__(self, bad: set[int], value=float("nan"), part="mean") -> None:
        super().__init__()
        self.bad, self.value, self.part = bad, value, part

    def __call__(self, pixels: torch.Tensor):
        mean, std = super().__call__(pixels)
        for i in self.bad:
            (mean if self.part == "mean" else std)[i, 0, 0, 0] = self.value
        return mean, std


@pytest.mark.parametrize(("value", "part"), [(float("nan"), "mean"), (float("inf"), "std")])
def test_a_picture_whose_latent_is_not_finite_is_known(tmp_path: Path, store, value, part):
    """E23: found where it is made, not as a loss that is NaN for no reason; nothing of it is kept."""
    draw(tmp_path / "ds")
    buckets = buckets_of(dataset(tmp_path / "ds"))
    variants = [s.variant for b in epoch_plan(buckets, TrainingSettings(), 0) for s in b.samples]
    unique = list(dict.fromkeys(variants))
    cache = LatentCache(store, buckets, "v", 3)
    list(cache.fill(variants, Faulty({1}, value, part)))
    assert [cache.is_broken(variant) for variant in unique] == [False, True, False]
    assert [cache.get(variant) is None for variant in unique] == [False, True, False]
    list(cache.fill(variants, encoder := Encoder()))
    assert not encoder.seen  # nor is it encoded again and again


def test_encodings_of_earlier_runs_that_are_not_finite_are_made_anew(tmp_path: Path):
    """They were kept before anybody looked: they count as lost, and what is lost is encoded again."""
    draw(tmp_path / "ds")
    buckets = buckets_of(dataset(tmp_path / "ds"))
    store = DiskStore(tmp_path / "cache", 10**9)
    cache, _, variants = fill(store, buckets)
    key, want = cache.key(variants[0]), cache.get(variants[0])["mean"]
    store.put(key, {"mean": torch.full_like(want, float("nan"))})
    caption = SampleCaption(text="a fox")
    text = TextCache(store, "c")
    store.put(text.key(caption), {"cond": torch.tensor([float("inf")])}, extras={})

    again, encoder = LatentCache(DiskStore(tmp_path / "cache", 10**9), buckets, "v", 1), Encoder()
    list(again.fill(variants, encoder))
    assert not encoder.seen and again.get(variants[0]) is None and again.get(variants[0]) is None
    list(again.fill(variants, encoder))
    assert len(encoder.seen) == 1 and torch.equal(again.get(variants[0])["mean"], want)

    text = TextCache(DiskStore(tmp_path / "cache", 10**9), "c")
    assert text.get(caption) is None
    assert list(text.fill([caption], lambda c: ({"cond": torch.ones(1)}, {"extras": {}}))) == [(0, 1), (1, 1)]
    assert text.get(caption)[0]["cond"].item() == 1


def test_a_caption_whose_encoding_is_not_finite_is_named(store):
    cache = TextCache(store, "c")
    with pytest.raises(AthanorError, match='gives NaN or infinity for the caption "a fox": connect another CLIP'):
        list(cache.fill([SampleCaption(text="a fox")], lambda c: ({"cond": torch.tensor([float("nan")])}, {})))
    assert cache.get(SampleCaption(text="a fox")) is None
    whole = {"cond": torch.ones(1, dtype=torch.float16), "mask": torch.ones(2, dtype=torch.int64)}
    assert list(cache.fill([SampleCaption(text="a fox")], lambda c: (whole, {}))) == [(0, 1), (1, 1)]


def test_the_limit_that_is_advised_holds_what_is_needed():
    """20.04 GB were told as 20 GB: more than 20, with the advice to raise it to 20."""
    limit = 20 * 2**30
    said = Overfull(own=limit + 2**25, needed=limit + 2**25, limit=limit).advice()
    assert "take 20.04 GB, more than cache_limit_gb (20)" in said and "raise it to 20.04 or more" in said
    assert "need 20.04 GB of encodings together" in Overfull(own=9, needed=limit + 2**25, limit=limit).advice()
