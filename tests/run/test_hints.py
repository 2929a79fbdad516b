"""Quiet mistakes are named before the first step, each in one sentence; sound recipes get none."""

import json
import math
from pathlib import Path

import pytest
from athanor.training_core.data.plan import Length
from athanor.training_core.families import FAMILIES
from athanor.training_core.optim import usual_rates
from athanor.training_core.run.hints import Facts, hints
from athanor.training_core.settings import NetworkSettings, OptimizerSettings, SamplingSettings, TrainingSettings
from recipes import RECIPES

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "example_workflows").glob("*.json"))
BY_TITLE = {family.title: family for family in FAMILIES}


def facts(
    steps=1000,
    epochs=10,
    seen=4000,
    family="SDXL",
    file="sd_xl_base_1.0.safetensors",
    sampling=None,
    more=None,
    **training,
):
    length = Length(steps, epochs, math.ceil(steps / epochs))
    return Facts(
        training=TrainingSettings(epochs=epochs, **training),
        sampling=SamplingSettings(**sampling) if sampling else None,
        length=length,
        seen=seen,
        family=BY_TITLE[family],
        file=file,
        **(more or {}),
    )


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"steps": 120, "seen": 120}, "the run has 120 steps in all, too few for most LoRAs (1000 and more are usual): raise epochs"),
        ({"steps": 1, "epochs": 1, "seen": 1, "max_train_steps": 1}, "(1000 and more are usual): raise max_train_steps."),
        ({"save_every_n_epochs": 20}, "Train LoRA: save_every_n_epochs is 20, the run has 10 epochs: only the last file is saved"),
        ({"save_every_n_steps": 1001}, "save_every_n_steps is 1001, the run has 1000 steps"),
        (
            {"epochs": 1, "save_every_n_epochs": 20, "save_every_n_steps": 2000},
            "save_every_n_epochs is 20, the run has 1 epoch and save_every_n_steps is 2000, the run has 1000 steps",
        ),
        ({"sampling": {"sample_every_n_epochs": 11}}, "Sample Config: sample_every_n_epochs is 11, the run has 10 epochs"),
        (
            {"sampling": {"sample_every_n_epochs": 0, "sample_every_n_steps": 5000}},
            "sample_every_n_steps is 5000, the run has 1000 steps: no sample is drawn while it trains",
        ),
        ({"family": "Flux.1 schnell", "file": ""}, "distilled to few steps (it is Flux.1 schnell)"),
        ({"more": {"pairs": True}}, "SDXL takes no control pictures: clear control_folder of Dataset Loader, or connect an edit"),
        ({"family": "InstructPix2Pix", "more": {"pairs": False}}, "made to change a picture that it is shown, and the dataset has none"),
        ({"family": "Flux.1 Canny / Depth", "more": {"pairs": False}}, "is trained on pairs alone: set control_folder"),
        ({"more": {"samplings": ("ModelSamplingAdvanced", "ModelSamplingDiscreteDistilled", "LCM", "EPS")}}, "(it is sampled as LCM)"),
        *(
            ({"file": name}, f"distilled to few steps (its file is called {name})")
            for name in (
                "sd_xl_turbo_1.0_fp16.safetensors", "sdxl_lightning_4step.safetensors", "realvisxlV50_v50LightningBakedvae.safetensors",
                "dreamshaperXL_v21TurboDPMSDE.safetensors", "LCM_Dreamshaper_v7.safetensors", "dreamshaperLCMv1.ckpt",
                "juggernaut-xl-hyper-8step.safetensors", "Hyper-SDXL-1step-Unet.safetensors", "sdxl_dmd2_4step_unet.safetensors",
            )
        ),
        ({"family": "Z-Image", "file": "z_image_turbo_bf16.safetensors"}, "z_image_turbo"),
        ({"family": "Flux.2", "file": "flux-2-klein-4b.safetensors"}, "klein"),
        ({"family": "Chroma", "file": "chroma1-flash.safetensors"}, "flash"),
        ({"family": "HiDream-I1", "file": "hidream_i1_fast_fp8.safetensors"}, "fast"),
        ({"family": "HiDream-O1", "file": ""}, "HiDream-O1 predicts pictures"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(values, words):
    (found,) = hints(facts(**values))
    assert words in found and found.endswith(".") and "\n" not in found


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 150, "seen": 2400},  # large batches
        {"save_every_n_epochs": 10, "save_every_n_steps": 1000, "sampling": {"sample_every_n_epochs": 10}},
        {"save_every_n_epochs": 0, "sampling": {"sample_every_n_epochs": 0, "sample_every_n_steps": 0}},
        # An interval in steps has no effect beside one in epochs.
        {"sampling": {"sample_every_n_epochs": 1, "sample_every_n_steps": 5000}},
        {"family": "Flux.1 schnell", "file": "OpenFLUX.1-v0.1.0.safetensors"},
        {"family": "Flux.1 schnell", "more": {"patched": True}},  # with an adapter for training
        {"family": "Flux.2", "file": "flux-2-klein-base-4b.safetensors"},
        {"family": "Flux.1 dev", "file": "flux1-dev.safetensors"},  # guidance is distilled, steps are not
        {"family": "SD3", "file": "sd3.5_large.safetensors"},
        {"family": "HiDream-O1", "file": "", "more": {"compares": "sigma_scaled"}},
        *(
            {"file": name}
            for name in (
                "hyperRealism_v3.safetensors", "turbofan_style.safetensors", "flashPhotography_v1.safetensors",
                "juggernautXL_v9Rundiffusionphoto2.safetensors", "Illustrious-XL-v0.1.safetensors", "devFastMix.safetensors", "",
            )
        ),
    ],
)  # fmt: skip
def test_no_mistake_no_sentence(values):
    assert hints(facts(**values)) == []


LENGTHS = {"A": (40, 1400), "C": (16, 4000), "D": (10, 12000), "E": (10, 1000)}
"""Epochs and steps by a recipe's first letter; the others were stopped at 1180 and 1428."""


@pytest.mark.parametrize("name", RECIPES)
def test_published_recipes_get_none(name):
    recipe = RECIPES[name]
    epochs, steps = LENGTHS.get(name[0], (10, 1180))
    saving = {"A": 2}.get(name[0], 1)
    family = "SD3" if name == "C" else "SD1.5" if name == "E" else "SDXL"
    assert hints(facts(steps, epochs, steps, family, "base.safetensors", save_every_n_epochs=saving)) == []
    network = NetworkSettings(**recipe.get("network", {}))
    optimizer = OptimizerSettings(**recipe["optimizer"])
    assert not usual_rates.far_off(optimizer, unet=network.unet, text=network.text, whole=network.algo == "finetune")


def settings_of(node, kind):
    """The settings in a node of a workflow file; the page puts a widget of its own behind a seed."""
    values = [v for v in node["widgets_values"] if v not in ("fixed", "randomize", "increment", "decrement")]
    return kind(**dict(zip(kind.model_fields, values, strict=False)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_workflows_get_none(path):
    """With as many pictures as make 500 steps, if it is not the demo, which brings its own."""
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"]
    for node in nodes:
        if node["type"] == "AthanorTrainLoRA":
            training = settings_of(node, TrainingSettings)
            sampling = [settings_of(n, SamplingSettings) for n in nodes if n["type"] == "AthanorSampleConfig"]
            found = facts(500, training.epochs, 500)
            for one in sampling or [None]:
                assert (
                    hints(
                        Facts(
                            training=training, sampling=one, length=found.length, seen=500, family=found.family, file=""
                        )
                    )
                    == []
                )
        if node["type"] == "AthanorOptimizerConfig":
            whole = any(n["type"] == "AthanorNetworkConfig" and "finetune" in n["widgets_values"] for n in nodes)
            optimizer = settings_of(node, OptimizerSettings)
            assert not usual_rates.far_off(optimizer, unet=True, text=True, whole=whole)
        if node["type"] in ("CheckpointLoaderSimple", "UNETLoader"):
            assert hints(facts(file=node["widgets_values"][0] or "")) == []
