"""Recipes written for others: sd-scripts' words where it has them, and what is left out; tables and descriptions."""

import pytest
from athanor.training_core.recipes.recipe import Model, Recipe
from athanor.training_core.recipes.writers import civitai, command, table
from athanor.training_core.recipes.writers.shell import quoted
from athanor.training_core.recipes.writers.summary import Trained
from athanor.training_core.recipes.writers.words import plain

STYLE = Recipe(
    model=Model(
        family="SDXL", files={"checkpoint": "/models/Illustrious-XL-v0.1.safetensors", "vae": "fix.safetensors"}
    ),
    settings={
        "training": {
            "output_name": "style",
            "epochs": 40,
            "gradient_checkpointing": "all",
            "mixed_precision": "fp16",
            "seed": 1337,
        },
        "network": {"algo": "lokr", "rank": 100000, "alpha": 100000.0, "factor": 8, "preset": "full"},
        "optimizer": {
            "optimizer_type": "Lion8bit",
            "optimizer_args": "weight_decay=0.05 betas=0.9,0.95",
            "lr_scheduler": "constant_with_warmup",
            "lr_warmup_steps": "100",
        },
        "loss": {"debiased_estimation_loss": True},
        "buckets": {"width": 1024, "height": 1024, "max_bucket_reso": 4096, "batch_size": 6},
        "cache": {"latent_sampling": "once"},
    },
    datasets=({"folder": "D:\\my pictures\\style", "shuffle_caption": True, "max_token_length": "225", "repeats": 2},),
)


def lines(recipe: Recipe) -> list[str]:
    """The options of a command, a line each."""
    text = command.write(recipe).files[0].text
    return [line.strip().removesuffix(" \\") for line in text.split("\n")]


def test_a_recipe_of_sdxl_is_said_without_a_comment():
    written = command.write(STYLE)
    assert [file.name for file in written.files] == ["train.sh", "dataset.toml"]
    assert written.left_out == ()
    said = lines(STYLE)
    assert {
        "accelerate launch --num_cpu_threads_per_process 1 sdxl_train_network.py",
        "--pretrained_model_name_or_path /models/Illustrious-XL-v0.1.safetensors",
        "--dataset_config dataset.toml",
        "--vae fix.safetensors",
        "--max_train_epochs 40",
        "--optimizer_args weight_decay=0.05 betas=0.9,0.95",
        "--network_module lycoris.kohya",
        "--network_train_unet_only",
        "--debiased_estimation_loss",
        "--cache_latents_to_disk",
        "--max_token_length 225",
        "--full_fp16",
    } - {"--full_fp16"} <= set(said)
    assert not [line for line in said if "Athanor only: " in line and "conv_alpha" not in line]
    toml = written.files[1].text
    assert 'image_dir = "D:\\\\my pictures\\\\style"\nnum_repeats = 2' in toml
    assert "[general]\nenable_bucket = true\nmax_bucket_reso = 4096\n" in toml
    assert "[[datasets]]\nresolution = 1024\nbatch_size = 6\n" in toml


@pytest.mark.parametrize(
    ("family", "algo", "script"),
    [
        ("SD1.5", "lora", "train_network.py"),
        ("SD2", "lora", "train_network.py"),
        ("SDXL", "lora", "sdxl_train_network.py"),
        ("SDXL", "finetune", "sdxl_train.py"),
        ("SD3", "lora", "sd3_train_network.py"),
        ("SD3", "finetune", "sd3_train.py"),
        ("Flux.1 dev", "lora", "flux_train_network.py"),
        ("Chroma", "lora", "flux_train_network.py"),
        ("Lumina 2", "lora", "lumina_train_network.py"),
        ("Anima", "lora", "anima_train_network.py"),
        ("HunyuanImage 2.1", "lora", "hunyuan_image_train_network.py"),
    ],
)
def test_the_script_of_a_family(family, algo, script):
    recipe = Recipe(
        model=Model(family=family), settings={"network": {"algo": algo}} if algo != "lora" else {}, datasets=({},)
    )
    assert lines(recipe)[2].endswith(f" {script}")
    assert "has no script" not in " ".join(command.write(recipe).left_out)
    assert ("--model_type chroma" in lines(recipe)) == (family == "Chroma")
    assert ("--v2" in lines(recipe)) == (family == "SD2")


def test_the_parts_of_flux():
    files = {
        "diffusion_model": "flux1-dev.safetensors",
        "vae": "ae.safetensors",
        "clip_l": "l.safetensors",
        "t5xxl": "t5.safetensors",
    }
    recipe = Recipe(
        model=Model(family="Flux.1 dev", files=files, weight_dtype="fp8_e4m3fn"),
        settings={"noise": {"timestep_sampling": "shift", "flow_shift": 3.1582}},
        datasets=({"folder": "a"},),
    )
    said = set(lines(recipe))
    assert {"--ae ae.safetensors", "--clip_l l.safetensors", "--t5xxl t5.safetensors", "--fp8_base"} <= said
    assert {
        "--timestep_sampling shift",
        "--discrete_flow_shift 3.1582",
        "--model_prediction_type raw",
        "--guidance_scale 1",
    } <= said
    assert "--network_module networks.lora_flux" in said


def test_what_cannot_be_said_stands_in_a_comment_and_is_told():
    recipe = Recipe(
        model=Model(family="Qwen-Image"),
        settings={"training": {"gradient_checkpointing": "part"}, "optimizer": {"ema_decay": 0.999}},
        datasets=({"folder": "a", "nested_folders": True}, {"folder": "b"}),
    )
    written = command.write(recipe)
    assert '# Athanor only: training.gradient_checkpointing = "part"' in written.files[0].text
    assert "# Athanor only: datasets.1.nested_folders = true" in written.files[0].text
    told = "\n".join(written.left_out)
    assert "sd-scripts has no script that trains Qwen-Image" in told
    assert "gradient_checkpointing of Train LoRA (part): sd-scripts has no option for it here" in told
    assert "ema_decay of Optimizer Config (0.999)" in told
    assert "nested_folders of Dataset Loader 1 (on)" in told


def test_prompts_have_what_is_not_sd_scripts_default_behind_them():
    sampling = {
        "sample_prompts": "# note\na cat\na dog --w 768 --d 7",
        "width": 1024,
        "height": 1024,
        "negative": "bad -- worse",
    }
    recipe = Recipe(model=Model(family="SDXL"), settings={"sampling": sampling}, datasets=({},))
    files = {file.name: file.text for file in command.write(recipe).files}
    assert files["prompts.txt"] == (
        "a cat --w 1024 --h 1024 --s 20 --l 7 --d 42 --n bad - worse\n"
        "a dog --w 768 --d 7 --h 1024 --s 20 --l 7 --n bad - worse\n"
    )  # fmt: skip
    assert "--sample_prompts prompts.txt" in files["train.sh"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-4, "1e-4"),
        (0.05, "0.05"),
        (1.0, "1"),
        (2.5e-5, "2.5e-5"),
        (3.1582, "3.1582"),
        (0.0, "0"),
        (True, "true"),
        (7, "7"),
    ],
)
def test_numbers_as_people_write_them(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("a.b/c", "a.b/c"),
        ("two words", "'two words'"),
        ("it's", "'it'\"'\"'s'"),
        ("", "''"),
        ("$x", "'$x'"),
        ("a=b,c", "a=b,c"),
    ],
)
def test_words_of_a_shell(word, text):
    assert quoted(word) == text


def test_a_row_has_one_spelling_of_numbers():
    settings = {
        "optimizer": {"learning_rate": 1e-4, "unet_lr": "0.0001", "text_encoder_lr": "5e-05, 0"},
        "training": {"mixed_precision": "no"},
    }
    text = table.write(Recipe(settings=settings, datasets=({},))).files[0].text
    assert "\n| Learning rate | 1e-4, 1e-4 (U-Net), 5e-5, 0 (text encoder) |\n" in text
    assert "\n| Precision | not mixed |\n" in text


def test_a_table_tells_what_matters_and_no_paths():
    trained = Trained(file="style.safetensors", steps=4000, epochs=40, pictures=51)
    text = table.write(STYLE, trained, [("loss_curve.png", "Loss")]).files[0].text
    assert text.startswith("# style\n\n| | |\n|---|---|\n| Base model | SDXL (Illustrious-XL-v0.1.safetensors) |\n")
    for row in (
        "| Network | LoKr, rank 100000, alpha 100000, factor 8, preset full |",
        "| Learning rate | 1e-4 |",
        "| Optimizer | Lion8bit (weight_decay=0.05 betas=0.9,0.95) |",
        "| Schedule | constant_with_warmup, warm-up 100 |",
        "| Length | 40 epochs, 4,000 steps |",
        "| Batch size | 6 |",
        "| Pictures | 51, repeats 2 |",
        "| Loss | debiased estimation |",
        "| latent_sampling | once |",
        "| max_token_length | 225 |",
    ):
        assert f"\n{row}\n" in text, row
    assert text.endswith("![Loss](loss_curve.png)\n")
    assert "/models" not in text and "my pictures" not in text


def test_marks_of_markdown_stay_what_they_are():
    recipe = Recipe(settings={"training": {"output_name": "a/*b*|c", "training_comment": "x\ny <z>"}}, datasets=({},))
    text = table.write(recipe).files[0].text
    assert "# \\*b\\*\\|c\n" in text and "| training_comment | x y \\<z\\> |" in text


def test_a_description_for_civitai():
    recipe = Recipe(
        model=STYLE.model,
        settings={**STYLE.settings, "training": {**STYLE.settings["training"], "metadata_description": "A <style>."}},
        datasets=({**STYLE.datasets[0], "class_tokens": "sks style"},),
    )
    written = civitai.write(recipe, Trained(file="style.safetensors", steps=4000, epochs=40, strengths=(0.7, 0.8, 1.0)))
    page, fields = (file.text for file in written.files)
    assert fields == (
        "Type: LyCORIS\nBase model: Illustrious\nTrigger words: sks style\nTraining: 40 epochs, 4,000 steps\n"
        "Recommended strength: 0.8\nLowest and highest strength: 0.7 to 1\nFile: style.safetensors\n"
    )
    assert page.startswith("<p>A &lt;style&gt;.</p>\n<p><strong>Trigger words:</strong> <code>sks style</code></p>\n")
    assert "<li><p><strong>Learning rate:</strong> 1e-4</p></li>" in page
    assert written.left_out == ()


@pytest.mark.parametrize(
    ("family", "file", "base"),
    [
        ("SDXL", "ponyDiffusionV6XL.safetensors", "Pony"),
        ("SDXL", "noobaiXL.safetensors", "NoobAI"),
        ("SDXL", "sd_xl_base_1.0.safetensors", "SDXL 1.0"),
        ("SD1.5", "x.safetensors", "SD 1.5"),
        ("Flux.1 dev", "flux1-dev.safetensors", "Flux.1 D"),
        ("SD3", "sd3.5_medium.safetensors", "SD 3.5 Medium"),
        ("Krea 2", "x.safetensors", "Other"),
    ],
)
def test_base_models_as_civitai_names_them(family, file, base):
    recipe = Recipe(model=Model(family=family, files={"checkpoint": file}), datasets=({},))
    assert civitai.base_name(recipe) == base
    assert any("choose one from its list" in sentence for sentence in civitai.write(recipe).left_out) == (
        base == "Other"
    )
