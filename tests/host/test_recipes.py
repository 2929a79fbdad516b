"""The published recipes, each setting as it was published, on tiny models and pictures: they start and run two steps.

What differs: 64 pixels stand for 1024 and 2048; of recipe A's two processes one does the work, in float32, since fp16
arithmetic takes a CPU minutes a step (test_whole_run.py has it on a model small enough).
"""

import json

import graphs
import pytest
import runs_on_disk
from recipes import RECIPES

SMALL = {"width": 64, "height": 64, "min_bucket_reso": 32, "max_bucket_reso": 128, "bucket_reso_steps": 32}
WARNS = {
    "v53": "min_snr_gamma together with", "v64": "min_snr_gamma together with", "v58": "min_snr_gamma together with",
    "v57": "min_snr_gamma together with", "v59": "min_snr_gamma together with", "v60": "min_snr_gamma together with",
    "v63": "min_snr_gamma together with", "C": "debiased_estimation_loss",
}  # fmt: skip


ALIKE = ("A2", "D2", "v54", "v55", "v57", "v58", "v59", "v60", "v62", "v63")
"""They differ from their neighbours by a number or by what others have, too: A2 is A1 without a loss's weights, v54 has A1's
optimizer and weights, v58 and v63 have v64's noise, v63 accumulates as v61, and D2 has the schedule of D1 and the weights of E.
"""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if n in ALIKE else []) for n in RECIPES])
def test_recipe(server, name):
    recipe = RECIPES[name]
    parts = {key: recipe[key] for key in ("network", "loss", "noise", "optimizer", "dataset") if key in recipe}
    train = {"epochs": 99, "max_train_steps": 2, "save_every_n_epochs": 0} | recipe.get("train", {})
    train |= {"output_name": f"recipe_{name}", "save_every_n_epochs": 0}
    parts |= {"buckets": SMALL | recipe.get("buckets", {}), "validation": graphs.SMALL_PROBE}
    prompt = graphs.training(recipe["family"], train=train, **parts)
    if recipe.get("weight_dtype", "default") != "default":
        place = server.base / "models" / "diffusion_models" / "sd15.safetensors"
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to((server.base / "models" / "checkpoints" / "sd15.safetensors").resolve())
        prompt["unet"] = graphs.node("UNETLoader", unet_name="sd15.safetensors", weight_dtype=recipe["weight_dtype"])
        prompt["train"]["inputs"]["model"] = ["unet", 0]
    server.run(prompt)
    steps, events = (read(server.base, f"recipe_{name}") for read in (runs_on_disk.steps, runs_on_disk.events))
    assert [step["step"] for step in steps] == [1, 2]
    assert all(step["loss"] is not None and step["grad_norm"] is not None for step in steps)
    warned = " ".join(event["text"] for event in events if event["event"] == "warned")
    assert WARNS.get(name, "") in warned
    assert ("min_snr_gamma together with" in warned) == ("min_snr_gamma" in WARNS.get(name, ""))
    estimates = recipe.get("optimizer", {}).get("optimizer_type") in ("Prodigy", "DAdaptAdamPreprint")
    assert {step["d_lr"] is not None for step in steps} == {estimates}
    saved = [event for event in events if event["event"] == "saved"]
    assert saved[-1]["kind"] == "last" and saved[-1]["trouble"] == ""
    told = graphs.metadata(
        server.base / "models" / ("checkpoints" if name == "C" else "loras") / f"recipe_{name}.safetensors"
    )
    job = json.loads(told["athanor_job"])
    for group, key in (("network", "network"), ("loss", "loss"), ("noise", "noise"), ("optimizer", "optimizer")):
        for setting, value in recipe.get(key, {}).items():
            assert job[group][setting] == value, (group, setting)
