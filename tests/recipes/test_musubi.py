"""musubi-tuner's commands, config files and dataset TOML as recipes, alone and together."""

from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.forms.musubi_words import MUSUBI, WORDS
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.rules import Contents, Entry
from athanor.training_core.recipes.translate import translate
from strange_values import STRANGE

HERE = Path(__file__).parent
NAMES = [name for name in (HERE / "names/musubi_tuner.txt").read_text().splitlines() if name and name[0] != "#"]
AS_IN_SD_SCRIPTS = {
    "batch_size": "train_batch_size",
    "num_repeats": "dataset_repeats",
    "image_directory": "train_data_dir",
}
QWEN = (
    "accelerate launch --mixed_precision bf16 src/musubi_tuner/qwen_image_train_network.py --dit a.safetensors "
    "--dataset_config d.toml --network_module networks.lora_qwen_image --learning_rate 1e-4 --max_train_epochs 3 "
)


def published(*names):
    return read([Document(name=name, data=(HERE / "published" / name).read_bytes()) for name in names])


def of(*texts):
    return read([Document(data=text.encode()) for text in texts])


def line(reading, name):
    return next(line for line in reading.lines if line.name == name)


def unknown(reading):
    return [line.name for line in reading.lines if line.kind == "unknown"]


def test_every_name_of_the_program_has_a_rule():
    assert not [name for name in NAMES if AS_IN_SD_SCRIPTS.get(name, name) not in WORDS]
    assert len(NAMES) > 240


def test_no_value_of_any_name_is_more_than_a_line():
    for number, name in enumerate(WORDS):
        for value in (STRANGE[number % len(STRANGE)], STRANGE[number * 5 % len(STRANGE)]):
            given = (Entry(name="script", value="zimage_train_network.py"), Entry(name=name, value=value))
            assert any(line.name == name for line in translate(Contents(entries=given), MUSUBI, "").lines)
    for value in STRANGE:
        given = tuple(Entry(name=name, value="wan_train_network.py" if name == "script" else value) for name in WORDS)
        assert len(translate(Contents(entries=given), MUSUBI, "").lines) >= len(WORDS)


def test_a_command_and_the_toml_of_its_dataset_are_one_recipe():
    reading = published("musubi-qwen-image-edit.bat", "musubi-dataset-qwen-edit.toml")
    recipe = reading.recipe
    assert reading.form == "musubi-tuner command + musubi-tuner dataset TOML"
    assert recipe.model.family == "Qwen-Image" and not unknown(reading)
    assert recipe.model.files["diffusion_model"] == r"D:\musubi-tuner\models\qwen_image_edit_2509_bf16.safetensors"
    network, noise, training = recipe.group("network"), recipe.group("noise"), recipe.group("training")
    assert (network.rank, network.alpha, network.preset) == (16, 1.0, "attn-mlp"), "alpha is 1 there where none is said"
    assert (noise.timestep_sampling, noise.flow_shift) == ("shift", 2.2)
    assert (training.epochs, training.save_every_n_epochs, training.save_precision) == (10, 1, "float")
    buckets = recipe.group("buckets")
    assert (buckets.width, buckets.bucket_reso_steps, buckets.min_bucket_reso, buckets.max_bucket_reso) == (
        1024,
        16,
        512,
        2048,
    )
    assert buckets.control_size == "same"
    (dataset,) = recipe.datasets
    assert (dataset["folder"], dataset["control_folder"]) == ("/workspace/test/dataset", "/workspace/test/control")


@pytest.mark.parametrize(
    ("name", "family", "lost"),
    [
        ("musubi-flux-kontext.txt", "Flux.1 dev", ["dataset_config"]),
        ("musubi-wan22-escaped-parens.sh", "Wan 2.1 text-to-video", ["dataset_config", "preserve_distribution_shape"]),
        ("musubi-zimage-shell-array.sh", "Z-Image", ["dataset_config", "sample_prompts"]),
    ],
)
def test_published_commands(name, family, lost):
    reading = published(name)
    assert reading.recipe.model.family == family and unknown(reading) == lost


def test_the_text_encoders_of_kontext_are_t5_and_clip():
    files = published("musubi-flux-kontext.txt").recipe.model.files
    assert (files["t5xxl"], files["clip_l"]) == ("path/to/text_encoder1", "path/to/text_encoder2")


def test_defaults_of_a_shell_script_are_its_values():
    recipe = published("musubi-zimage-shell-array.sh").recipe
    network, optimizer = recipe.group("network"), recipe.group("optimizer")
    assert (network.rank, network.alpha, network.exclude) == (32, 16.0, "_modulation|_refiner")
    assert (optimizer.learning_rate, optimizer.lr_scheduler, optimizer.lr_warmup_steps) == (
        1e-4,
        "cosine_with_restarts",
        "100",
    )
    assert recipe.model.files["vae"] == "/workspace/models/vae/ae.safetensors" and recipe.group("training").epochs == 16


@pytest.mark.parametrize("name", ["musubi-wan22-dual.txt", "musubi-wan22-script-line-break.txt"])
def test_a_model_that_goes_on_from_a_picture_says_that_it_is_not_trained(name):
    reading = published(name)
    assert "goes on from a given picture" in line(reading, "script").why and line(reading, "script").kind == "unknown"
    assert reading.recipe.model.family == "Wan 2.1 text-to-video" and "nearest" in line(reading, "the model").why
    assert line(reading, "dit_high_noise").kind == "unknown"
    assert reading.recipe.group("noise").max_timestep == 900, "the model of dit is trained below the boundary"


def test_a_command_that_a_log_has_run_into_is_read_up_to_it():
    reading = published("musubi-wan21-no-continuation.txt")
    assert reading.recipe.group("training").seed == 42 and reading.recipe.group("network").rank == 32
    assert len(unknown(reading)) == 3


def test_datasets_of_videos_are_left_out_and_one_folder_may_have_two_resolutions():
    reading = published("musubi-dataset-hunyuan.toml")
    assert reading.recipe.datasets == (
        {"caption_extension": ".txt", "folder": "/home/user/training/pics/", "repeats": 2},
    )
    buckets = reading.recipe.group("buckets")
    assert (buckets.width, buckets.height, buckets.extra_resolutions) == (256, 384, "512x768")
    assert unknown(reading) == ["datasets 3: video_directory", "datasets 4: video_directory"]
    assert line(reading, "datasets 4: target_frames").kind == "meaningless"


def test_what_a_dataset_does_not_say():
    recipe = of("[[datasets]]\nimage_jsonl_file = '/x/list.jsonl'\ncache_directory = '/c'\n").recipe
    buckets = recipe.group("buckets")
    assert (buckets.width, buckets.height, buckets.enable_bucket) == (960, 544, False)
    assert recipe.datasets[0]["folder"] == "/x/list.jsonl", "you are asked for the folder"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ("uniform", 1.0, 0.0, 1.0)),
        ("--discrete_flow_shift 3", ("uniform", 3.0, 0.0, 1.0)),
        ("--weighting_scheme logit_normal --logit_mean 0.5", ("logit_normal", 1.0, -0.5, 1.0)),
        ("--timestep_sampling qwen_shift --discrete_flow_shift 9", ("shift", 2.0008, 0.0, 1.0)),
        ("--timestep_sampling logsnr --logit_mean -6 --logit_std 2", ("logit_normal", 0.0, 3.0, 1.0)),
        ("--timestep_sampling ideogram4_shift", ("logit_normal", 0.0, 0.6931, 1.5)),
        ("--timestep_sampling flux_shift", ("flux_shift", 0.0, 0.0, 1.0)),
    ],
)
def test_timesteps(options, expected):
    noise = of(QWEN + options).recipe.group("noise")
    assert (noise.timestep_sampling, noise.flow_shift, noise.logit_mean, noise.logit_std) == expected


def test_patterns_of_layers_are_lists_of_python():
    args = '''--network_args "exclude_patterns=['.*']" "include_patterns=[r'.*img_attn.*', r'.*img_mlp.*']"'''
    network = of(QWEN + args).recipe.group("network")
    assert (network.include, network.exclude) == ("^(?:.*img_attn.*)$\n^(?:.*img_mlp.*)$", "")
    network = of(
        QWEN.replace("qwen_image", "zimage") + '''--network_args "exclude_patterns=['.*to_q']"'''
    ).recipe.group("network")
    assert network.exclude == "^(?:.*to_q)$\n_modulation|_refiner"


def test_a_config_file_and_the_prompts_go_with_a_command():
    config = "dit = 'm.safetensors'\nnetwork_module = 'networks.lora_krea2'\nnetwork_dim = 8\nlearning_rate = 2e-4\nmax_train_epochs = 5\n"
    command = (
        "accelerate launch krea2_train_network.py --config_file c.toml --learning_rate 1e-4 --sample_prompts p.txt"
    )
    recipe = of(config, command, "a cat --w 768 --h 512 --d 3\na dog --w 768 --h 512 --d 3\n").recipe
    assert recipe.model.family == "Krea 2" and recipe.group("network").preset == "full-lin"
    assert recipe.group("optimizer").learning_rate == 1e-4 and recipe.group("training").epochs == 5
    assert "a dog" in recipe.group("sampling").sample_prompts


def test_a_whole_model_and_a_second_task():
    assert of("python zimage_train.py --dit a --learning_rate 1e-6").recipe.group("network").algo == "finetune"
    video = of("python kandinsky5_train_network.py --task k5-lite-t2v-5s-sd --dit a")
    assert video.recipe.model.family == "Kandinsky 5 Video (still pictures)"
    picture = of("python kandinsky5_train_network.py --task k5-lite-i2v-5s-sd --dit a")
    assert line(picture, "script").kind == "unknown"


def test_a_broken_dataset_is_named_with_its_line():
    with pytest.raises(AthanorError, match=r"^d\.toml cannot be read: its line 3 is no TOML"):
        read([Document(name="d.toml", data=b"[[datasets]]\nimage_directory = 'a'\nresolution = 512 num_repeats = 2\n")])


def test_the_project_file_of_its_page():
    project = (
        'model_arch = "Qwen-Image"\nvram_size = "24"\nresolution_w = 1328\nresolution_h = 1328\nbatch_size = 2\nvae_path = "v"\n'
        'text_encoder1_path = "t"\ndit_path = "d"\noutput_name = "cat"\nnetwork_dim = 16\nlearning_rate = 0.0005\nnum_epochs = 12\n'
        'block_swap = 10\nfp8_scaled = false\nadditional_args = "--network_alpha 8"\nsample_images = true\nsample_prompt = "a cat"\n'
    )
    reading = of(project)
    recipe = reading.recipe
    assert reading.form == "musubi-tuner project" and recipe.model.family == "Qwen-Image" and not unknown(reading)
    assert (
        recipe.model.files == {"vae": "v", "text_encoder": "t", "diffusion_model": "d"}
        and recipe.model.weight_dtype == "default"
    )
    assert (recipe.group("network").rank, recipe.group("network").alpha) == (16, 8.0)
    buckets, training, sampling = recipe.group("buckets"), recipe.group("training"), recipe.group("sampling")
    assert (buckets.width, buckets.batch_size, buckets.min_bucket_reso) == (1328, 2, 656)
    assert (training.epochs, training.seed, training.blocks_to_swap) == (12, 42, 10)
    assert (sampling.sample_prompts, sampling.sample_at_first, sampling.cfg) == ("a cat", True, 4.0)


def test_a_dataset_and_several_commands_in_one_post():
    dataset = (HERE / "published/musubi-dataset-wan.toml").read_text()
    cache = 'python src/musubi_tuner/wan_cache_latents.py `\n  --dataset_config "E:\\d.toml" `\n  --vae "E:\\v.safetensors"\n\n'
    train = (
        QWEN.replace("qwen_image", "wan").replace("networks.", "musubi_tuner.networks.")
        + "--task t2v-A14B --dit_high_noise b"
    )
    reading = of(f"{dataset}\n{cache}{train}\n")
    assert reading.form == "musubi-tuner command" and reading.recipe.group("buckets").width == 1024
    assert unknown(reading) == ["dit_high_noise", "datasets 2: video_directory"]
    assert reading.recipe.group("noise").max_timestep == 875, "the boundary of Wan 2.2's text-to-video models"
    assert len(of(f"Is this right?\n{dataset}Thanks!\n").recipe.datasets) == 1
