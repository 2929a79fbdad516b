"""Settings saved by the kohya GUI: names of all years, fields that say nothing, and what the GUI makes of others."""

import json
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read

PUBLISHED = Path(__file__).parent / "published"
BASE = {
    "LoRA_type": "Standard", "max_resolution": "512,768", "train_batch_size": 2, "epoch": 4, "lr_warmup": 10, "network_dim": 8,
    "network_alpha": 4, "optimizer": "AdamW8bit", "lr_scheduler": "cosine", "caption_extension": ".txt", "enable_bucket": True,
    "learning_rate": 0.0001, "unet_lr": 0.0001, "text_encoder_lr": 5e-05, "max_train_steps": 0, "max_train_epochs": 0,
}  # fmt: skip


def of(**changes):
    return read([Document(name="x.json", data=json.dumps({**BASE, **changes}).encode())])


def published(name):
    return read([Document(name=name, data=(PUBLISHED / name).read_bytes())])


def line(reading, name):
    return next(line for line in reading.lines if line.name.startswith(name))


def test_the_usual_fields_become_settings():
    reading = of()
    recipe = reading.recipe
    assert reading.form == "kohya GUI settings" and recipe.model.family == "SD1.5"
    network, optimizer, buckets = recipe.group("network"), recipe.group("optimizer"), recipe.group("buckets")
    assert (network.algo, network.rank, network.alpha, network.train) == ("lora", 8, 4.0, "unet + text encoder")
    assert (optimizer.optimizer_type, optimizer.lr_scheduler, optimizer.lr_warmup_steps) == (
        "AdamW8bit",
        "cosine",
        "10%",
    )
    assert (optimizer.unet_lr, optimizer.text_encoder_lr) == ("0.0001", "5e-05")
    assert (buckets.width, buckets.height, buckets.batch_size, buckets.enable_bucket) == (512, 768, 2, True)
    assert recipe.group("training").epochs == 4 and recipe.group("training").max_train_steps == 0


def test_hundreds_of_fields_at_their_defaults_are_told_shortly_and_none_is_unknown():
    reading = published("kohya-gui-2024-flux.json")
    config = json.loads((PUBLISHED / "kohya-gui-2024-flux.json").read_text(encoding="utf-8"))
    names = [line.name for line in reading.lines]
    assert not [name for name in config if not any(name in each for each in names)], "every field has a line"
    assert {line.name for line in reading.lines if line.kind == "unknown"} <= {"discrete_flow_shift"}
    assert line(reading, "training_comment").why == "It is empty: nothing is set."
    assert line(reading, "LyCORIS_preset").why == "The chosen type of LoRA has no such setting."
    assert reading.recipe.model.family == "Flux.1 dev" and reading.recipe.model.files["clip_l"].endswith(
        "clip_l.safetensors"
    )
    assert reading.recipe.group("network").train == "unet", "text_encoder_lr is 0"
    assert reading.recipe.group("noise").timestep_sampling == "sigmoid"


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({"text_encoder_lr": 0}, "unet"),
        ({"unet_lr": "", "text_encoder_lr": "5e-5"}, "text encoder"),
        ({"unet_lr": 0, "text_encoder_lr": 0}, "unet + text encoder"),
    ],
)
def test_a_part_without_a_learning_rate_is_not_trained(changes, trained):
    assert of(**changes).recipe.group("network").train == trained


@pytest.mark.parametrize(
    ("changes", "epochs", "steps"),
    [
        ({"max_train_steps": 900}, 10, 900),
        ({"max_train_epochs": 7}, 7, 0),
        ({"max_train_epochs": "7", "max_train_steps": "900"}, 7, 0),
        ({"max_train_epochs": "", "max_train_steps": ""}, 4, 0),
    ],
)
def test_epochs_count_unless_another_field_decides(changes, epochs, steps):
    training = of(**changes).recipe.group("training")
    assert (training.epochs, training.max_train_steps) == (epochs, steps)


def test_a_type_of_lora_has_its_own_fields_alone():
    fields = {
        "conv_dim": 32,
        "conv_alpha": 16,
        "factor": 6,
        "LyCORIS_preset": "full",
        "train_norm": True,
        "unit": 2,
        "dora_wd": True,
    }
    standard, lokr = of(**fields), of(**fields, LoRA_type="LyCORIS/LoKr")
    assert standard.recipe.group("network").conv_rank == 0
    assert line(standard, "conv_dim").kind == "meaningless"
    network = lokr.recipe.group("network")
    assert (network.algo, network.conv_rank, network.factor, network.preset) == ("lokr", 32, 6, "full")
    assert network.train_norm and network.dora


@pytest.mark.parametrize(("kind", "offset", "iterations"), [("Original", 0.05, 0), ("Multires", 0.0, 6)])
def test_one_of_two_kinds_of_noise_is_used(kind, offset, iterations):
    noise = of(noise_offset_type=kind, noise_offset=0.05, multires_noise_iterations=6).recipe.group("noise")
    assert (noise.noise_offset, noise.multires_noise_iterations) == (offset, iterations)


def test_old_names_are_known():
    old = {
        "pretrained_model_name_or_path": "a.ckpt", "max_resolution": "512,512", "train_batch_size": 1, "epoch": "3", "lr_warmup": "0",
        "caption_extention": ".txt", "use_8bit_adam": True, "cache_latent": True, "lora_network_weights": "old.safetensors",
        "network_dim": 4, "learning_rate": "1e-4", "lr_scheduler": "constant", "stop_text_encoder_training_pct": 0,
    }  # fmt: skip
    reading = read([Document(data=json.dumps(old).encode())])
    recipe = reading.recipe
    assert (
        recipe.group("optimizer").optimizer_type == "AdamW8bit"
        and recipe.group("network").network_weights == "old.safetensors"
    )
    assert recipe.datasets[0]["caption_extension"] == ".txt" and recipe.group("training").epochs == 3
    assert not [line for line in reading.lines if line.kind == "unknown"]


def test_regularization_pictures_have_a_loader_of_their_own():
    recipe = of(train_data_dir="/data/img", reg_data_dir="/data/reg", shuffle_caption=True).recipe
    assert [(each["folder"], each.get("is_reg", False)) for each in recipe.datasets] == [
        ("/data/img", False),
        ("/data/reg", True),
    ]


def test_the_fields_of_other_models_are_left_out():
    reading = of(sdxl=True, ae="ae.safetensors", sd3_clip_l="x", flux1_checkbox=False, clip_skip=1)
    assert reading.recipe.model.family == "SDXL" and not reading.recipe.model.files
    assert line(reading, "sd3_clip_l").kind == line(reading, "ae").kind == "meaningless"
    assert line(reading, "clip_skip").kind == "meaningless", "1 is the last layer, as without it"


def test_what_lokr_cannot_have_is_left_out_and_not_the_algorithm():
    reading = of(LoRA_type="LyCORIS/LoKr", use_tucker=True, LyCORIS_preset="full", conv_dim=4, conv_alpha=4)
    assert reading.recipe.group("network").algo == "lokr"
    assert line(reading, "use_tucker").kind == "unknown"


def test_the_tab_for_embeddings_is_refused():
    with pytest.raises(AthanorError, match=r"x\.json trains an embedding"):
        of(num_vectors_per_token=8)


@pytest.mark.parametrize("name", sorted(path.name for path in PUBLISHED.glob("kohya-gui-*.json")))
def test_published_files_are_read(name):
    reading = published(name)
    assert reading.form == "kohya GUI settings"
    assert sum(line.kind == "taken" for line in reading.lines) > 10


def test_a_piece_of_a_command_counts_more_than_the_fields():
    reading = of(
        additional_parameters='--network_train_unet_only --lr_scheduler_type "CosineAnnealingLR"', lr_scheduler="linear"
    )
    assert reading.recipe.group("network").train == "unet"
    assert reading.recipe.group("optimizer").lr_scheduler == "cosine"
    assert of(additional_parameters="--max_grad_norm=0.5").recipe.group("optimizer").max_grad_norm == 0.5
    assert line(of(additional_parameters="what is this"), "additional_parameters").kind == "unknown"


def test_the_datasets_toml_that_it_names_is_read_beside_it():
    toml = b'[[datasets]]\nresolution = 640\n[[datasets.subsets]]\nimage_dir = "/cats"\nnum_repeats = 3\n'
    config = json.dumps({**BASE, "dataset_config": "x.toml"}).encode()
    recipe = read([Document(name="x.json", data=config), Document(name="x.toml", data=toml)]).recipe
    assert recipe.group("buckets").width == 640 and recipe.datasets[0]["repeats"] == 3
    assert recipe.group("network").rank == 8


@pytest.mark.parametrize(
    "around", ["Here are my settings:\n{}\nThank you!", "Hi\n\n```json\n{}\n```\nbye", "> a quote\n\n{}"]
)
def test_a_file_that_stands_in_a_post_is_found(around):
    text = around.format(json.dumps(BASE, indent=2))
    reading = read([Document(data=text.encode())])
    assert reading.form == "kohya GUI settings" and reading.recipe.group("network").rank == 8


def test_a_type_of_lora_of_tomorrow_is_told():
    reading = of(LoRA_type="LyCORIS/Tomorrow")
    assert "'LyCORIS/Tomorrow' is no type of LoRA" in line(reading, "LoRA_type").why
    assert line(of(), "max_resolution").to == "Bucketer: width 512, height 768"
