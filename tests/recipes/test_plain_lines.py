"""Settings as people write them in posts: lists, tables, lines with several, Chinese and Japanese, and texts that are none."""

import json
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.forms import plain_values
from athanor.training_core.recipes.forms.plain_lines import LINES
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS
from athanor.training_core.recipes.writers import table

PUBLISHED = Path(__file__).parent / "published"
E = """SD 1.5, anime
LoCon, network dim 16, alpha 8, conv dim 8, conv alpha 4
clip skip 2
noise_offset 0.1 · min-SNR γ 5
unet lr 1e-4, te lr 5e-5
cosine, warm-up 5-10 % of the steps
AdamW8bit
batch 2, 10 epochs
"""
"""Recipe E (shared recipes) as a post would say it."""


def of(text, name=""):
    return read([Document(name=name, data=text.encode())])


def settings(text):
    """What a text sets, flat: "network.rank" -> 32."""
    recipe = of(text).recipe
    flat = {f"{group}.{name}": value for group, values in recipe.settings.items() for name, value in values.items()}
    return flat | {f"datasets.{name}": value for name, value in recipe.datasets[0].items()}


def test_recipe_e_as_a_post():
    reading = of(E)
    recipe = reading.recipe
    assert reading.form == "lines of settings"
    assert (recipe.model.family, recipe.model.clip_skip) == ("SD1.5", 2)
    network, optimizer = recipe.group("network"), recipe.group("optimizer")
    assert (network.algo, network.rank, network.alpha, network.conv_rank, network.conv_alpha) == (
        "locon",
        16,
        8.0,
        8,
        4.0,
    )
    assert network.train == "unet + text encoder"
    assert (optimizer.unet_lr, optimizer.text_encoder_lr, optimizer.optimizer_type) == ("1e-4", "5e-5", "AdamW8bit")
    assert (optimizer.lr_scheduler, optimizer.lr_warmup_steps) == ("cosine", "5%")
    assert recipe.group("loss").min_snr_gamma == 5.0 and recipe.group("noise").noise_offset == 0.1
    assert recipe.group("buckets").batch_size == 2 and recipe.group("training").epochs == 10
    assert any(
        "5-10 %" in line.value and line.kind == "translated" and "first one" in line.why for line in reading.lines
    )


@pytest.mark.parametrize(
    ("line", "path", "value"),
    [
        ("Network dim: 32", "network.rank", 32),
        ("- UNet LR = 1e-4", "optimizer.unet_lr", "1e-4"),
        ("* **Learning rate** - 5 x 10^-5", "optimizer.learning_rate", 5e-5),
        ("| lr | 0,0001 |", "optimizer.learning_rate", 1e-4),
        ("1. Epochs – 15 (save each)", "training.epochs", 15),
        ("Resolution 1024x768", "buckets.height", 768),
        ("Optimizer: AdamW 8bit (weight decay 0.1)", "optimizer.optimizer_args", "weight_decay=0.1"),
        ("Optimizer: Prodigy (d_coef=2, weight_decay=0.01)", "optimizer.optimizer_args", "d_coef=2 weight_decay=0.01"),
        ("LR scheduler: Cosine with 3 restarts", "optimizer.lr_scheduler_num_cycles", 3),
        ("Steps: 2,500", "training.max_train_steps", 2500),
        ("Steps: 2k", "training.max_train_steps", 2000),
        ("Save every 2 epochs", "training.save_every_n_epochs", 2),
        ("Rank/Alpha: 64/1", "network.alpha", 1.0),
        ("UNet/TE LR: 1e-4 / 5e-5", "optimizer.text_encoder_lr", "5e-5"),
        ("<li>Keep tokens: 1</li>", "datasets.keep_tokens", 1),
        ("Flip augmentation: yes", "datasets.flip_aug", True),
        ("训练轮数：12", "training.epochs", 12),
        ("学习率 2e-4", "optimizer.learning_rate", 2e-4),
        ("・バッチサイズ 4", "buckets.batch_size", 4),
        ("batch_size = 4 #@param {type: 'number'}", "buckets.batch_size", 4),
    ],
)
def test_spellings(line, path, value):
    found = settings(f"{line}\nconv dim: 8\nnoise offset: 0.05")
    assert found[path] == value
    assert (found["network.conv_rank"], found["noise.noise_offset"]) == (8, 0.05)


def test_the_labels_of_the_kohya_gui():
    found = settings(
        "Network Rank (Dimension): 128\nNetwork Alpha: 64\nOptimizer extra arguments: decouple=True weight_decay=0.01\n"
        "LR number of cycles: 3\nLR warmup (% of steps): 10%\nSave every N epochs: 2\nMax resolution: 768,1024\n"
        "Text Encoder learning rate: 5e-5\nCaption Extension: .txt\nLR Scheduler: cosine_with_restarts\nFull bf16 training: True"
    )
    assert found == {
        "network.rank": 128, "network.alpha": 64.0, "optimizer.optimizer_args": "decouple=True weight_decay=0.01",
        "optimizer.lr_scheduler_num_cycles": 3, "optimizer.lr_warmup_steps": "10%", "training.save_every_n_epochs": 2,
        "buckets.width": 768, "buckets.height": 1024, "optimizer.text_encoder_lr": "5e-5",
        "network.train": "unet + text encoder", "datasets.caption_extension": ".txt",
        "optimizer.lr_scheduler": "cosine_with_restarts", "training.full_precision": "bf16",
    }  # fmt: skip


def test_several_in_one_line():
    found = settings("Prodigy, cosine, dim 32 alpha 16, batch 2, 4 repeats")
    assert found == {
        "optimizer.optimizer_type": "Prodigy", "optimizer.lr_scheduler": "cosine", "network.rank": 32, "network.alpha": 16.0,
        "buckets.batch_size": 2, "datasets.repeats": 4,
    }  # fmt: skip


def test_a_table_with_its_names_above():
    found = settings("| Optimizer | LR | Dim |\n|---|---|---|\n| Prodigy | 1 | 32 |\n")
    assert found == {"optimizer.optimizer_type": "Prodigy", "optimizer.learning_rate": 1.0, "network.rank": 32}


def test_steps_follow_from_epochs_where_both_are_told():
    reading = of("Epochs: 10\nSteps: 4500\nDim: 8")
    assert reading.recipe.group("training").max_train_steps == 0
    assert next(line for line in reading.lines if line.name == "Steps").kind == "meaningless"


def test_what_is_said_twice_counts_once_and_is_told():
    reading = of("Dim: 8\nAlpha: 4\nDim: 16")
    assert reading.recipe.group("network").rank == 8
    assert any((line.name, line.value) == ("Dim", "16") and "first one is taken" in line.why for line in reading.lines)


def test_prose_is_told_in_one_line():
    reading = of("My style\nI like it a lot\nand so will you.\nDim: 8, more or less\nAlpha: 4\nthanks")
    (line,) = (line for line in reading.lines if line.kind == "unknown")
    assert line.name.startswith("5 pieces of text: My style; I like it a lot")


def test_a_page_with_values_below_their_names():
    found = settings(
        "Unet learning rate\n0.0005\nLR Scheduler\n\ncosine_with_restarts\nNetwork Dim\n64\nShuffle caption\nYes\n"
    )
    assert found == {
        "optimizer.unet_lr": "0.0005", "optimizer.lr_scheduler": "cosine_with_restarts", "network.rank": 64,
        "datasets.shuffle_caption": True,
    }  # fmt: skip


def test_a_table_of_several_runs_gives_the_first_and_tells_the_others():
    reading = of("| | D1 | D2 |\n|---|---|---|\n| dim / alpha | 64 / 1 | 256 / 1 |\n| batch | 1 | 4 |\n")
    assert (reading.recipe.group("network").rank, reading.recipe.group("buckets").batch_size) == (64, 1)
    assert sum("several values" in line.why for line in reading.lines) >= 2


def test_the_settings_of_a_service_in_one_line():
    found = settings(
        "Text Encoder learning rate 1, Unet learning rate 1, LR Scheduler cosine_with_restarts, lr_scheduler_num_cycles 3, "
        "num_warmup_steps 0, Optimizer Prodigy\nShuffle caption, Keep n tokens 0\nNoise offset 0.1 multires noise discount 0.3 "
        "multires noise iterations 6\nconv_dim 32 conv_alpha 1 batch_size 1"
    )
    assert found["optimizer.lr_scheduler_num_cycles"] == 3 and found["optimizer.lr_warmup_steps"] == "0"
    assert found["datasets.shuffle_caption"] is True and found["noise.multires_noise_iterations"] == 6


def test_the_trainer_of_a_site_as_json():
    recipe = of((PUBLISHED / "civitai-trainer-sdxl.json").read_text(encoding="utf-8")).recipe
    network, optimizer = recipe.group("network"), recipe.group("optimizer")
    assert (network.rank, network.alpha, network.train) == (16, 16.0, "unet"), "textEncoderLR is 0"
    assert (optimizer.optimizer_type, optimizer.unet_lr) == ("Prodigy", "1")
    assert recipe.group("training").epochs == 90


@pytest.mark.parametrize("name", sorted(path.name for path in PUBLISHED.glob("post-*")))
def test_published_posts_are_read(name):
    reading = of((PUBLISHED / name).read_text(encoding="utf-8"), name)
    assert reading.form == "lines of settings"
    assert sum(line.kind == "taken" for line in reading.lines) >= 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello, this is a letter about my holiday.\nI stayed for 10 days in room 32.",
        "a cat\nNegative prompt: bad\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 123, Size: 512x768, Model hash: abc, Model: foo",
        "seed: 3\nmodel: x.safetensors",
        "rank: 32",
        '{"name": "package", "version": "1.0", "scripts": {"train": "x"}}',
        "[1, 2, 3]",
    ],
)
def test_other_texts_are_no_recipe(text):
    with pytest.raises(AthanorError, match=r"no recipe|is empty"):
        of(text)


def test_pages_that_tell_of_settings_are_none():
    root = Path(__file__).parents[2]
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/api.md", "training_core/settings/network.py"):
        assert LINES.read(Document(name=name, data=(root / name).read_bytes())) is None, name


@pytest.mark.parametrize(
    ("text", "number"),
    [("1e-4", "1e-4"), ("5×10^-5", "5e-5"), ("1 x 10-4", "1e-4"), ("4,500", "4500"), ("0,5", "0.5"), ("10 %", "10%"), ("2k", "2000"),
     ("about 8 or 9", "8"), (".5", ".5"), ("1024x1024", "1024"), ("1e−4", "1e-4")],
)  # fmt: skip
def test_numbers_as_people_write_them(text, number):
    found = plain_values.number(text)
    assert found is not None and found[0] == number


def test_an_object_with_other_things_is_none():
    assert (
        LINES.read(Document(data=json.dumps({f"field{i}": i for i in range(20)} | {"rank": 4, "alpha": 2}).encode()))
        is None
    )


def test_broken_json_is_told_with_its_line():
    with pytest.raises(AthanorError, match=r"^x\.json begins as JSON does, but is broken in line 3"):
        of('{\n"network_dim": 8,\n"network_alpha" 4,\n"learning_rate": 1}', "x.json")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("Settings for a character (SD1.5)", "SD1.5"),
        ("my Illustrious style", "SDXL"),
        ("SDXL or Flux", ""),
        ("no word of it", ""),
    ],
)
def test_the_only_kind_of_model_that_a_text_names_is_meant(text, family):
    assert of(f"{text}\nDim: 8\nAlpha: 4").recipe.model.family == family


@pytest.mark.parametrize(
    ("text", "trained"),
    [
        ("Train U-Net and text encoder", "unet + text encoder"),
        ("U-Net only, lr 1e-4", "unet"),
        ("TE lr 5e-5, only U-Net", "unet"),
    ],
)
def test_what_is_trained_in_words(text, trained):
    assert of(f"{text}\nDim: 8\nAlpha: 4").recipe.group("network").train == trained


@pytest.mark.parametrize(
    "name", ["A1.sh", "B.kohya-gui.json", "C.sh", "D1.metadata.json", "D2.metadata.json", "D3.bat", "E.txt"]
)
def test_our_own_table_in_a_post_is_read_back(name):
    """A table is for readers and tells no paths; still its settings come back, but for the name and what only a file says."""
    path = PUBLISHED.with_name("originals") / name
    recipe = read([Document(name=name, data=path.read_bytes())]).recipe
    back = of(table.write(recipe).files[0].text).recipe
    own = {"output_name", "metadata_title", "optimizer_args"}
    differing = {
        f"{group}.{field}": (value, getattr(back.group(group), field))
        for group in GROUPS
        for field, value in recipe.group(group).model_dump().items()
        if field not in own and one_spelling(value) != one_spelling(back.group(group).model_dump()[field])
    }
    for name in ("optimizer.unet_lr", "optimizer.text_encoder_lr"):  # "5e-05" and "5e-5" are one rate
        one, other = differing.pop(name, ("", ""))
        assert one == other or float(one) == float(other)
    assert differing == {}
    assert back.model.family == recipe.model.family


def one_spelling(value: object) -> object:
    """Return a text that is a number as that number: learning rates are texts, and 5e-05 is 5e-5."""
    try:
        return float(str(value))
    except ValueError:
        return value


def test_phrases_with_several_settings():
    found = settings(
        "LR: 1e-4 (unet), 5e-5 (te)\nBatch size: 4 x 2 (gradient accumulation)\nbuckets 320 to 960, step 32\nkeep 1 token"
    )
    assert (found["optimizer.unet_lr"], found["optimizer.text_encoder_lr"]) == ("1e-4", "5e-5")
    assert (found["buckets.batch_size"], found["training.gradient_accumulation_steps"]) == (4, 2)
    assert (found["buckets.min_bucket_reso"], found["buckets.max_bucket_reso"], found["buckets.bucket_reso_steps"]) == (
        320,
        960,
        32,
    )
    assert found["datasets.keep_tokens"] == 1
