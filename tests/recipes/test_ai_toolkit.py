"""ai-toolkit's YAML and JSON: jobs, single processes, and parts of them as they are pasted."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.families import FAMILIES
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.forms import ai_toolkit_model
from athanor.training_core.recipes.forms.ai_toolkit import AI_TOOLKIT, told
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import Line, Reading

HERE = Path(__file__).parent
NAMES = (HERE / "ai_toolkit_names.txt").read_text().split()
"""All names that ai-toolkit's configurations have and had, by section (toolkit/config_modules.py, the processes, the page's types)."""
FLUX = {"name_or_path": "black-forest-labs/FLUX.1-dev", "is_flux": True}
SDXL = {"name_or_path": "stabilityai/stable-diffusion-xl-base-1.0", "arch": "sdxl"}
NETWORK = {"type": "lora", "linear": 16, "linear_alpha": 16}


def job(**process: Any) -> dict[str, Any]:
    return {"job": "extension", "config": {"name": "my_lora", "process": [{"type": "sd_trainer", **process}]}}


def reading(tree: Any) -> Reading:
    return read([Document(name="a.json", data=json.dumps(tree).encode())])


def published(name: str) -> Reading:
    return read([Document(name=name, data=(HERE / "published" / name).read_bytes())])


def line(found: Reading, name: str) -> Line:
    return next(each for each in reversed(found.lines) if each.name == name)


def settings(found: Reading, group: str) -> dict[str, Any]:
    return dict(found.recipe.settings.get(group, {}))


def process(value: Any) -> dict[str, Any]:
    """Return a process that says all names of the list with one value."""
    tree: dict[str, Any] = {"datasets": [{"folder_path": "a"}], "sample": {"samples": [{"prompt": "a"}]}}
    for name in NAMES:
        *path, last = name.split(".")
        place: Any = tree
        for part in path:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place
            place = place[0] if isinstance(place, list) else place
        if isinstance(place, dict) and not isinstance(place.get(last), (dict, list)):
            place[last] = copy.deepcopy(value)
    return tree


def test_every_name_of_the_program_is_known() -> None:
    assert len(NAMES) > 350
    for given in told(process(True)).entries:
        assert given.name in AI_TOOLKIT.vocabulary, given.name


@pytest.mark.parametrize("value", [None, "x", -1, 1e300, 10**30, [1], {"a": {}}, "", False, True, ["a"]])
def test_no_value_is_too_strange(value: Any) -> None:
    tree = process(value)
    for model in (FLUX, SDXL, {}):
        found = reading({"config": {"process": [{**tree, "type": "sd_trainer", "model": {**tree["model"], **model}}]}})
        assert len(found.lines) > 200
        assert all(each.why for each in found.lines if each.kind == "unknown")


def test_all_kinds_are_families() -> None:
    assert set(ai_toolkit_model.FAMILIES.values()) <= {family.title for family in FAMILIES}


def test_a_job_in_full() -> None:
    found = published("ai-toolkit-sd35.yaml")
    assert found.form == "ai-toolkit job"
    assert (found.recipe.model.family, found.recipe.model.weight_dtype) == ("SD3", "fp8_e4m3fn")
    assert found.recipe.model.files == {"checkpoint": "stabilityai/stable-diffusion-3.5-large"}
    assert settings(found, "network") == {"algo": "lora", "rank": 16, "alpha": 16.0, "train": "unet"}
    assert settings(found, "noise") == {"timestep_sampling": "uniform"}
    optimizer = settings(found, "optimizer")
    assert (optimizer["optimizer_type"], optimizer["learning_rate"], optimizer["ema_decay"]) == (
        "AdamW8bit",
        1e-4,
        0.99,
    )
    assert optimizer["optimizer_args"] == "eps=1e-06"  # the program's own, where PyTorch has 1e-8
    training = settings(found, "training")
    assert (training["max_train_steps"], training["save_every_n_steps"], training["save_last_n_steps"]) == (
        2000,
        250,
        1000,
    )
    assert settings(found, "sampling")["sample_prompts"].count("\n") == 9
    assert found.recipe.datasets[0]["caption_extension"] == ".txt"
    assert {each.kind for each in found.lines} == {"taken", "translated", "meaningless"}


def test_several_resolutions_are_the_largest_and_others() -> None:
    buckets = settings(published("ai-toolkit-qwen-image-edit.yaml"), "buckets")
    assert (buckets["width"], buckets["extra_resolutions"], buckets["max_bucket_reso"]) == (1024, "768, 512", 2048)
    assert buckets["bucket_no_upscale"] is True


def test_folders_with_sizes_of_their_own() -> None:
    folders = [
        {"folder_path": "a", "resolution": 512},
        {"folder_path": "b", "resolution": [1024], "is_reg": True, "num_repeats": 3},
    ]
    found = reading(job(model=FLUX, datasets=folders))
    assert found.recipe.datasets == ({"folder": "a"}, {"folder": "b", "is_reg": True, "repeats": 3})
    assert settings(found, "buckets")["extra_resolutions"] == "512"
    assert line(found, "datasets 2: resolution").kind == "unknown"


def test_control_pictures() -> None:
    found = published("ai-toolkit-qwen-image-edit.yaml")
    assert found.recipe.datasets[0]["control_folder"] == "/path/to/control/images/folder1"
    assert line(found, "datasets: control_path").kind == "unknown"  # of the further folders
    assert settings(found, "sampling")["sample_prompts"].startswith(
        "put the cat of Image1 into Image2 --ci image1.png --ci image2.png\n"
    )


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({}, {"timestep_sampling": "sigmoid"}),
        ({"timestep_type": "linear"}, {"timestep_sampling": "uniform"}),
        ({"timestep_type": "weighted"}, {"timestep_sampling": "uniform", "flow_shift": 1.66}),
        ({"timestep_type": "shift"}, {"timestep_sampling": "uniform", "flow_shift": 3.16}),
        ({"linear_timesteps": True}, {"timestep_sampling": "sigmoid", "sigmoid_scale": 1.07}),
        (
            {"timestep_type": "linear", "content_or_style": "style"},
            {"timestep_sampling": "uniform", "flow_shift": 0.143},
        ),
        (
            {"timestep_type": "sigmoid", "content_or_style": "content"},
            {"timestep_sampling": "sigmoid", "flow_shift": 3.2},
        ),
        ({"max_denoising_steps": 600, "min_denoising_steps": 100}, {"min_timestep": 400, "max_timestep": 900}),
    ],
)
def test_timesteps_of_flow_models(train: dict[str, Any], expected: dict[str, Any]) -> None:
    found = reading(
        job(
            model=FLUX,
            network=NETWORK,
            train={"steps": 10, **train},
            datasets=[{"folder_path": "a", "resolution": 1024}],
        )
    )
    assert expected.items() <= settings(found, "noise").items()


def test_eps_models_have_no_distribution() -> None:
    found = reading(
        job(model=SDXL, network=NETWORK, train={"timestep_type": "sigmoid", "noise_offset": 0.05, "min_snr_gamma": 5})
    )
    assert settings(found, "noise") == {"noise_offset": 0.05}
    assert settings(found, "loss") == {"min_snr_gamma": 5.0}
    assert line(found, "train.timestep_type").kind == "meaningless"
    assert settings(found, "network")["preset"] == "full"  # all layers of a U-Net


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ({"optimizer": "prodigyopt", "lr": 1e-4}, {"optimizer_type": "Prodigy", "learning_rate": 1.0}),
        (
            {"optimizer": "adamw8bit", "optimizer_params": {"weight_decay": "1e-4", "betas": [0.9, 0.99]}},
            {"optimizer_type": "AdamW8bit", "optimizer_args": "eps=1e-06 weight_decay=0.0001 betas=0.9,0.99"},
        ),
        (
            {"optimizer": "adafactor"},
            {"optimizer_args": "relative_step=False scale_parameter=False warmup_init=False"},
        ),
        ({"optimizer": "adam8bit"}, {"optimizer_class": "bitsandbytes.optim.Adam8bit"}),
        (
            {"lr_scheduler": "cosine", "lr_scheduler_params": {"eta_min": 1e-5}, "lr": 1e-4},
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.1},
        ),
        (
            {"lr_scheduler": "constant_with_warmup", "lr_scheduler_params": {"num_warmup_steps": 50}},
            {"lr_scheduler": "constant_with_warmup", "lr_warmup_steps": "50"},
        ),
        (
            {"lr_scheduler": "step", "lr_scheduler_params": {"step_size": 500, "gamma": 0.5}, "steps": 1000},
            {"lr_scheduler": "piecewise_constant", "lr_step_rules": "1:500, 0.5:1000, 0.25"},
        ),
    ],
)
def test_optimizers_and_schedules(train: dict[str, Any], expected: dict[str, Any]) -> None:
    found = settings(reading(job(model=FLUX, network=NETWORK, train=train)), "optimizer")
    assert expected.items() <= found.items()


def test_steps_are_updates() -> None:
    train = {"steps": 1000, "gradient_accumulation_steps": 4}
    found = settings(reading(job(model=FLUX, network=NETWORK, train=train, save={"save_every": 100})), "training")
    assert (found["max_train_steps"], found["save_every_n_steps"], found["gradient_accumulation_steps"]) == (250, 25, 4)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (
            {"type": "lokr", "linear": 32, "lokr_factor": 8},
            {"algo": "lokr", "rank": 100000, "full_matrix": True, "factor": 8},
        ),
        ({"type": "lokr", "linear": 32, "lokr_full_rank": False}, {"algo": "lokr", "rank": 32}),
        ({"type": "lora", "rank": 8}, {"rank": 8, "alpha": 1.0}),
        ({"type": "lora"}, {"rank": 4, "alpha": 1.0}),
        (
            {**NETWORK, "network_kwargs": {"only_if_contains": ["transformer.single_transformer_blocks.7.proj_out"]}},
            {"include": r"single_blocks\.7\..*linear2"},
        ),
    ],
)
def test_networks(network: dict[str, Any], expected: dict[str, Any]) -> None:
    found = reading(job(model=FLUX, network=network, train={"steps": 10}))
    assert expected.items() <= settings(found, "network").items()
    assert "conv_rank" not in settings(reading(job(model=FLUX, network={**network, "conv": 16})), "network")


def test_without_a_network_the_model_is_trained() -> None:
    assert settings(reading(job(model=FLUX, train={"steps": 10})), "network") == {"algo": "finetune", "train": "unet"}


def test_a_trigger_word_is_in_captions_and_prompts() -> None:
    sample = {
        "prompts": ["photo of [trigger] --m 2", "[trigger] in a car --seed 7 --steps 9"],
        "seed": 3,
        "guidance_scale": 4,
    }
    found = reading(
        job(model=FLUX, network=NETWORK, trigger_word="ohwx", datasets=[{"folder_path": "a"}], sample=sample)
    )
    assert found.recipe.datasets[0]["caption_prefix"] == "ohwx"
    assert settings(found, "sampling")["sample_prompts"] == "photo of ohwx --d 3\nohwx in a car --d 7 --s 9"
    assert settings(found, "sampling")["cfg"] == 1.0  # Flux is told the guidance as a number


def test_a_process_and_a_part_of_one() -> None:
    assert published("ai-toolkit-qwen-edit-ui.json").recipe.datasets[0]["folder"] == "D:\\training\\datasets/my_style"
    fragment = published("ai-toolkit-flux-fragment.yaml")
    assert settings(fragment, "optimizer") == {
        "learning_rate": 1.0,
        "lr_scheduler": "cosine",
        "optimizer_type": "Prodigy",
        "optimizer_args": "eps=1e-06 decouple=True use_bias_correction=False betas=0.9,0.99 weight_decay=0.05",
    }


def test_jobs_that_train_nothing() -> None:
    with pytest.raises(AthanorError, match="trains nothing"):
        reading({"job": "extract", "config": {"process": [{"type": "locon"}]}})
    with pytest.raises(AthanorError, match="trains a slider"):
        reading({"job": "train", "config": {"process": [{"type": "slider", "train": {}}]}})


def test_a_yaml_that_cannot_be_read_names_its_line() -> None:
    text = "job: extension\nconfig:\n  name: a\n  process:\n    - type: sd_trainer\n      train:\n        lr: 1\n       bad\n"
    with pytest.raises(AthanorError, match="no valid YAML from line 8"):
        read([Document(name="a.yaml", data=text.encode())])


def test_wan_22_has_two_experts() -> None:
    found = published("ai-toolkit-wan22.yaml")
    assert found.recipe.model.family == "Wan 2.1 text-to-video"
    assert "experts" in line(found, "model.model_kwargs.train_high_noise").why
