"""diffusion-pipe's TOML as recipes: main files, files of datasets, and both together."""

from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.forms.diffusion_pipe import DIFFUSION_PIPE
from athanor.training_core.recipes.forms.diffusion_pipe_words import WORDS
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.rules import Contents, Entry
from athanor.training_core.recipes.translate import translate
from strange_values import STRANGE

HERE = Path(__file__).parent
NAMES = [name for name in (HERE / "names/diffusion_pipe.txt").read_text().splitlines() if name and name[0] != "#"]
SDXL = """
epochs = 10
micro_batch_size_per_gpu = 2
save_every_n_epochs = 4
[model]
type = 'sdxl'
checkpoint_path = 'models/sdxl/my_model.safetensors'
dtype = 'bfloat16'
v_pred = true
min_snr_gamma = 5
unet_lr = 1e-4
text_encoder_1_lr = 5e-5
[adapter]
type = 'lora'
rank = 8
[optimizer]
type = 'adamw8bit'
lr = 0.0002
"""


def published(*names):
    return read([Document(name=name, data=(HERE / "published" / name).read_bytes()) for name in names])


def of(*texts):
    return read([Document(data=text.encode()) for text in texts])


def line(reading, name):
    return next(line for line in reading.lines if line.name == name)


def test_every_name_of_the_program_has_a_rule():
    assert not [name for name in NAMES if name not in WORDS]
    assert len(NAMES) > 150


def test_no_value_of_any_name_is_more_than_a_line():
    for number, name in enumerate(WORDS):
        for value in (None, STRANGE[number % len(STRANGE)], STRANGE[number * 5 % len(STRANGE)]):
            given = Entry(name=name, value=value)
            assert any(line.name == name for line in translate(Contents(entries=(given,)), DIFFUSION_PIPE, "").lines)
    for value in STRANGE:
        given = tuple(Entry(name=name, value="flux" if name == "model.type" else value) for name in WORDS)
        assert len(translate(Contents(entries=given), DIFFUSION_PIPE, "").lines) >= len(WORDS)


def test_a_main_file_and_its_dataset_are_one_recipe():
    reading = published("diffusion-pipe-dataset.toml", "diffusion-pipe-wan22-indented.toml")
    recipe = reading.recipe
    assert recipe.model.family == "Wan 2.1 text-to-video", "Wan 2.2's models of 14B are of this kind"
    assert recipe.model.files["diffusion_model"].endswith("wan2.2_t2v_high_noise_14B_fp16.safetensors")
    assert (
        recipe.model.files["text_encoder"].endswith("umt5-xxl-enc-bf16.pth")
        and recipe.model.weight_dtype == "fp8_e4m3fn"
    )
    training, noise, optimizer = recipe.group("training"), recipe.group("noise"), recipe.group("optimizer")
    assert (training.epochs, training.save_every_n_epochs, training.save_every_n_steps) == (3, 0, 100)
    assert (training.mixed_precision, training.full_precision, training.save_precision) == ("bf16", "no", "bf16")
    assert (noise.timestep_sampling, noise.min_timestep, noise.max_timestep) == ("logit_normal", 875, 1000)
    assert (optimizer.optimizer_type, optimizer.lr_scheduler, optimizer.lr_warmup_steps) == (
        "AdamW",
        "constant_with_warmup",
        "100",
    )
    assert optimizer.optimizer_args == "betas=0.9,0.99 weight_decay=0 eps=1e-06", (
        "values that its class has there, not ours"
    )
    assert (recipe.group("network").rank, recipe.group("network").alpha) == (128, 128.0), (
        "alpha is always the rank there"
    )
    buckets = recipe.group("buckets")
    assert (buckets.width, buckets.min_bucket_reso, buckets.max_bucket_reso, buckets.batch_size) == (512, 384, 704, 16)
    assert recipe.datasets == ({"folder": "/home/user/training/grayscale", "repeats": 1},)
    assert "Only still pictures" in line(reading, "frame_buckets").why
    assert [each.name for each in reading.lines if each.kind == "unknown"] == ["eval_datasets"]


@pytest.mark.parametrize(
    ("name", "family", "unknown"),
    [
        ("diffusion-pipe-qwen-image.toml", "Qwen-Image", ["dataset", "optimizer.type", "optimizer.weight_decay"]),
        ("diffusion-pipe-wan.toml", "Wan 2.1 text-to-video", ["dataset"]),
        ("diffusion-pipe-zimage.toml", "Z-Image", ["dataset"]),
        ("diffusion-pipe-dataset-kontext.toml", "", []),
    ],
)
def test_published_files(name, family, unknown):
    reading = published(name)
    assert reading.recipe.model.family == family
    assert [line.name for line in reading.lines if line.kind == "unknown"] == unknown


def test_the_control_folder_of_an_edit_dataset():
    (dataset,) = published("diffusion-pipe-dataset-kontext.toml").recipe.datasets
    assert dataset["control_folder"] == "/home/user/training/kontext/control"


def test_sdxl_trains_its_text_encoders_at_rates_of_their_own():
    recipe = of(SDXL).recipe
    assert recipe.group("network").train == "unet + text encoder" and recipe.model.v_prediction
    optimizer = recipe.group("optimizer")
    assert (optimizer.unet_lr, optimizer.text_encoder_lr, optimizer.learning_rate) == ("0.0001", "5e-05, 0.0002", 2e-4)
    assert recipe.group("noise").zero_terminal_snr and recipe.group("noise").timestep_sampling == "auto"
    assert recipe.group("training").full_precision == "bf16", "the adapter has the model's dtype there"


def test_without_an_adapter_the_model_itself_is_trained():
    recipe = of(SDXL.partition("[adapter]")[0]).recipe
    assert recipe.group("network").algo == "finetune" and recipe.group("network").train == "unet"


def test_folders_with_resolutions_of_their_own():
    reading = of(
        "resolutions = [512]\nenable_ar_bucket = true\nmin_ar = 0.5\nmax_ar = 2.0\n"
        "[[directory]]\npath = 'a'\nresolutions = [[1280, 720], 1024]\n[[directory]]\npath = 'b'\nresolutions = [[1280, 720], 1024]\n"
    )
    buckets = reading.recipe.group("buckets")
    assert (buckets.width, buckets.height, buckets.extra_resolutions) == (960, 960, "1024"), (
        "the area alone counts there"
    )
    assert line(reading, "resolutions").kind == "meaningless"
    other = of(
        "resolutions = [512]\n[[directory]]\npath = 'a'\n[[directory]]\npath = 'b'\nresolutions = [768]\nnum_repeats = 3\n"
    )
    assert other.recipe.group("buckets").width == 512 and not other.recipe.group("buckets").enable_bucket
    assert line(other, "directory 2: resolutions").kind == "unknown"
    assert [each.get("repeats") for each in other.recipe.datasets] == [None, 3]


def test_a_broken_file_is_named_with_its_line():
    with pytest.raises(
        AthanorError, match=r"^diffusion-pipe-sdxl-broken-line\.toml cannot be read: its line 4 is no TOML"
    ):
        published("diffusion-pipe-sdxl-broken-line.toml")
    with pytest.raises(AthanorError, match="its line 2 is no TOML"):
        of("[[directory]]\npath = 'x\n")


def test_a_key_is_not_shown():
    reading = of("pipeline_stages = 1\n[monitoring]\nwandb_api_key = 'abc123'\n")
    assert line(reading, "monitoring.wandb_api_key").value == "(not shown)"


def test_models_that_are_not_trained_say_so():
    reading = of("[model]\ntype = 'wan'\nckpt_path = 'Wan2.1-I2V-14B-480P'\n")
    assert (
        line(reading, "model.type").kind == "unknown"
        and "goes on from a given picture" in line(reading, "model.type").why
    )
    assert reading.recipe.model.family == "Wan 2.1 text-to-video" and "nearest" in line(reading, "the model").why
    assert (
        of("[model]\ntype = 'wan'\nckpt_path = 'Wan2.2-TI2V-5B'\n").recipe.model.family == "Wan 2.2 5B (still pictures)"
    )


def test_the_command_tells_how_many_cards_there_are():
    command = 'NCCL_P2P_DISABLE="1" deepspeed --num_gpus=4 train.py --deepspeed --config sdxl.toml --trust_cache'
    alone = of(command)
    assert line(alone, "--config").kind == "unknown" and alone.recipe.model.family == ""
    both = of(command, SDXL.replace("[model]", "gradient_accumulation_steps = 3\npipeline_stages = 2\n[model]"))
    assert both.recipe.group("training").gradient_accumulation_steps == 6, "two whole models, of two cards each"
    assert line(both, "--config").kind == "translated"


def test_two_main_files_are_not_mixed():
    with pytest.raises(AthanorError, match=r"are both diffusion-pipe TOML: import one after the other\.$"):
        published("diffusion-pipe-wan.toml", "diffusion-pipe-qwen-image.toml")


DATASET = "resolutions = [1024]\nenable_ar_bucket = true\nmin_ar = 0.5\nmax_ar = 2.0\n[[directory]]\npath = '/x/y'\nnum_repeats = 5\n"


def test_both_files_in_one_post():
    reading = of(f"My config is as below:\n\n```\n{SDXL}```\nand the dataset\n```toml\n{DATASET}```\nDoes it fit?\n")
    assert reading.recipe.model.family == "SDXL" and reading.recipe.group("network").rank == 8
    assert reading.recipe.group("buckets").width == 1024 and reading.recipe.datasets[0]["repeats"] == 5


def test_a_file_between_sentences():
    reading = of(f"Hi, this is my dataset, please look:\n{DATASET}What is wrong?\n")
    assert reading.recipe.datasets[0]["folder"] == "/x/y"
    assert [each.name for each in reading.lines if each.kind == "unknown"] == [
        "Hi, this is my dataset, please look:",
        "What is wrong?",
    ]
