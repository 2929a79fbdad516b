"""Must-show 4: what the caches hand to the network is, bit for bit, what encoding live would give."""

from __future__ import annotations

import shutil
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture(scope="module")
def graph(checkpoints):
    import comfy.sd

    with torch.inference_mode():
        return comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd15"]))[:3]


@pytest.fixture
def buckets(tmp_path: Path):
    from athanor.training_core.data.plan import sort_into_buckets
    from athanor.training_core.data.scan import scan
    from athanor.training_core.settings import BucketSettings, DatasetSettings

    folder = tmp_path / "ds"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i, size in enumerate([(64, 64), (100, 64), (64, 64)]):
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 4), dtype=np.uint8), "RGBA").save(folder / f"{i}.png")
        (folder / f"{i}.txt").write_text(f"fox {{red|blue}}, a{i}, (b), c, d", encoding="utf-8")
    settings = DatasetSettings(
        folder="x", repeats=3, shuffle_caption=True, enable_wildcard=True, caption_dropout_rate=0.2, keep_tokens=1,
        caption_tag_dropout_rate=0.2, flip_aug=True, color_aug=True, random_crop=True, alpha_mask=True,
    )  # fmt: skip
    shape = BucketSettings(
        width=64, height=64, min_bucket_reso=32, max_bucket_reso=128, bucket_reso_steps=32, batch_size=2
    )
    return sort_into_buckets(scan(settings, folder), shape)


@pytest.mark.parametrize("to_disk", [True, pytest.param(False, marks=pytest.mark.long)])
def test_cached_batches_equal_live_ones(graph, buckets, to_disk, tmp_path, monkeypatch):
    from athanor.training_core.data import images
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.host import folders, guard, text, vae
    from athanor.training_core.randomness import keyed
    from athanor.training_core.run.encoded import Encodings
    from athanor.training_core.settings import CacheSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    _, clip, autoencoder = graph
    dataset, texts = buckets.dataset, set()
    with guard.training():
        encodings = Encodings(buckets, clip, autoencoder, "vae", settings=CacheSettings(cache_to_disk=to_disk), seed=0)
        for epoch in range(3):
            plan = epoch_plan(buckets, TrainingSettings(), epoch)
            list(encodings.fill(plan))
            for step, batch in enumerate(plan):
                fetched = encodings.fetch(batch, step, 0)
                for i, sample in enumerate(batch.samples):
                    texts.add(sample.caption.text)
                    live, _ = text.encode(clip, sample.caption.text, False, 75)
                    assert torch.equal(fetched.texts[i].cond, live.cond)
                    assert fetched.texts[i].extras.keys() == live.extras.keys()
                    picture = dataset.pictures[sample.variant.picture]
                    image = images.fit(dataset.image(picture), sample.variant.placement, sample.variant.flip)
                    if sample.variant.colour:
                        image = images.shift_colours(image, keyed(picture.content, "colour", sample.variant.colour))
                    mean, std = vae.encode(autoencoder, images.to_tensor(image)[None])
                    assert std is None and torch.equal(fetched.latents[i : i + 1], mean)
                    mask = images.fit(dataset.mask(picture), sample.variant.placement, sample.variant.flip)
                    assert torch.equal(fetched.mask[i, 0], torch.from_numpy(np.array(mask)).float() / 255)
    assert len(texts) > 9


def test_latents_are_drawn_by_seed_and_step(graph, buckets, tmp_path, monkeypatch):
    """every step: anew each time, the same for the same step; once: one draw for good; mean: none."""
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.host import folders, guard
    from athanor.training_core.run import encoded
    from athanor.training_core.settings import CacheSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    own = encoded.host_vae.encode

    def spread(*args):
        """The test's VAE has no posterior: give it one."""
        mean, _ = own(*args)
        return mean, torch.full_like(mean, 0.5)

    monkeypatch.setattr(encoded.host_vae, "encode", spread)
    _, clip, autoencoder = graph
    batch = epoch_plan(buckets, TrainingSettings(), 0)[0]

    def draws(sampling, seed=0):
        with guard.training():
            made = encoded.Encodings(
                buckets,
                clip,
                autoencoder,
                "vae",
                settings=CacheSettings(latent_sampling=sampling, cache_to_disk=False),
                seed=seed,
            )
            list(made.fill([batch]))
            return [made.fetch(batch, step, 0).latents for step in (0, 1, 0)]

    mean = draws("mean")
    assert torch.equal(mean[0], mean[1])
    first, second, again = draws("every step")
    assert torch.equal(first, again) and not torch.equal(first, second)
    assert 0.3 < (first - mean[0]).std() < 0.7
    assert not torch.equal(draws("every step", seed=1)[0], first)
    once = draws("once")
    assert torch.equal(once[0], once[1]) and not torch.equal(once[0], mean[0])


def test_what_another_process_removed_is_encoded_again(graph, buckets, tmp_path, monkeypatch):
    """The feed gives every batch although all files of the cache vanish while it reads."""
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.host import folders, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.run.batch_loader import BatchLoader
    from athanor.training_core.run.encoded import Encodings
    from athanor.training_core.settings import CacheSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    model, clip, autoencoder = graph
    plan = epoch_plan(buckets, TrainingSettings(), 0)
    steps = [(i, [batch]) for i, batch in enumerate(plan)]
    results = []
    for vanish in (False, True):
        with guard.training():
            encodings = Encodings(buckets, clip, autoencoder, "vae", settings=CacheSettings(), seed=0)
            list(encodings.fill(plan))
            with trainable(model, "auto", "off") as host_model:
                latents = []
                for parts, _ in BatchLoader(encodings, host_model)(steps):
                    latents.append(parts[0].latents)
                    if vanish:
                        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        results.append(latents)
    assert len(results[0]) == len(steps) > 3
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_runs_that_share_too_small_a_cache_encode_once(graph, buckets, tmp_path, monkeypatch):
    """Each deleted what the other had made: 907 encodings and 253 loads of the model in 150 steps. It is said once."""
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.history.events import Warned
    from athanor.training_core.host import folders, guard
    from athanor.training_core.run import encoded
    from athanor.training_core.settings import CacheSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(encoded, "in_float32", nullcontext)
    monkeypatch.setattr(encoded.host_vae, "encode", lambda _, pixels: (pixels.movedim(-1, 1), None))
    monkeypatch.setattr(encoded.host_text, "encode", lambda *_: (encoded.host_text.Text(torch.ones(1, 2)), False))
    _, clip, autoencoder = graph
    plans = [epoch_plan(buckets, TrainingSettings(), epoch) for epoch in range(3)]
    settings = CacheSettings().model_copy(update={"cache_limit_gb": 1e-5})
    runs = [encoded.Encodings(buckets, clip, autoencoder, vae, settings=settings, seed=0) for vae in ("one", "other")]
    told: list[list[str]] = [[], []]
    with guard.training():
        for plan in plans:
            for number, run in enumerate(runs):
                told[number] += [event.text for event in run.fill(plan) if isinstance(event, Warned)]
            list(runs[0].fill(plan[:1], for_good=True))  # as for an encoding that was lost: the others stay
            assert all(run.fetch(batch, 0, 0) for run in runs for batch in plan)
    for run in runs:
        run.close()
    assert [len([text for text in texts if "more than cache_limit_gb (1e-05)" in text]) for texts in told] == [1, 1]
    assert not list((tmp_path / "cache" / "leases").iterdir())


def test_a_vae_in_bfloat16_fills_the_caches_in_float32(graph, buckets, tmp_path, monkeypatch):
    """E21: one copy for all pictures of an epoch, none where nothing is missing, and none left."""
    import comfy.model_management as mm
    import comfy.sd
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.host import folders, guard, vae
    from athanor.training_core.run import encoded
    from athanor.training_core.settings import CacheSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    copies, own = [], encoded.in_float32
    monkeypatch.setattr(encoded, "in_float32", lambda given: copies.append(given) or own(given))
    _, clip, autoencoder = graph
    weights = autoencoder.get_sd()
    with torch.inference_mode():
        short = comfy.sd.VAE(sd=dict(weights), dtype=torch.bfloat16)
        exact = comfy.sd.VAE(sd={name: value.bfloat16().float() for name, value in weights.items()})
    plan, loaded = epoch_plan(buckets, TrainingSettings(), 0), len(mm.current_loaded_models)
    with guard.training():
        for _ in range(2):
            encodings = encoded.Encodings(buckets, clip, short, "vae", settings=CacheSettings(), seed=0)
            list(encodings.fill(plan))
            got = encodings.fetch(plan[0]).latents
        assert copies == [short] and len(mm.current_loaded_models) <= loaded + 1  # the text encoder
        view = plan[0].samples[0].variant
        pixels = encodings._latents._pixels([("", view)])[1]
        want = vae.encode(exact, pixels)[0]
    assert torch.allclose(got[:1], want, atol=1e-5)


def test_noise_is_drawn_while_the_device_works(graph, buckets, tmp_path, monkeypatch):
    """D18: in the thread that reads the caches, for every step, to the bit what the step would draw itself."""
    from athanor.training_core.data.plan import epoch_plan
    from athanor.training_core.host import folders, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.objective import Objective, noise
    from athanor.training_core.run.batch_loader import BatchLoader
    from athanor.training_core.run.encoded import Encodings
    from athanor.training_core.run.predraw import PredrawnObjective
    from athanor.training_core.settings import CacheSettings, LossSettings, NoiseSettings, TrainingSettings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    model, clip, autoencoder = graph
    plan = epoch_plan(buckets, TrainingSettings(), 0)[:6]
    steps = [(5, plan[:2]), (6, plan[2:3]), (7, plan[3:])]
    own, again = noise.draw, []

    def noting(*args):
        if threading.current_thread() is threading.main_thread():  # the loader's thread draws ahead meanwhile
            again.append(args)
        return own(*args)

    with guard.training():
        encodings = Encodings(buckets, clip, autoencoder, "vae", settings=CacheSettings(), seed=0)
        list(encodings.fill(plan))
        with trainable(model, "auto", "off") as host_model:
            objective = Objective(LossSettings(), NoiseSettings(noise_offset=0.1), host_model.schedule)
            ahead = PredrawnObjective(objective)
            feed = BatchLoader(encodings, host_model, None, lambda shape, *key: ahead.draw(shape, 9, *key))
            count = 0
            for (number, _), (parts, _) in zip(steps, feed(steps), strict=True):
                for micro, part in enumerate(parts):
                    want, count = objective.prepare(part.latents, 9, number, micro), count + 1
                    with monkeypatch.context() as patch:
                        patch.setattr(noise, "draw", noting)
                        got = ahead.prepare(part.latents, 9, number, micro)  # draws nothing itself
                    assert all(torch.equal(getattr(got, n), getattr(want, n)) for n in ("x", "sigma", "t", "target"))
    assert count == len(plan) > 3 and not again and not ahead._drawn


def test_a_mixed_batch_equals_its_samples_alone(graph, tmp_path, monkeypatch):
    """Must-show 5: captions of all lengths, sizes within a bucket, masks, regularization and dropout at batch six."""
    from athanor.training_core.data.plan import PlannedBatch, epoch_plan, sort_into_buckets
    from athanor.training_core.data.scan import scan
    from athanor.training_core.host import folders, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network.build import Part, attached
    from athanor.training_core.objective import Noised, Objective
    from athanor.training_core.run.encoded import Encodings, to_device
    from athanor.training_core.settings import (
        BucketSettings,
        CacheSettings,
        DatasetSettings,
        LossSettings,
        NetworkSettings,
        NoiseSettings,
        TrainingSettings,
    )

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    rng, parts = np.random.default_rng(0), []
    for name, sizes in (("own", [(64, 64), (70, 66), (64, 64), (120, 110)]), ("reg", [(64, 64), (90, 90)])):
        (tmp_path / name).mkdir()
        for i, (w, h) in enumerate(sizes):
            channels = 4 if i % 2 else 3
            pixels = rng.integers(0, 255, (h, w, channels), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
            (tmp_path / name / f"{i}.txt").write_text(", ".join([f"{name} {i}"] * (1 + 30 * i)), encoding="utf-8")
        parts.append(
            scan(
                DatasetSettings(
                    folder=name, is_reg=name == "reg", alpha_mask=True, max_token_length="225",
                    caption_dropout_rate=0.3, repeats=1,
                ),
                tmp_path / name,
            )
        )  # fmt: skip
    shape = BucketSettings(width=64, height=64, enable_bucket=False, batch_size=8)
    buckets = sort_into_buckets(parts[0].joined(parts[1]), shape)
    model, clip, autoencoder = graph
    batch = epoch_plan(buckets, TrainingSettings(seed=4), 0)[0]
    assert len(batch.samples) == 8 and {s.is_reg for s in batch.samples} == {True, False}
    batch = PlannedBatch(batch.bucket, batch.samples[:6])
    assert len({len(s.caption.text) for s in batch.samples}) > 2
    with guard.training():
        encodings = Encodings(
            buckets, clip, autoencoder, "vae", settings=CacheSettings(), seed=0, prior_loss_weight=0.3
        )
        list(encodings.fill([batch]))
        with (
            trainable(model, "auto", "off") as host_model,
            attached([Part(host_model.diffusion_model)], NetworkSettings(rank=2), 0, host_model.device) as network,
        ):
            for parameter in network.parameters():  # away from zero, so that gradients are everywhere
                parameter.data += 0.01
            objective = Objective(LossSettings(min_snr_gamma=5), NoiseSettings(), host_model.schedule)
            together = to_device(encodings.fetch(batch, 0, 0), host_model)
            assert together.mask is not None and sorted(set(together.weights.tolist())) == pytest.approx([0.3, 1.0])
            noised = objective.prepare(together.latents, 0, 0)
            losses = objective.losses(host_model.predict(noised, together), noised, together.mask) * together.weights
            losses.mean().backward()
            gradients = [p.grad.clone() for p in network.parameters()]
            network.zero_grad()
            alone = []
            for i, sample in enumerate(batch.samples):
                one = encodings.fetch(PlannedBatch(batch.bucket, (sample,)), 0, 0)
                one = to_device(one, host_model)
                assert torch.equal(one.latents, together.latents[i : i + 1])
                part = Noised(*(v[i : i + 1] for v in (noised.x, noised.sigma, noised.t, noised.target)))
                loss = objective.losses(host_model.predict(part, one), part, one.mask) * one.weights
                (loss.sum() / 6).backward()
                alone.append(loss.detach())
    assert torch.allclose(losses, torch.cat(alone), rtol=1e-4, atol=1e-5)
    for got, parameter in zip(gradients, network.parameters(), strict=True):
        assert torch.allclose(got, parameter.grad, rtol=1e-3, atol=1e-5 * got.abs().max().item() + 1e-8)
