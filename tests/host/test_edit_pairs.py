"""Edit pairs from the dataset to what the model is given in a step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from athanor.training_core.data.dataset import Control, Dataset, Picture
from athanor.training_core.data.plan import epoch_plan, sort_into_buckets
from athanor.training_core.errors import AthanorError
from athanor.training_core.families import FAMILIES, FLUX1_DEV, QWEN_IMAGE, SD15_EDIT, Controls
from athanor.training_core.settings import (
    BucketSettings,
    CacheSettings,
    ConditioningSettings,
    DatasetSettings,
    TrainingSettings,
)
from PIL import Image

pytestmark = pytest.mark.usefixtures("comfy")
SIZES = {"a.png": [(128, 64), (32, 32)], "b.png": [(64, 64)], "c.png": []}
"""Pictures of 64x64 -> sizes of their control pictures."""


def pairs(folder: Path, **settings: Any) -> Dataset:
    rng, found = np.random.default_rng(0), []

    def noise(path: Path, size: tuple[int, int]) -> Path:
        Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(path)
        return path

    for name, sizes in SIZES.items():
        files = [noise(folder / f"{number}_{name}", size) for number, size in enumerate(sizes)]
        controls = tuple(Control(path, path.name, size) for path, size in zip(files, sizes, strict=True))
        path = noise(folder / name, (64, 64))
        found.append(
            Picture(
                path=path, name=name, content=name, size=(64, 64), caption="(red) fox", repeats=3, controls=controls
            )
        )
    return Dataset((DatasetSettings(folder="x", **settings),), tuple(found))


@pytest.fixture(scope="module")
def graph(checkpoints):
    import comfy.sd

    with torch.inference_mode():
        return comfy.sd.load_checkpoint_guess_config(str(checkpoints["sd15"]))[:3]


@pytest.fixture
def reader(monkeypatch) -> list[Any]:
    """Stands in for a model's own node, and notes what it is given."""
    from athanor.training_core.host import controls

    read: list[Any] = []

    def encode(_run: Any, clip: Any, text: str, pictures: Any, negative: bool) -> Any:
        read.append((text, [tuple(p.shape) for p in pictures], [p.mean().item() for p in pictures]))
        return [[torch.full((1, 3, 768), len(read), dtype=torch.float32), {"pooled_output": torch.zeros(1, 8)}]]

    monkeypatch.setitem(controls.ENCODERS, "Reader", encode)
    return read


@pytest.mark.parametrize("size", ["own", pytest.param("same", marks=pytest.mark.long)])
def test_a_batch_holds_what_the_graph_would_give(graph, reader, tmp_path, monkeypatch, size):
    """Latents are those of the cut pictures, means whatever is drawn; captions are encoded with the pictures, once each."""
    from athanor.training_core.host import folders, guard, vae
    from athanor.training_core.run.encoded import Encodings

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "cache")
    _, clip, autoencoder = graph
    dataset = pairs(tmp_path, flip_aug=True, caption_dropout_rate=0.3)
    buckets = sort_into_buckets(dataset, BucketSettings(width=64, height=64, enable_bucket=False, batch_size=2))
    taken = Controls(size=size, encoder="Reader")
    plan = epoch_plan(buckets, TrainingSettings(), 0, ConditioningSettings())
    with guard.training():
        for _ in range(2):  # the second finds all of it on the disk
            encodings = Encodings(buckets, clip, autoencoder, "vae", settings=CacheSettings(), seed=0, controls=taken)
            list(encodings.fill(plan))
            shown: dict[Any, float] = {}
            for step, batch in enumerate(plan):
                fetched = encodings.fetch(batch, step, 0)
                assert fetched is not None
                for i, sample in enumerate(batch.samples):
                    variants = encodings._latents.controls(sample.variant)
                    wanted = [
                        vae.encode(autoencoder, encodings._latents.pixels(variant)[None])[0] for variant in variants
                    ]
                    got = fetched.beside[i].get("reference_latents", [])
                    assert len(got) == len(SIZES[dataset.pictures[sample.variant.picture].name])
                    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))
                    if got:  # one encoding for each text and each way to show the pictures
                        number = fetched.texts[i].cond[0, 0, 0].item()
                        assert shown.setdefault((sample.caption.text, variants), number) == number
            assert len(set(shown.values())) == len(shown) == len(reader) > 3
            encodings.close()
    assert {text for text, _, _ in reader} == {r"\(red\) fox", ""}  # a dropped caption keeps its pictures
    tall = {shapes[0][1:3] for _, shapes, _ in reader if len(shapes) == 2}
    assert tall == {(64, 64) if size == "same" else (48, 96)}


def test_a_batch_in_pinned_memory_has_the_same(monkeypatch):
    from athanor.training_core.host.batch import Geometry
    from athanor.training_core.host.text import Text
    from athanor.training_core.run.fetched import Fetched

    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self + 1)
    zero = torch.zeros(1)
    fetched = Fetched(
        latents=zero,
        texts=[Text(zero)],
        geometry=[Geometry((1, 1), (0, 0), (1, 1))],
        weights=zero,
        mask=None,
        beside=[{"reference_latents": [zero, zero]}, {"concat_latent_image": zero}, {}],
    ).pinned()
    assert fetched.beside == [{"reference_latents": [1, 1]}, {"concat_latent_image": 1}, {}]
    assert fetched.latents == 1 and fetched.texts[0].cond == 1 and fetched.mask is None


def test_the_largest_batch_is_the_one_with_most_controls(tmp_path):
    from athanor.training_core.run.trial import largest

    dataset = pairs(tmp_path)
    buckets = sort_into_buckets(dataset, BucketSettings(width=64, height=64, enable_bucket=False, batch_size=1))
    batch = largest(epoch_plan(buckets, TrainingSettings(), 0), dataset)
    assert dataset.pictures[batch.samples[0].variant.picture].name == "a.png"


def test_what_a_model_cannot_be_shown_is_said_before_anything_is_encoded(tmp_path, monkeypatch):
    from athanor.training_core.host.comfy_nodes import host_nodes
    from athanor.training_core.run.edit_pairs import check_controls

    dataset, sd15 = pairs(tmp_path), FAMILIES[0]
    check_controls(FLUX1_DEV, dataset)
    with pytest.raises(
        AthanorError, match=r"^SD1\.5 takes no control pictures, and there are some for a\.png, b\.png: "
    ):
        check_controls(sd15, dataset)
    few = replace(FLUX1_DEV, controls=Controls(size="same", most=1))
    with pytest.raises(AthanorError, match=r"takes at most 1 control picture, and more are there for a\.png"):
        check_controls(few, dataset)
    always = replace(FLUX1_DEV, controls=Controls(size="same", required=True))
    with pytest.raises(AthanorError, match=r"there is no control picture for c\.png"):
        check_controls(always, dataset)
    monkeypatch.delitem(host_nodes.NODE_CLASS_MAPPINGS, "TextEncodeQwenImageEditPlus", raising=False)
    with pytest.raises(AthanorError, match="this ComfyUI has no node TextEncodeQwenImageEditPlus"):
        check_controls(QWEN_IMAGE, dataset)
    alone = Dataset(dataset.subsets, dataset.pictures[2:])
    for family in (sd15, QWEN_IMAGE):  # pictures alone are what they were
        check_controls(family, alone)


def test_what_is_drawn_where_no_prompt_is_given(tmp_path):
    from athanor.training_core.run.edit_pairs import about_prompts, captions_to_draw, check_prompts
    from athanor.training_core.run.prompts import Prompt

    dataset = pairs(tmp_path, alpha_background="gray")
    drawn = captions_to_draw(dataset)
    assert [[path.name for path in each.controls] for each in drawn] == [["0_a.png", "1_a.png"], ["0_b.png"]]
    assert {(each.text, each.background) for each in drawn} == {("(red) fox", "gray")}
    alone = captions_to_draw(Dataset(dataset.subsets, dataset.pictures[2:]))
    assert [(each.text, each.controls) for each in alone] == [("(red) fox", ())]
    prompt = Prompt(text="x", negative="", width=8, height=8, seed=1, steps=1, cfg=1.0)
    shown = replace(prompt, controls=drawn[0].controls)
    assert [len(list(about_prompts(these, True))) for these in ([], [prompt], [prompt, shown])] == [0, 1, 0]
    assert not list(about_prompts([prompt], False))
    check_prompts(FAMILIES[0].controls, [prompt])
    with pytest.raises(
        AthanorError, match=r"^sample_prompts: 'x' has control pictures, but this kind of model takes none"
    ):
        check_prompts(FAMILIES[0].controls, [replace(prompt, controls=drawn[0].controls)])


@pytest.mark.parametrize(
    ("family", "file", "paired", "told"),
    [
        (FLUX1_DEV, "flux1-dev.safetensors", True, True),
        (FLUX1_DEV, "flux1-dev-Kontext_fp8.safetensors", True, False),
        (FLUX1_DEV, "flux1-dev.safetensors", False, False),
        (FLUX1_DEV, "", True, False),
        (QWEN_IMAGE, "qwen_image_edit_2509.safetensors", True, False),
        (FAMILIES[0], "v1-5.safetensors", True, False),
        (QWEN_IMAGE, "Qwen_Image_Edit_2509.safetensors", False, True),
        (QWEN_IMAGE, "qwen_image.safetensors", False, False),
        (SD15_EDIT, "", False, True),
        (SD15_EDIT, "", True, False),
    ],
)
def test_pairs_on_a_model_that_was_not_made_for_them_or_none_on_one_that_was(family, file, paired, told):
    from athanor.training_core.run.edit_pairs import about_the_model

    assert len(list(about_the_model(family, file, paired))) == told


def test_a_run_encodes_and_draws_as_its_family_takes_them(tmp_path, monkeypatch):
    """For a family, and the size that its settings resolve to, both of which a run has to hand on."""
    from types import SimpleNamespace

    from athanor.training_core.run import prepare
    from athanor.training_core.run.edit_pairs import as_trained
    from athanor.training_core.settings import Job, SamplingSettings

    given = []
    monkeypatch.setattr(prepare, "Encodings", lambda **values: given.append(values))
    monkeypatch.setattr(prepare.fingerprint, "autoencoder", lambda *_: "vae")
    monkeypatch.setattr(prepare, "encoding_dtype", lambda _vae: torch.float32)
    shape = BucketSettings(width=64, height=64, enable_bucket=False, control_size="own")
    buckets = sort_into_buckets(pairs(tmp_path), shape)
    job = Job(
        datasets=buckets.dataset.subsets,
        buckets=shape,
        dataset_fingerprint="d",
        model_fingerprint="m",
        sampling=SamplingSettings(),
    )
    split = SimpleNamespace(training=buckets, probed=buckets)
    taken = as_trained(FLUX1_DEV, "own")
    assert taken is not None and taken == replace(taken, size="own") != FLUX1_DEV.controls
    assert as_trained(FLUX1_DEV, "auto") == FLUX1_DEV.controls and as_trained(FAMILIES[0], "own") is None
    prepare._encodings(job, split, None, None, None, taken)
    monkeypatch.setattr(prepare, "Samples", lambda **values: given.append(values))
    monkeypatch.setattr(prepare.usable, "check_sides", lambda *_: None)
    prepare._samples(job, buckets, tmp_path / "x", None, None, controls=taken, other=None, scorer=None, looks=True)
    assert [each["controls"] for each in given] == [taken, taken]
    assert [len(prompt.controls) for prompt in given[1]["prompts"]] == [2, 1]
