"""An edit is seen to be learned: from pairs of a picture and its negative, with the control picture and not without it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from athanor.training_core import settings as s
from athanor.training_core.data import plan, scan
from layout import Layout
from PIL import Image

pytestmark = [pytest.mark.usefixtures("comfy", "one_thread"), pytest.mark.long]

STEPS = 240
SMALL = {"hidden_size": 128, "num_heads": 1, "context_in_dim": 64, "vec_in_dim": 64}
ONE = {"depth": 1, "depth_single_blocks": 1}
DEMO_VAE = Path(__file__).resolve().parents[2] / "demo" / "weights" / "vae.safetensors"


def write(folder: Path, count: int, seed: int) -> None:
    """Pictures of two colours as control pictures, and their negatives."""
    colours = np.random.default_rng(seed).integers(0, 256, (count, 2, 3), dtype=np.uint8)
    (folder / "control").mkdir(parents=True)
    for i, two in enumerate(colours):
        pixels = np.broadcast_to(two.repeat(32, 0)[None], (64, 64, 3))
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / "control" / f"{i:03}.png")
        Image.fromarray(255 - pixels).save(folder / f"{i:03}.png")
        (folder / f"{i:03}.txt").write_text("negative", encoding="utf-8")


@pytest.fixture(scope="module")
def models(comfy):
    """(MODEL, CLIP, VAE): Flux' layout and text encoders with random weights, and the demo's VAE."""
    import comfy.sd
    import tiny_layouts
    import tiny_text
    from safetensors.torch import load_file

    flux = tiny_layouts.LAYOUTS["flux_dev"]
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setitem(tiny_layouts.LAYOUTS, "edit", Layout(flux.module, flux.real | ONE, SMALL | ONE, True))
        clip = tiny_text.load("flux")
        clip.tokenizer.t5xxl.min_length = 8  # 256 tokens of nothing would take most of the time
        return tiny_layouts.load("edit"), clip, comfy.sd.VAE(sd=load_file(DEMO_VAE))


def trained(models, folder: Path, kind: str) -> tuple[float, list[np.ndarray]]:
    """Mean loss of the last 40 steps, and what is drawn of four colours that were not trained."""
    from athanor.training_core.history.events import Sampled, Stepped
    from athanor.training_core.host import guard
    from athanor.training_core.run.train import train

    shows = kind != "none"
    pairs = s.DatasetSettings(folder="pairs", control_folder="control" * shows)
    dataset = scan.scan(pairs, folder / "pairs", controls=folder / "pairs" / "control" if shows else None)
    if kind == "shuffled":
        given = [picture.controls for picture in dataset.pictures]
        others = [replace(p, controls=given[(7 * i + 3) % len(given)]) for i, p in enumerate(dataset.pictures)]
        dataset = replace(dataset, pictures=tuple(others))
    bucket = s.BucketSettings(width=64, height=64, batch_size=16, min_bucket_reso=64)
    buckets = plan.sort_into_buckets(dataset, bucket)
    shown = [f" --ci other/control/{i:03}.png" * shows for i in range(4)]
    prompts = [f"negative --w 64 --h 64 --d {i} --s 8 --l 1{each}" for i, each in enumerate(shown)]
    job = s.Job(
        datasets=dataset.subsets,
        buckets=buckets.settings,
        dataset_fingerprint=dataset.fingerprint,
        model_fingerprint="m",
        network=s.NetworkSettings(algo="finetune"),
        optimizer=s.OptimizerSettings(learning_rate=2e-3),
        noise=s.NoiseSettings(timestep_sampling="uniform"),
        sampling=s.SamplingSettings(
            sample_prompts="\n".join(prompts),
            sample_every_n_epochs=STEPS // 4,
            sampler_name="euler",
            scheduler="simple",
        ),
        training=s.TrainingSettings(mixed_precision="no", output_name=kind, epochs=STEPS // 4, save_precision="float"),
    )
    with guard.training():
        events = list(train(job, buckets, *models))
    losses = [event.loss for event in events if isinstance(event, Stepped)]
    drawn = [np.asarray(Image.open(e.path).convert("RGB")).astype(float) for e in events if isinstance(e, Sampled)]
    assert len(losses) == STEPS and len(drawn) == 8
    return float(np.mean(losses[-40:])), drawn[4:]


def test_negatives_are_learned_from_their_own_control_pictures_alone(models, tmp_path, monkeypatch):
    """Base of random weights, all of them trained. 800 steps: 46, shuffled 91, none 102 of 255 away from the wanted pixels."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path))
    write(tmp_path / "pairs", 64, 0)
    write(tmp_path / "other", 4, 9)
    wanted = [np.asarray(Image.open(tmp_path / "other" / f"{i:03}.png")).astype(float) for i in range(4)]
    loss, distance = {}, {}
    for kind in ("own", "shuffled", "none"):
        loss[kind], drawn = trained(models, tmp_path, kind)
        distance[kind] = float(np.mean([np.abs(a - b).mean() for a, b in zip(drawn, wanted, strict=True)]))
    print(loss, distance)
    assert loss["own"] < 0.9 * min(loss["shuffled"], loss["none"])
    assert distance["own"] < 0.85 * min(distance["shuffled"], distance["none"])
