"""OneTrainer's JSON: presets, configurations of all versions, concepts and samples."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from athanor.training_core.families import FAMILIES
from athanor.training_core.optim import args, names
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.forms.onetrainer import ONETRAINER, told
from athanor.training_core.recipes.forms.onetrainer_models import KINDS
from athanor.training_core.recipes.forms.onetrainer_optimizers import OPTIMIZERS
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import Line, Reading

HERE = Path(__file__).parent
NAMES = (HERE / "onetrainer_names.txt").read_text().split()
"""All names that OneTrainer's configurations have and had, with dots between the levels (TrainConfig, ConceptConfig, SampleConfig)."""
LORA = {"training_method": "LORA", "model_type": "STABLE_DIFFUSION_XL_10_BASE"}


def reading(tree: Any, *more: Any) -> Reading:
    return read([Document(name="a.json", data=json.dumps(each).encode()) for each in (tree, *more)])


def line(found: Reading, name: str) -> Line:
    return next(each for each in reversed(found.lines) if each.name == name)


def settings(found: Reading, group: str) -> dict[str, Any]:
    return dict(found.recipe.settings.get(group, {}))


def nested(name: str, value: Any = True) -> dict[str, Any]:
    """Return a configuration that says one name of the list, with a value that counts."""
    path = name.split(".")
    for part in reversed(path):
        value = {part: value}
    if path[0] in ("concepts", "samples"):
        value = {path[0]: [{"path" if path[0] == "concepts" else "prompt": "a", **value[path[0]]}]}
    return value


def test_every_name_of_the_program_is_known() -> None:
    assert len(NAMES) > 600
    for name in NAMES:
        for given in told({**LORA, **nested(name)}).entries:
            assert given.name in ONETRAINER.vocabulary, name


@pytest.mark.parametrize("value", [None, "x", -1, 1e300, 10**30, [1], {"a": {}}, "", False])
def test_no_value_is_too_strange(value: Any) -> None:
    tree: dict[str, Any] = {"concepts": [{"path": "a", "image": {}, "text": {}}], "samples": [{"prompt": "a"}]}
    for name in NAMES:
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
            place = place[0] if isinstance(place, list) else place
        if not isinstance(place.get(last), (dict, list)):
            place[last] = value
    for model in ("STABLE_DIFFUSION_XL_10_BASE", "FLUX_DEV_1"):
        found = reading({**tree, "training_method": "LORA", "model_type": model})
        assert len(found.lines) > 250
        assert all(each.why for each in found.lines if each.kind == "unknown")


def test_all_kinds_are_families() -> None:
    titles = {family.title for family in FAMILIES}
    assert {kind.family for kind in KINDS.values() if kind.family} <= titles


def test_a_preset_has_the_defaults_of_the_program() -> None:
    found = read([Document(name="#sdxl.json", data=(HERE / "published" / "onetrainer-sdxl.json").read_bytes())])
    assert found.recipe.model.family == "SDXL"
    assert found.recipe.group("network").rank == 16  # pyright: ignore[reportAttributeAccessIssue]
    assert settings(found, "network")["alpha"] == 1.0
    assert settings(found, "optimizer")["lr_scheduler"] == "constant_with_warmup"
    assert settings(found, "optimizer")["lr_warmup_steps"] == "200"
    assert settings(found, "training")["epochs"] == 100
    assert line(found, "lora_rank").kind == "translated"


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ({"learning_rate_scheduler": "CONSTANT", "learning_rate_warmup_steps": 0}, {"lr_scheduler": "constant"}),
        (
            {"learning_rate_scheduler": "COSINE", "learning_rate_min_factor": 0.1},
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.1},
        ),
        (
            {"learning_rate_scheduler": "COSINE_WITH_RESTARTS", "learning_rate_cycles": 2},
            {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_num_cycles": 4},
        ),
        (
            {"learning_rate_scheduler": "COSINE_WITH_HARD_RESTARTS", "learning_rate_cycles": 3},
            {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3},
        ),
        ({"learning_rate_warmup_steps": 100, "gradient_accumulation_steps": 4}, {"lr_warmup_steps": "25"}),
        ({"learning_rate_warmup_steps": 0.05}, {"lr_warmup_steps": "0.05"}),
        ({"learning_rate": 1e-4, "learning_rate_scaler": "BATCH", "batch_size": 4}, {"learning_rate": 2e-4}),
        ({"ema": "GPU", "ema_decay": 0.999, "ema_update_step_interval": 5}, {"ema_decay": 0.9998}),
        ({"clip_grad_norm": None}, {"max_grad_norm": 0.0}),
    ],
)
def test_learning(scheduler: dict[str, Any], expected: dict[str, Any]) -> None:
    found = settings(reading({**LORA, **scheduler}), "optimizer")
    assert expected.items() <= found.items()


@pytest.mark.parametrize(
    ("optimizer", "name", "arguments"),
    [
        ({"optimizer": "ADAMW", "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}, "AdamW", ""),
        ({"optimizer": "ADAMW_8BIT", "weight_decay": 0.1, "beta2": 0.99, "is_paged": True}, "PagedAdamW8bit",
         "betas=0.9,0.99 weight_decay=0.1"),
        ({"optimizer": "ADAFACTOR"}, "Adafactor", "scale_parameter=False relative_step=False"),
        ({"optimizer": "PRODIGY", "d_coef": 2.0, "slice_p": 11, "beta3": None, "growth_rate": "inf"}, "Prodigy",
         "d_coef=2 slice_p=11"),
        ({"optimizer": "PRODIGY", "beta3": 0.98, "beta2": 0.99}, "Prodigy", "betas=0.9,0.99 beta3=0.98"),
        ({"optimizer": "SCHEDULE_FREE_ADAMW"}, "AdamWScheduleFree", "weight_decay=0.01 warmup_steps=200"),
        ({"optimizer": "AdEMAMix_8BIT", "alpha": 8}, "AdEMAMix8bit", "alpha=8"),
        ({"optimizer": "CAME"}, "came_pytorch.CAME", "weight_decay=0.01"),
        ({"optimizer": "SGD", "nesterov": True, "momentum": 0.9}, "SGDNesterov", "momentum=0.9"),
    ],
)  # fmt: skip
def test_optimizers_have_their_arguments(optimizer: dict[str, Any], name: str, arguments: str) -> None:
    found = settings(reading({**LORA, "optimizer": optimizer}), "optimizer")
    assert found.get("optimizer_class") or found.get("optimizer_type") == name
    assert name in (found.get("optimizer_class"), found.get("optimizer_type"))
    assert found.get("optimizer_args", "") == arguments


@pytest.mark.long  # torch takes seconds to import
def test_optimizers_take_the_arguments_that_are_written() -> None:
    tried = 0
    for name, known in OPTIMIZERS.items():
        module, title = names.locate(known.name)
        if module.startswith("transformers") or not importlib.util.find_spec(module.partition(".")[0]):
            continue
        said: dict[str, Any] = {argument: 3 if argument == "slice_p" else 0.5 for argument in known.own}
        said |= {argument: not value for argument, value in known.own.items() if isinstance(value, bool)}
        optimizer = {"optimizer": name, **said, **dict.fromkeys(known.switched, False)}
        text = settings(reading({**LORA, "optimizer": optimizer}), "optimizer")["optimizer_args"]
        args.check(args.parse(text), getattr(importlib.import_module(module), title))
        assert len(args.parse(text)) >= len(known.own) - len(known.switched) - 2  # betas are two or three of them
        tried += 1
    assert tried > 15


def test_names_of_the_first_version() -> None:
    found = reading(
        {
            **LORA, "optimizer": "ADAMW", "optimizer_weight_decay": 0.2, "train_text_encoder": False, "unet_learning_rate": 2e-4,
            "train_text_encoder_2": False, "min_snr_gamma": 5, "noising_weight": 2.0, "noising_bias": 0.7, "save_after": 2,
            "save_after_unit": "EPOCH", "lora_layer_preset": "attn-mlp",
        }
    )  # fmt: skip
    assert settings(found, "optimizer")["optimizer_args"] == "weight_decay=0.2"
    assert settings(found, "optimizer")["unet_lr"] == "0.0002"
    assert settings(found, "network")["preset"] == "attn-mlp"
    assert settings(found, "loss")["min_snr_gamma"] == 5
    assert settings(found, "training")["save_every_n_epochs"] == 2
    assert line(found, "lora_layer_preset").kind == "translated"


@pytest.mark.parametrize(
    ("said", "train", "rates"),
    [
        ({}, "unet + text encoder", None),
        ({"text_encoder": {"train": False}, "text_encoder_2": {"train": False}}, "unet", None),
        ({"unet": {"train": False}}, "text encoder", None),
        ({"text_encoder": {"learning_rate": 1e-5}, "learning_rate": 1e-4}, "unet + text encoder", "1e-05, 0.0001"),
        ({"text_encoder_2": {"train": False}, "learning_rate": 1e-4}, "unet + text encoder", "0.0001, 0"),
    ],
)
def test_what_is_trained(said: dict[str, Any], train: str, rates: str | None) -> None:
    found = reading({**LORA, **said})
    assert settings(found, "network").get("train", "unet") == train
    assert settings(found, "optimizer").get("text_encoder_lr") == rates


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"timestep_sampling": "uniform", "flow_shift": 1.0}),
        (
            {"timestep_distribution": "LOGIT_NORMAL", "noising_weight": 0.5, "noising_bias": -0.2, "timestep_shift": 3},
            {"timestep_sampling": "logit_normal", "logit_std": 1.5, "logit_mean": -0.2, "flow_shift": 3.0},
        ),
        (
            {"timestep_distribution": "LOGIT_NORMAL", "dynamic_timestep_shifting": True},
            {"timestep_sampling": "flux_shift"},
        ),
        (
            {"timestep_distribution": "UNIFORM", "dynamic_timestep_shifting": True, "resolution": "1024"},
            {"timestep_sampling": "uniform", "flow_shift": 3.16},
        ),
        (
            {"timestep_distribution": "HEAVY_TAIL", "noising_weight": 1.3},
            {"timestep_sampling": "mode", "mode_scale": 1.3},
        ),
        ({"max_noising_strength": 0.8, "min_noising_strength": 0.1}, {"max_timestep": 800, "min_timestep": 100}),
    ],
)
def test_timesteps_of_flow_models(said: dict[str, Any], expected: dict[str, Any]) -> None:
    found = settings(reading({"training_method": "LORA", "model_type": "FLUX_DEV_1", **said}), "noise")
    assert expected.items() <= found.items()


def test_a_distribution_that_is_not_there_is_told() -> None:
    found = reading({"training_method": "LORA", "model_type": "FLUX_DEV_1", "timestep_distribution": "BETA"})
    assert line(found, "timestep_distribution").kind == "unknown"
    assert "usual for the model" in line(found, "timestep_distribution").why
    assert "timestep_sampling" not in settings(found, "noise")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"peft_type": "LOKR", "lokr_dim": 8, "lora_rank": 16, "lokr_decompose_factor": 4},
         {"algo": "lokr", "rank": 8, "factor": 4}),
        ({"peft_type": "OFT_2", "oft_block_size": 64}, {"algo": "diag-oft", "rank": 64}),
        ({"peft_type": "LOHA", "lora_rank": 4}, {"algo": "loha", "rank": 4}),
        ({"lora_decompose": True, "lora_decompose_output_axis": False}, {"dora": True, "wd_on_output": False}),
        ({"lora_rank": 32, "lora_alpha": 16}, {"rank": 32, "alpha": 16, "conv_rank": 32, "conv_alpha": 16, "preset": "full"}),
        ({"layer_filter_preset": "attn-only", "layer_filter": "attn"}, {"preset": "attn-only"}),
        ({"layer_filter_preset": "custom", "layer_filter": "attn2,ff.net"}, {"preset": "full-lin", "include": "attn2\nff\\.net"}),
        ({"training_method": "FINE_TUNE"}, {"algo": "finetune", "train": "unet"}),
    ],
)  # fmt: skip
def test_networks(said: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected.items() <= settings(reading({**LORA, **said}), "network").items()


def test_losses() -> None:
    assert settings(reading({**LORA, "loss_weight_fn": "MIN_SNR_GAMMA"}), "loss") == {"min_snr_gamma": 5.0}
    assert settings(reading({**LORA, "mse_strength": 0, "mae_strength": 1}), "loss") == {"loss_type": "l1"}
    found = reading({**LORA, "mse_strength": 1.0, "huber_strength": 0.5})
    assert settings(found, "loss") == {"loss_type": "l2"}
    assert line(found, "huber_strength").kind == "unknown"


CONCEPT = {
    "path": "D:\\pictures\\a", "name": "a", "enabled": True, "balancing": 3.0, "balancing_strategy": "REPEATS",
    "image": {"enable_random_flip": True, "enable_crop_jitter": True, "enable_random_hue": False},
    "text": {"prompt_source": "sample", "enable_tag_shuffling": True, "tag_delimiter": ", ", "keep_tags_count": 2,
             "tag_dropout_enable": True, "tag_dropout_mode": "FULL", "tag_dropout_probability": 0.1},
}  # fmt: skip


def test_concepts_are_datasets() -> None:
    off = {"path": "b", "enabled": False, "image": {}, "text": {}}
    held_out = {"path": "c", "type": "VALIDATION", "image": {}, "text": {}}
    kept = {"path": "d", "type": "PRIOR_PREDICTION", "balancing": 0.5, "image": {}, "text": {}}
    found = reading({**LORA, "concepts": [CONCEPT, off, held_out, kept]})
    assert found.recipe.datasets == (
        {
            "folder": "D:\\pictures\\a", "repeats": 3, "flip_aug": True, "shuffle_caption": True, "caption_separator": ",",
            "keep_tokens": 2, "caption_dropout_rate": 0.1,
        },
        {"folder": "d", "is_reg": True},
    )  # fmt: skip
    assert line(found, "concepts 2: path").kind == "meaningless"
    assert line(found, "concepts 4: balancing").kind == "unknown"


def test_concepts_and_samples_in_files_of_their_own() -> None:
    sample = {"prompt": "a cat --with hat", "negative_prompt": "bad", "width": 768, "height": 512, "seed": 7, "diffusion_steps": 28,
              "cfg_scale": 3.5, "noise_scheduler": "DPMPP_KARRAS", "enabled": True}  # fmt: skip
    found = reading({**LORA, "concepts": None}, [sample], [CONCEPT])
    assert found.form == "OneTrainer configuration + OneTrainer concepts + OneTrainer samples"
    assert found.recipe.datasets[0]["folder"] == "D:\\pictures\\a"
    assert (
        settings(found, "sampling")["sample_prompts"] == "a cat - with hat --n bad --w 768 --h 512 --d 7 --s 28 --l 3.5"
    )
    assert settings(found, "sampling")["scheduler"] == "karras"
    flux = reading({"training_method": "LORA", "model_type": "FLUX_DEV_1"}, [sample])
    assert settings(flux, "sampling")["sample_prompts"].endswith("--l 1")
    assert settings(reading([CONCEPT]), "training") == {}  # concepts alone imply nothing


def test_a_size_that_all_concepts_have_is_that_of_the_run() -> None:
    sized = {**CONCEPT, "image": {"enable_resolution_override": True, "resolution_override": "768"}}
    assert settings(reading({**LORA, "resolution": "512", "concepts": [sized, sized]}), "buckets")["width"] == 768
    found = reading({**LORA, "resolution": "512", "concepts": [sized, CONCEPT]})
    assert settings(found, "buckets")["width"] == 512
    assert line(found, "concepts 1: image: resolution_override").kind == "unknown"


def test_resolutions() -> None:
    found = settings(reading({**LORA, "resolution": "1024,768,1000x512"}), "buckets")
    assert (found["width"], found["height"], found["extra_resolutions"]) == (1024, 1024, "768, 1024x512")
    assert found["max_bucket_reso"] == 2048


def test_passwords_are_not_shown() -> None:
    found = reading(
        {**LORA, "secrets": {"huggingface_token": "hf_abc"}, "cloud": {"password": "hf_abc"}, "api_token": "hf_abc"}
    )
    assert "hf_abc" not in "".join(each.value for each in found.lines)


def test_models_that_are_not_trained() -> None:
    found = reading({"training_method": "LORA", "model_type": "SANA"})
    assert line(found, "model_type").kind == "unknown"
    assert found.recipe.model.family == ""


def test_a_lora_file_that_holds_its_configuration() -> None:
    header = json.dumps(
        {"__metadata__": {"ot_branch": "master", "ot_config": json.dumps({**LORA, "lora_rank": 24})}}
    ).encode()
    found = read([Document(name="a.safetensors", data=len(header).to_bytes(8, "little") + header)])
    assert found.form == "LoRA file of OneTrainer"
    assert settings(found, "network")["rank"] == 24
