"""What a LoRA file tells: sd-scripts' whole list, as strings, for every family."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from athanor.training_core.data.dataset import Control, Dataset, Picture
from athanor.training_core.data.plan import length, sort_into_buckets
from athanor.training_core.families import SDXL
from athanor.training_core.network import metadata, metadata_datasets
from athanor.training_core.network.files import save_lora
from athanor.training_core.settings import (
    BucketSettings,
    DatasetSettings,
    Job,
    NetworkSettings,
    NoiseSettings,
    TrainingSettings,
)
from safetensors import safe_open

SD_SCRIPTS = [
    "ss_session_id",
    "ss_training_started_at",
    "ss_training_finished_at",
    "ss_output_name",
    "ss_learning_rate",
    "ss_text_encoder_lr",
    "ss_unet_lr",
    "ss_num_train_images",
    "ss_num_validation_images",
    "ss_num_reg_images",
    "ss_num_batches_per_epoch",
    "ss_num_epochs",
    "ss_max_train_steps",
    "ss_gradient_accumulation_steps",
    "ss_gradient_checkpointing",
    "ss_full_fp16",
    "ss_v2",
    "ss_cache_latents",
    "ss_lowram",
    "ss_fp8_base",
    "ss_fp8_base_unet",
    "ss_debiased_estimation",
    "ss_zero_terminal_snr",
    "ss_noise_offset_random_strength",
    "ss_ip_noise_gamma_random_strength",
    "ss_lr_warmup_steps",
    "ss_lr_scheduler",
    "ss_network_module",
    "ss_network_dim",
    "ss_network_alpha",
    "ss_network_dropout",
    "ss_network_args",
    "ss_mixed_precision",
    "ss_base_model_version",
    "ss_clip_skip",
    "ss_max_token_length",
    "ss_seed",
    "ss_noise_offset",
    "ss_multires_noise_iterations",
    "ss_multires_noise_discount",
    "ss_adaptive_noise_scale",
    "ss_ip_noise_gamma",
    "ss_training_comment",
    "ss_optimizer",
    "ss_max_grad_norm",
    "ss_caption_dropout_rate",
    "ss_caption_dropout_every_n_epochs",
    "ss_caption_tag_dropout_rate",
    "ss_face_crop_aug_range",
    "ss_prior_loss_weight",
    "ss_min_snr_gamma",
    "ss_scale_weight_norms",
    "ss_loss_type",
    "ss_huber_schedule",
    "ss_huber_scale",
    "ss_huber_c",
    "ss_validation_seed",
    "ss_validation_split",
    "ss_max_validation_steps",
    "ss_validate_every_n_epochs",
    "ss_validate_every_n_steps",
    "ss_resize_interpolation",
    "ss_sd_model_name",
    "ss_sd_model_hash",
    "ss_steps",
    "ss_epoch",
    "ss_tag_frequency",
    "ss_datasets",
    "ss_dataset_dirs",
    "ss_reg_dataset_dirs",
    "ss_bucket_info",
    "ss_batch_size_per_device",
    "ss_total_batch_size",
    "ss_resolution",
    "ss_color_aug",
    "ss_flip_aug",
    "ss_random_crop",
    "ss_shuffle_caption",
    "ss_enable_bucket",
    "ss_bucket_no_upscale",
    "ss_min_bucket_reso",
    "ss_max_bucket_reso",
    "ss_keep_tokens",
    "sshs_model_hash",
    "sshs_legacy_hash",
    "modelspec.sai_model_spec",
    "modelspec.architecture",
    "modelspec.implementation",
    "modelspec.title",
    "modelspec.resolution",
    "modelspec.date",
    "modelspec.hash_sha256",
    "modelspec.implementation_version",
]
FLUX = [
    "ss_weighting_scheme",
    "ss_logit_mean",
    "ss_logit_std",
    "ss_mode_scale",
    "ss_guidance_scale",
    "ss_timestep_sampling",
    "ss_sigmoid_scale",
    "ss_model_prediction_type",
    "ss_discrete_flow_shift",
]


def described(tmp_path: Path, prediction: str, version="sdxl_base_v1-0", trained=None, **parts) -> dict[str, str]:
    subsets = (DatasetSettings(folder="a", caption_prefix="ohwx"), DatasetSettings(folder="r", is_reg=True))
    pictures = (
        Picture(path=Path("a"), name="3_cat/a.png", content="a", size=(64, 64), caption="Cat, red", repeats=3),
        Picture(path=Path("b"), name="3_cat/b.png", content="b", size=(64, 64), caption="cat", repeats=3),
        Picture(path=Path("c"), name="1_reg/c.png", content="c", size=(64, 64), caption="dog", repeats=1, subset=1),
    )
    shape = BucketSettings(width=64, height=64, enable_bucket=False, batch_size=2)
    buckets = sort_into_buckets(Dataset(subsets, pictures), shape)
    job = Job(datasets=subsets, buckets=shape, dataset_fingerprint="d", model_fingerprint="m", **parts)
    base = tmp_path / "base.safetensors"
    base.write_bytes(bytes(0x200000))
    facts = metadata.Facts(
        buckets=buckets,
        length=length(buckets, job.training),
        family=replace(SDXL, base_version=version),
        prediction=prediction,
        optimizer="torch.optim.adamw.AdamW",
        base_model=base,
        validation_images=2,
        fp8_base=True,
        clip_skip=2,
        started=1.0,
    )
    values = metadata.describe(job, trained(job) if trained else job, facts)
    path = tmp_path / "x.safetensors"
    save_lora(path, {"a": torch.zeros(2)}, values | metadata.at_save(7, 1))
    with safe_open(path, "pt") as file:
        return file.metadata()


def test_edit_pairs_are_told_as_musubi_tuner_does():
    """Of other datasets nothing changes."""
    plain = Picture(path=Path("a"), name="a.png", content="a", size=(64, 64), caption="a", repeats=1)
    subsets, shape = (DatasetSettings(folder="a"),), BucketSettings(width=64, height=64, enable_bucket=False)
    job = Job(datasets=subsets, buckets=shape, dataset_fingerprint="d", model_fingerprint="m")
    told = []
    for picture in (plain, replace(plain, controls=(Control(Path("c"), "c", (64, 64)),))):
        fields = metadata_datasets.describe(job, sort_into_buckets(Dataset(subsets, (picture,)), shape))
        (dataset,) = fields["ss_datasets"]
        told.append(dataset.get("has_control"))
    assert told == [None, True]


@pytest.mark.parametrize("prediction", ["eps", "v", "flow"])
def test_nothing_of_sd_scripts_list_is_missing(tmp_path: Path, prediction):
    told = described(tmp_path, prediction)
    assert set(SD_SCRIPTS) <= set(told)
    assert all(isinstance(value, str) for value in told.values())
    assert (set(FLUX) <= set(told)) == (prediction == "flow")
    assert told.get("modelspec.prediction_type") == {"eps": "epsilon", "v": "v"}.get(prediction)
    assert json.loads(told["athanor_job"])["dataset_fingerprint"] == "d"


def test_values_are_formatted_as_sd_scripts_does_it(tmp_path: Path):
    told = described(
        tmp_path,
        "eps",
        "sd_v2_v",
        network=NetworkSettings(rank=32, alpha=16.0),
        noise=NoiseSettings(min_timestep=100),
        training=TrainingSettings(output_name="sub/my lora", seed=5),
    )
    want = {
        "ss_output_name": "my lora", "ss_network_dim": "32", "ss_network_alpha": "16.0", "ss_network_module": "networks.lora",
        "ss_v2": "True", "ss_seed": "5", "ss_noise_offset": "None", "ss_full_fp16": "False", "ss_resolution": "(64, 64)",
        "ss_max_token_length": "None", "ss_num_train_images": "6", "ss_num_reg_images": "6", "ss_steps": "7", "ss_epoch": "1",
        "ss_sd_model_name": "base.safetensors", "modelspec.timestep_range": "100,1000", "modelspec.trigger_phrase": "ohwx",
        "modelspec.implementation": "https://github.com/Stability-AI/generative-models",
    }  # fmt: skip
    assert {key: told[key] for key in want} == want
    assert json.loads(told["ss_tag_frequency"]) == {"3_cat": {"cat": 2, "red": 1}, "1_reg": {"dog": 1}}
    assert json.loads(told["ss_dataset_dirs"]) == {"3_cat": {"n_repeats": 3, "img_count": 2}}
    assert json.loads(told["ss_reg_dataset_dirs"]) == {"1_reg": {"n_repeats": 1, "img_count": 1}}
    assert len(told["ss_sd_model_hash"]) == 8 and 0 <= int(told["ss_session_id"]) < 2**32


def test_others_find_the_trigger_and_the_class_tokens(tmp_path: Path):
    """Lora managers read the first from the model specification, the second from ss_datasets; some read tags and buckets there."""
    told = described(tmp_path, "eps")
    (dataset,) = json.loads(told["ss_datasets"])
    cats, reg = dataset.pop("subsets")
    assert dataset["tag_frequency"] == json.loads(told["ss_tag_frequency"])
    assert dataset["bucket_info"] == json.loads(told["ss_bucket_info"])
    assert (dataset["num_train_images"], dataset["num_reg_images"], dataset["resolution"]) == (6, 6, [64, 64])
    wanted = {"image_dir": "3_cat", "class_tokens": "cat", "caption_prefix": "ohwx", "is_reg": False, "img_count": 2}
    assert cats.items() >= (wanted | {"num_repeats": 3}).items()
    assert (reg["class_tokens"], reg["is_reg"], reg["caption_prefix"]) == ("reg", True, None)
    assert metadata.base_hash("") == {} and metadata.base_hash("ab") == {"ss_new_sd_model_hash": "ab"}


def test_folders_are_told_by_their_own_names():
    """As sd-scripts does, without what is above them; a second folder of that name is `name (2)`."""
    subsets = tuple(
        DatasetSettings(folder=folder) for folder in ("acme/jane", "C:\\Users\\Jane", "/data/jane doe/5_dog")
    )
    names = (("in/3_cat/a.png", 0), ("out/3_cat/b.png", 0), ("c.png", 0), ("d.png", 1), ("e.png", 2))
    pictures = tuple(
        Picture(path=Path(name), name=name, content=name, size=(64, 64), caption="x", repeats=1, subset=subset)
        for name, subset in names
    )
    shape = BucketSettings(width=64, height=64, enable_bucket=False)
    job = Job(datasets=subsets, buckets=shape, dataset_fingerprint="d", model_fingerprint="m")
    told = metadata_datasets.describe(job, sort_into_buckets(Dataset(subsets, pictures), shape))
    assert list(told["ss_dataset_dirs"]) == ["3_cat", "3_cat (2)", "jane", "home", "5_dog"]
    assert told["ss_tag_frequency"]["3_cat"] == {"x": 2}
    assert [each["image_dir"] for each in told["ss_datasets"][0]["subsets"]] == [
        "3_cat",
        "3_cat",
        "jane",
        "home",
        "5_dog",
    ]


@pytest.mark.parametrize(
    ("parts", "phrase"),
    [
        ([{"caption_prefix": "ohwx, "}], "ohwx"),
        ([{"is_reg": True, "caption_prefix": "photo"}, {"class_tokens": "sks dog"}], "sks dog"),
        ([{}], ""),
    ],
)
def test_the_trigger_phrase(parts, phrase):
    job = Job(
        datasets=tuple(DatasetSettings(folder="a", **part) for part in parts),
        buckets=BucketSettings(),
        dataset_fingerprint="d",
        model_fingerprint="m",
    )
    assert metadata_datasets.trigger(job) == phrase


def test_only_times_differ_between_equal_runs(tmp_path: Path):
    one, two = described(tmp_path, "eps"), described(tmp_path, "eps")
    assert {k for k in one if one[k] != two[k]} <= {"ss_training_finished_at", "modelspec.date", "sshs_legacy_hash"}
