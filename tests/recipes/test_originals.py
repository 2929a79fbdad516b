"""The published recipes A to E, in the form that people have, become the settings that example_workflows/ has."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS, Reading

ORIGINALS = Path(__file__).with_name("originals")
EXAMPLES = Path(__file__).resolve().parents[2] / "example_workflows"
NAMED = {
    "datasets": ("folder", "mask_folder", "class_tokens", "caption_prefix"),
    "training": (
        "output_name",
        "seed",
    ),  # v62 has another seed in its workflow than v61, so that it is a run of its own
    "sampling": tuple(GROUPS["sampling"].model_fields),  # the recipes tell no prompts
    "validation": (),
}
"""Group -> fields that are the user's own and not a part of the recipe."""
OPEN = ("mixed_precision", "latent_sampling")
"""Settings that were not published with B, D and E, and that their workflows leave at the default."""
SNR, OFFSET, IP = {"min_snr_gamma": 5}, {"noise_offset": 0.0357}, {"ip_noise_gamma": 0.1}
PRODIGY = {"optimizer": "Prodigy", "train_batch_size": 2, "gradient_accumulation_steps": 2}
RUNS: dict[str, dict[str, Any]] = {
    "v53": SNR | OFFSET,
    "v54": {"optimizer": "Lion8bit", "learning_rate": 1e-4, "unet_lr": 1e-4, "debiased_estimation_loss": True},
    "v55": {"debiased_estimation_loss": True, "loss_type": "huber", "huber_c": 0.01},
    "v56": {"debiased_estimation_loss": True, "loss_type": "huber", "huber_c": 0.05},
    "v57": SNR | OFFSET | IP,
    "v58": SNR | IP | {"noise_offset_type": "Multires", "multires_noise_iterations": 10},
    "v59": SNR | IP | {"loss_type": "huber", "huber_c": 0.08},
    "v60": SNR | IP | {"noise_offset_type": "Multires", "multires_noise_iterations": 6},
    "v61": SNR | OFFSET | IP | PRODIGY,
    "v62": SNR | OFFSET | IP | PRODIGY,
    "v63": SNR | IP | {"gradient_accumulation_steps": 4},
    "v64": SNR | IP | {"noise_offset_type": "Multires", "multires_noise_iterations": 6, "fp8_base": False},
}
"""Run of study B -> fields of its GUI's JSON that differ from the base file's."""


class Workflow:
    """A workflow as the page saves it: nodes, their widgets by name, and where their inputs come from."""

    def __init__(self, name: str) -> None:
        saved = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
        self.nodes = {node["id"]: node for node in saved["nodes"]}
        self.links = {link[0]: link for link in saved["links"]}

    def titled(self, title: str) -> dict[str, Any]:
        return next(
            n for n in self.nodes.values() if n.get("title", "") == title or (n["type"] == title and "title" not in n)
        )

    def above(self, node: dict[str, Any], name: str) -> dict[str, Any] | None:
        slot = next(slot for slot in node["inputs"] if slot["name"] == name)
        return self.nodes[self.links[slot["link"]][1]] if slot["link"] is not None else None

    @staticmethod
    def values(node: dict[str, Any]) -> dict[str, Any]:
        names = [slot["name"] for slot in node["inputs"] if slot.get("widget")]
        values = [v for v in node["widgets_values"] if v not in ("fixed", "randomize")]
        assert len(names) == len(values)
        return dict(zip(names, values, strict=True))


def of_workflow(name: str, title: str) -> dict[str, list[dict[str, Any]]]:
    """Group -> the widgets of its node (of the datasets: of each), of one Train LoRA."""
    workflow = Workflow(name)
    train = workflow.titled(title)
    found: dict[str, list[dict[str, Any]]] = {"training": [workflow.values(train)], "datasets": []}
    for group, slot in (("sampling", "samples"), *((g, g) for g in GROUPS if g not in ("training", "sampling"))):
        node = workflow.above(train, slot)
        found[group] = [workflow.values(node)] if node else [{}]
    node = workflow.above(train, "buckets")
    while node and (node := workflow.above(node, "dataset")):
        found["datasets"].insert(0, workflow.values(node))
    return found


def plain(settings: Any) -> dict[str, Any]:
    """The values of a group, those that can be written in several ways in one: learning rates as numbers, a warm-up in steps of 1000."""
    values = settings.model_dump()
    if "unet_lr" in values:
        rate = [settings.learning_rate]
        values["unet_lr"] = settings.unet_rates() or rate
        values["text_encoder_lr"] = settings.text_encoder_rates() or rate
        values["lr_warmup_steps"] = settings.warmup(1000)
    if values.get("timestep_sampling") == "uniform" and values["flow_shift"] == 1:
        values |= {
            "timestep_sampling": "auto",
            "flow_shift": 0.0,
        }  # what auto means for SD3, the one flow model among them
    if values.get("bucket_no_upscale"):  # then the sides of buckets have no bounds
        del values["min_bucket_reso"], values["max_bucket_reso"]
    return values


def without(group: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in NAMED.get(group, ())}


def check(reading: Reading, name: str, title: str, *own: str) -> None:
    """Compare every setting of every group, but for `own` of the training, and that nothing of the recipe is unknown."""
    expected, recipe = of_workflow(name, title), reading.recipe
    for group, kind in GROUPS.items():
        wanted = kind(**{k: v for k, v in expected[group][0].items() if k in kind.model_fields})
        mine = recipe.group(group)
        mine, wanted = (without(group, plain(each)) for each in (mine, wanted))
        different = {k: (mine[k], wanted[k]) for k in mine if mine[k] != wanted[k] and k not in own}
        assert not different, f"{group}: (imported, example)"
    datasets = [recipe.dataset(i) for i in range(len(recipe.datasets))]
    assert [each.is_reg for each in datasets] == [each.get("is_reg", False) for each in expected["datasets"]]
    # sd-scripts varies captions of both folders alike; the workflow leaves those of regularization pictures as they are
    for mine, values in zip(datasets[:1], expected["datasets"], strict=False):
        wanted = type(mine)(**{k: v for k, v in values.items() if k in type(mine).model_fields})
        mine, wanted = (without("datasets", each.model_dump()) for each in (mine, wanted))
        assert {k: (mine[k], wanted[k]) for k in mine if mine[k] != wanted[k]} == {}
    assert [line for line in reading.lines if line.kind == "unknown" and line.value] == []


@cache
def original(name: str) -> Reading:
    text = (ORIGINALS / name.replace("A2", "A1")).read_text(encoding="utf-8")
    if name == "A2.sh":  # published as A1 without this option
        text = text.replace("--debiased_estimation_loss ", "").replace("style_A1_debiased", "style_A2_plain")
    return read([Document(name=name, data=text.encode())])


def study(run: str) -> Reading:
    base = json.loads((ORIGINALS / "B.kohya-gui.json").read_text(encoding="utf-8"))
    return read([Document(name=f"{run}.json", data=json.dumps(base | {"output_name": run} | RUNS[run]).encode())])


@pytest.mark.parametrize(
    ("file", "workflow", "title"),
    [
        ("A1.sh", "3 Recipe - SDXL style LoKr", "Train A1"),
        ("A2.sh", "3 Recipe - SDXL style LoKr", "Train A2"),
        ("C.sh", "3 Recipe - SD3 full fine-tune", "AthanorTrainLoRA"),
        ("D1.metadata.json", "3 Study - Three services", "Train D1 TensorArt"),
        ("D2.metadata.json", "3 Study - Three services", "Train D2 CivitAI"),
        ("D3.bat", "3 Study - Three services", "Train D3 local"),
        ("E.txt", "3 Recipe - SD1.5 character", "AthanorTrainLoRA"),
    ],
)
def test_a_published_recipe_becomes_its_example(file, workflow, title):
    check(original(file), workflow, title, *(() if file[0] in "AC" else OPEN))


@pytest.mark.parametrize("run", ["v53", "v56", "v57", "v58"])
def test_a_run_of_the_study_becomes_its_example(run):
    check(study(run), "3 Study - Noise and loss", f"Train {run}", *OPEN)


@pytest.mark.parametrize("run", ["v61", "v62", "v63"])
def test_an_unfinished_run_becomes_its_example(run):
    check(study(run), "2 Compare unfinished runs", f"Train {run}", *OPEN)


@pytest.mark.parametrize("run", sorted(RUNS))
def test_every_run_of_the_study_has_its_row(run):
    """Those that no workflow shows, too: what differs from run to run arrives, and the base's weights stay in fp8 where they were."""
    recipe = study(run).recipe
    row = {
        "min_snr_gamma": recipe.group("loss").min_snr_gamma,
        "debiased_estimation_loss": recipe.group("loss").debiased_estimation_loss,
        "loss_type": recipe.group("loss").loss_type,
        "huber_c": recipe.group("loss").huber_c,
        "noise_offset": recipe.group("noise").noise_offset,
        "ip_noise_gamma": recipe.group("noise").ip_noise_gamma,
        "multires_noise_iterations": recipe.group("noise").multires_noise_iterations,
        "optimizer": recipe.group("optimizer").optimizer_type,
        "train_batch_size": recipe.group("buckets").batch_size,
        "gradient_accumulation_steps": recipe.group("training").gradient_accumulation_steps,
        "fp8_base": recipe.model.weight_dtype == "fp8_e4m3fn",
    }
    plain = {
        "min_snr_gamma": 0,
        "debiased_estimation_loss": False,
        "loss_type": "l2",
        "huber_c": 0.1,
        "noise_offset": 0,
    }
    plain |= {
        "ip_noise_gamma": 0,
        "multires_noise_iterations": 0,
        "optimizer": "DAdaptAdamPreprint",
        "train_batch_size": 4,
    }
    plain |= {"gradient_accumulation_steps": 1, "fp8_base": True}
    assert row == {name: RUNS[run].get(name, value) for name, value in plain.items()}
    assert recipe.model.family == "SDXL"
    if row["multires_noise_iterations"]:
        assert recipe.group("noise").multires_noise_discount == 0.3


def test_the_models_of_the_recipes_are_asked_for():
    assert original("A1.sh").recipe.model.files.keys() == {"checkpoint", "vae"}
    assert {"clip_l", "clip_g", "t5xxl"} < original("C.sh").recipe.model.files.keys()
    assert original("E.txt").recipe.model.clip_skip == 2
