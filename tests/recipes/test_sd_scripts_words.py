"""The words of sd-scripts: every option of its scripts has a rule, and every rule leads to a setting that there is."""

from pathlib import Path

import pytest
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.draft import Draft
from athanor.training_core.recipes.forms.sd_scripts_network import network_args
from athanor.training_core.recipes.forms.sd_scripts_optimizer import optimizer_args
from athanor.training_core.recipes.forms.sd_scripts_words import SD_SCRIPTS, WORDS
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import Reading
from athanor.training_core.recipes.rules import Contents, Entry, Meaningless, Same
from athanor.training_core.recipes.translate import translate

OPTIONS = Path(__file__).with_name("sd_scripts_options.txt").read_text().split()
"""All options of sd-scripts' train_network and its relatives, of version 0.10.1 and of versions and branches before it."""
SPLIT = {"network_args", "lr_scheduler_args"}
"""Options whose value has names of its own; readers take them apart."""


def reading(**said) -> Reading:
    given = []
    for name, value in said.items():
        given += network_args(value) if name == "network_args" else [Entry(name=name, value=value)]
    return translate(Contents(entries=tuple(given)), SD_SCRIPTS, "test")


def line(result: Reading, name: str):
    return next(each for each in reversed(result.lines) if each.name == name)


def test_every_option_is_known():
    assert len(OPTIONS) > 250
    assert [name for name in OPTIONS if name not in WORDS and name not in SPLIT] == []


def test_every_setting_that_is_taken_over_exists():
    draft = Draft(1)
    for rule in WORDS.values():
        if isinstance(rule, Same):
            draft.get(rule.path)  # KeyError where there is none


def test_every_reason_is_a_sentence():
    for name, rule in WORDS.items():
        if isinstance(rule, Meaningless):
            for text in (rule.why, rule.otherwise or "So."):
                assert text[0].isupper() and text.endswith("."), name


def test_what_a_recipe_does_not_say_is_what_sd_scripts_does():
    result = reading(script="train_network.py", network_module="networks.lora")
    network = result.recipe.group("network")
    assert (network.rank, network.alpha, network.train) == (4, 1, "unet + text encoder")
    training = result.recipe.group("training")
    assert (training.max_train_steps, training.save_precision, training.mixed_precision) == (1600, "float", "no")
    assert result.recipe.group("optimizer").learning_rate == 2e-6
    assert not result.recipe.group("buckets").enable_bucket
    assert result.recipe.dataset(0).caption_extension == ".caption"
    assert result.recipe.model.family == "SD1.5"


def test_two_cards_become_batches_before_an_update():
    result = reading(num_processes="2", train_batch_size="6")
    assert result.recipe.group("training").gradient_accumulation_steps == 2
    assert "processes" in line(result, "num_processes").why


def test_lycoris_trains_all_layers_and_its_convolutions_like_the_rest():
    result = reading(network_module="lycoris.kohya", network_dim=16, network_alpha=8)
    network = result.recipe.group("network")
    assert (network.algo, network.preset, network.conv_rank, network.conv_alpha) == ("locon", "full", 16, 8)
    result = reading(
        network_module="lycoris.kohya", network_dim=16, network_args=["algo=lokr", "preset=attn-mlp", "factor=8"]
    )
    network = result.recipe.group("network")
    assert (network.algo, network.preset, network.factor) == ("lokr", "attn-mlp", 8)


def test_flux_trains_clip_alone_and_shifts_as_there():
    result = reading(script="flux_train_network.py", learning_rate="4e-4", text_encoder_lr=["5e-5"])
    assert result.recipe.model.family == "Flux.1 dev"
    optimizer, noise = result.recipe.group("optimizer"), result.recipe.group("noise")
    assert optimizer.text_encoder_lr == "5e-5, 0"
    assert (noise.timestep_sampling, noise.flow_shift) == ("uniform", 3)
    assert result.recipe.group("conditioning").guidance_scale == 3.5
    assert result.recipe.group("loss").model_prediction_type == "raw"


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("AdamW8bit", ("AdamW8bit", "")),
        ("bitsandbytes.optim.AdEMAMix8bit", ("AdEMAMix8bit", "")),
        ("torch.optim.RMSprop", ("RMSprop", "")),
        ("adafactor", ("Adafactor", "")),
        ("pytorch_optimizer.CAME", ("AdamW", "pytorch_optimizer.CAME")),
    ],
)
def test_optimizers_by_name_and_by_class(name, setting):
    optimizer = reading(optimizer_type=name).recipe.group("optimizer")
    assert (optimizer.optimizer_type, optimizer.optimizer_class) == setting


def test_arguments_of_optimizers_are_one_text():
    assert optimizer_args(["weight_decay=0.05", "betas=0.9, 0.95"]) == "weight_decay=0.05 betas=0.9,0.95"
    assert optimizer_args("decouple=True betas=(0.9, 0.99) d_coef=2") == "decouple=True betas=(0.9,0.99) d_coef=2"
    assert optimizer_args('"weight_decay=0.01" "betas=.9,.999"') == "weight_decay=0.01 betas=.9,.999"


def test_limits_of_buckets_are_made_to_hold_the_resolution():
    result = reading(resolution="2000,2048", enable_bucket=True, bucket_reso_steps=64)
    buckets = result.recipe.group("buckets")
    assert (buckets.width, buckets.height, buckets.max_bucket_reso) == (1984, 2048, 4096)
    assert line(result, "max_bucket_reso").kind == "translated"


def test_a_switch_that_is_off_sets_nothing():
    result = reading(v2=False, cache_latents=False, full_fp16=False, base_weights="", gradient_checkpointing="false")
    assert result.recipe.group("cache").latent_sampling == "every step"
    assert all(each.kind != "unknown" for each in result.lines)


def test_cards_whose_number_is_not_said_are_told():
    assert "not said" in line(reading(multi_gpu=True), "multi_gpu").why
    assert line(reading(multi_gpu=True, num_processes="4"), "multi_gpu").kind == "meaningless"


def test_a_name_with_a_variable_that_nothing_sets_is_no_name():
    assert "$NAME" in line(reading(output_name="my_$NAME"), "output_name").why


def test_what_no_network_here_is_says_so():
    assert "both are trained" in line(reading(network_module="networks.lora_fa"), "network_module").why
    assert line(reading(network_module="networks.oft", network_dim=4), "network_dim of OFT").kind == "unknown"


@pytest.mark.parametrize(
    ("said", "family"),
    [
        ({"script": "C:\\sd\\flux_train_network.py"}, "Flux.1 dev"),
        ({"script": "flux_train_network.py", "model_type": "chroma"}, "Chroma"),
        (
            {"script": "flux_train_network.py", "pretrained_model_name_or_path": "flux1-schnell.safetensors"},
            "Flux.1 schnell",
        ),
        ({"script": "train_network.py", "v2": True}, "SD2"),
        ({"network_module": "networks.lora_sd3"}, "SD3"),
        ({"gemma2": "g.safetensors"}, "Lumina 2"),
        ({"qwen3": "q.safetensors"}, "Anima"),
        ({"pretrained_model_name_or_path": "D:\\models\\Illustrious-XL-v0.1.safetensors"}, "SDXL"),
        ({"pretrained_model_name_or_path": "runwayml/stable-diffusion-v1-5"}, "SD1.5"),
        ({"pretrained_model_name_or_path": "some.safetensors"}, ""),
    ],
)
def test_the_family_is_told_by_script_module_option_or_name(said, family):
    assert reading(**said).recipe.model.family == family


def test_sample_pictures_are_drawn_as_there():
    sampling = reading(script="train_network.py", sample_every_n_steps=100).recipe.group("sampling")
    assert (sampling.sampler_name, sampling.steps, sampling.cfg, sampling.sample_at_first) == ("ddim", 30, 7.5, False)
    assert (sampling.sample_every_n_epochs, sampling.sample_every_n_steps) == (0, 100)
    sampling = reading(script="flux_train_network.py", sample_every_n_epochs=1, sample_sampler="ddim").recipe.group(
        "sampling"
    )
    assert (sampling.sampler_name, sampling.steps, sampling.cfg) == ("euler", 20, 1)


def test_arguments_of_an_optimizer_that_is_not_known_are_not_given_to_another():
    text = "accelerate launch train_network.py --optimizer_type came --optimizer_args betas=0.9,0.999,0.9999"
    found = read([Document(data=text.encode())])
    assert found.recipe.group("optimizer").optimizer_args == ""
    line = next(line for line in found.lines if line.name == "optimizer_args")
    assert line.kind == "unknown" and "came" in line.why
