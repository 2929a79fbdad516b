"""sd-scripts' files and commands, and those of programs with the same words, as a whole: what becomes a setting, and what is told."""

from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import Line, Reading


def reading(*texts: str, names: tuple[str, ...] = ()) -> Reading:
    named = names or ("",) * len(texts)
    return read([Document(name=name, data=text.encode()) for name, text in zip(named, texts, strict=True)])


def line(result: Reading, name: str) -> Line:
    return next(each for each in reversed(result.lines) if each.name == name)


COMMAND = 'accelerate launch sdxl_train_network.py --network_module=networks.lora --dataset_config="d.toml" --max_train_epochs=4 '


def test_prefixes_of_options_are_understood_as_argparse_does():
    result = reading("python train_network.py --network_d 8 --learning 1e-3 --output_na x --network_al 4")
    assert result.recipe.group("optimizer").learning_rate == 1e-3
    assert result.recipe.group("network").alpha == 4
    assert line(result, "network_d").kind == "unknown"  # network_dim or network_dropout


def test_an_option_that_is_given_twice_counts_once_and_both_are_told():
    result = reading(f"{COMMAND} --network_dim 8 --network_dim 16")
    assert result.recipe.group("network").rank == 16
    assert [(each.value, each.kind) for each in result.lines if each.name == "network_dim"] == [
        ("8", "meaningless"),
        ("16", "taken"),
    ]


def test_regularization_pictures_have_a_dataset_loader_of_their_own():
    result = reading(
        "python train_network.py --train_data_dir a --reg_data_dir b --shuffle_caption --caption_extension=txt"
    )
    first, second = (result.recipe.dataset(number) for number in (0, 1))
    assert (first.folder, first.is_reg, second.folder, second.is_reg) == ("a", False, "b", True)
    assert second.shuffle_caption and second.caption_extension == ".txt"


def test_a_dataset_that_is_named_and_not_there_is_asked_for_and_nothing_is_made_up():
    result = reading(COMMAND)
    assert line(result, "dataset_config").kind == "unknown"
    assert "enable_bucket" not in {each.name for each in result.lines}


DATASET = """
[general]
enable_bucket = true
caption_extension = ".txt"
[[datasets]]
resolution = 512
batch_size = 4
  [[datasets.subsets]]
  image_dir = 'C:\\a'
  num_repeats = 10
  [[datasets.subsets]]
  image_dir = 'C:\\b'
  is_reg = true
[[datasets]]
resolution = [1024, 768]
batch_size = 2
  [[datasets.subsets]]
  image_dir = 'C:\\a'
  num_repeats = 10
  [[datasets.subsets]]
  image_dir = 'C:\\b'
  is_reg = true
[[datasets]]
resolution = 640
  [[datasets.subsets]]
  image_dir = 'C:\\c'
  flip_aug = true
"""


def test_a_dataset_file_has_a_loader_for_each_folder_and_speaks_after_the_command():
    result = reading(DATASET, f"{COMMAND} --resolution=256 --train_batch_size=1")
    assert [result.recipe.dataset(number).folder for number in range(3)] == ["C:\\a", "C:\\b", "C:\\c"]
    assert [result.recipe.dataset(number).repeats for number in range(3)] == [10, 1, 1]
    assert [result.recipe.dataset(number).flip_aug for number in range(3)] == [False, False, True]
    buckets = result.recipe.group("buckets")
    assert (buckets.width, buckets.batch_size, buckets.extra_resolutions) == (512, 4, "1024x768")
    told = {each.name: each for each in result.lines if each.kind == "unknown"}
    assert set(told) == {"datasets 2: batch_size = 2", "datasets 3: resolution = 640"}


def test_a_dataset_and_prompts_in_the_same_text_as_the_command_are_read():
    result = reading(
        f"```toml\n{DATASET}```\na cat --w 512 --h 768\n!{COMMAND} --sample_prompts=p.txt --sample_every_n_epochs=1\n"
    )
    assert len(result.recipe.datasets) == 3
    assert result.recipe.group("sampling").sample_prompts == "a cat --w 512 --h 768"
    assert line(result, "dataset_config").kind == "translated"


def test_a_command_overrides_its_config_file_and_sections_mean_nothing():
    config = '[a]\nnetwork_dim = 8\nnetwork_alpha = 4\n[b]\nlearning_rate = 1e-3\nfull_fp16 = false\nnetwork_args = ["algo=loha"]\n'
    result = reading(
        "python train_network.py --config_file=c.toml --network_dim 32 --network_module lycoris.kohya", config
    )
    network = result.recipe.group("network")
    assert (network.rank, network.alpha, network.algo, network.conv_rank) == (32, 4, "loha", 32)
    assert line(result, "full_fp16").kind == "taken"
    assert line(result, "config_file").kind == "translated"


def test_prompts_files_of_three_kinds():
    table = '[prompt]\nwidth = 512\n[[prompt.subset]]\nprompt = "a cat"\nseed = 1\n'
    entries = '[{"prompt": "a cat", "width": 512, "seed": 1}]'
    for text in ("a cat --w 512 --d 1", table, entries):
        assert reading(text).recipe.group("sampling").sample_prompts == "a cat --w 512 --d 1"


def test_names_of_lora_scripts_page_are_arguments():
    text = """
    model_train_type = "sdxl-lora"
    network_module = "lycoris.kohya"
    network_dim = 16
    lycoris_algo = "lokr"
    lokr_factor = 8
    conv_dim = 4
    optimizer_type = "Prodigy"
    prodigy_d_coef = "2.0"
    optimizer_args_custom = ["weight_decay=0.01"]
    enable_preview = false
    sample_every_n_epochs = 2
    """
    result = reading(text)
    network = result.recipe.group("network")
    assert (result.recipe.model.family, network.algo, network.factor, network.conv_rank) == ("SDXL", "lokr", 8, 4)
    assert result.recipe.group("optimizer").optimizer_args == "weight_decay=0.01 d_coef=2.0"
    assert "sampling" not in result.recipe.settings


def test_variables_of_lora_scripts_older_scripts_are_options():
    text = '$pretrained_model = "m"\n$network_dim = 32\n$network_alpha = 16\n$resolution = "512"\n$batch_size = 2\n$multi_gpu = 1\n'
    result = reading(text)
    assert result.form == "LoRA-scripts script"
    assert result.recipe.group("training").gradient_accumulation_steps == 2
    assert result.recipe.group("buckets").batch_size == 2


def test_a_script_that_trains_no_lora_says_so():
    result = reading(
        "python train_textual_inversion.py --token_string x --num_vectors_per_token 4 --learning_rate 1e-3"
    )
    assert "embedding or a ControlNet" in line(result, "script").why


def test_a_whole_model_is_finetuned():
    result = reading(
        "accelerate launch sdxl_train.py --learning_rate 1e-5 --full_bf16 --mixed_precision bf16 --max_train_steps 100"
    )
    assert result.recipe.group("network").algo == "finetune"
    assert result.recipe.model.family == "SDXL"


def test_sd3_is_trained_as_sd_scripts_does():
    result = reading(
        "python sd3_train_network.py --learning_rate 1e-4 --training_shift 3 --weighting_scheme logit_normal --logit_mean 0.5"
    )
    noise = result.recipe.group("noise")
    assert (noise.timestep_sampling, noise.flow_shift, noise.logit_mean) == ("logit_normal", 3, 0.5)
    assert result.recipe.group("loss").model_prediction_type == "sigma_scaled"
    assert result.recipe.group("optimizer").text_encoder_lr == "1e-4, 1e-4, 0"


def test_blocks_and_ranks_of_flux_become_names_of_layers():
    args = "train_double_block_indices=none train_single_block_indices=0,2-3 img_attn_dim=8"
    result = reading(f"python flux_train_network.py --learning_rate 1e-4 --network_args {args}")
    network = result.recipe.group("network")
    assert network.include == "single_blocks[._](0|2|3)[._]"
    assert network.blocks.reg_dims == "img_attn=8"


def test_what_stands_outside_of_the_command_is_told():
    result = reading(f"{COMMAND} --network_dim 8\n\nLater: --network_dim 16 was better.\n")
    assert [each.why for each in result.lines if "was better" in each.name] == ["It stands outside of the command."]


def test_a_caption_with_a_variable_that_nothing_sets_is_not_trained():
    result = reading(f"{COMMAND} --caption_prefix '$TRIGGER, '")
    assert line(result, "caption_prefix").kind == "unknown"
    assert not result.recipe.dataset(0).caption_prefix


def test_options_that_a_log_shows_as_namespace():
    said = "network_dim=8, network_module='lycoris.kohya', network_args=['algo=loha'], seed=None, dataset_config=PosixPath('a')"
    log = f"INFO args: Namespace(v2=False, {said})\n"
    result = reading(log)
    assert (result.recipe.group("network").rank, result.recipe.group("network").algo) == (8, "loha")


def test_windows_paths_and_broken_lines_of_toml_are_no_end():
    broken = DATASET.replace("'C:\\a'", '"C:\\pics\\a"').replace("flip_aug = true", "flip_aug = yes")
    result = reading(broken, names=("d.toml",))
    assert result.recipe.dataset(0).folder == "C:\\pics\\a"
    assert [each.why for each in result.lines if each.name == "flip_aug = yes"] == [
        "This line is no TOML, and is left out."
    ]
    result = reading(
        'network_dim = 8\nnetwork_alpha = 4,\nlearning_rate = 1e-3\nvae = "D:\\x\\v.pt"\n', names=("c.toml",)
    )
    assert result.recipe.model.files["vae"] == "D:\\x\\v.pt"
    assert line(result, "network_alpha = 4,").kind == "unknown"
