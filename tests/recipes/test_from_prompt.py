"""A graph in API form -> the recipe that it trains by, and what a recipe has no words for."""

import json
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes import from_prompt
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read

EXAMPLES = Path(__file__).parents[2] / "example_workflows"
SMALL = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
    "2": {"class_type": "AthanorDatasetLoader", "inputs": {"folder": "cats"}},
    "3": {"class_type": "AthanorBucketer", "inputs": {"dataset": ["2", 0], "width": 1024, "height": 1024}},
    "5": {
        "class_type": "AthanorTrainLoRA",
        "inputs": {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "buckets": ["3", 0], "epochs": 4},
    },
}


def graph(**nodes):
    """The small graph with further nodes, or with other inputs of its nodes."""
    made = json.loads(json.dumps(SMALL))
    for key, node in nodes.items():
        key = key.lstrip("n")
        made[key] = node if "class_type" in node else {**made[key], "inputs": {**made[key]["inputs"], **node}}
    return made


def node(kind: str, **inputs):
    return {"class_type": kind, "inputs": inputs}


def test_a_small_graph():
    found = from_prompt.read(SMALL, "5", family="SDXL")
    assert found.left_out == ()
    recipe = found.recipe
    assert (recipe.model.family, recipe.model.files) == ("SDXL", {"checkpoint": "base.safetensors"})
    assert recipe.settings == {"training": {"epochs": 4}, "buckets": {"width": 1024, "height": 1024}}
    assert recipe.datasets == ({"folder": "cats"},)


def test_older_names_and_values_are_taken_for_the_new_ones():
    made = graph(
        n5={"gradient_checkpointing": True, "mixed_precision": None, "seed": "7"}, n2={"max_token_length": 225}
    )
    recipe = from_prompt.read(made, "5").recipe
    assert recipe.settings["training"] == {"epochs": 4, "gradient_checkpointing": "all", "seed": 7}
    assert recipe.datasets[0]["max_token_length"] == "225"


def test_values_come_through_primitives():
    made = graph(n5={"epochs": ["7", 0]}, n7=node("PrimitiveInt", value=["8", 0]), n8=node("PrimitiveInt", value=9))
    found = from_prompt.read(made, "5")
    assert found.recipe.settings["training"]["epochs"] == 9
    assert not found.left_out


def test_what_is_not_known_before_the_graph_runs_is_told():
    made = graph(n5={"epochs": ["7", 0]}, n7=node("SomeMath", a=1))
    found = from_prompt.read(made, "5")
    assert "training" not in found.recipe.settings
    assert "epochs comes from SomeMath (7)" in found.left_out[0]


def test_links_in_a_circle_come_to_an_end():
    made = graph(
        n5={"epochs": ["7", 0], "model": ["8", 0]},
        n7=node("PrimitiveInt", value=["7", 0]),
        n8=node("X", model=["8", 0]),
    )
    made["2"]["inputs"]["dataset"] = ["2", 0]
    assert from_prompt.read(made, "5").recipe.datasets == ({"folder": "cats"},)


def test_what_stands_between_the_loaders_and_the_training():
    made = graph(
        n5={"model": ["9", 0], "clip": ["8", 0], "vae": ["10", 0]},
        n7=node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="detail.safetensors", strength_model=1.0),
        n8=node("CLIPSetLastLayer", clip=["7", 1], stop_at_clip_layer=-2),
        n9=node("ModelSamplingDiscrete", model=["7", 0], sampling="v_prediction", zsnr=False),
        n10=node("VAELoader", vae_name="fix.safetensors"),
    )
    found = from_prompt.read(made, "5")
    model = found.recipe.model
    assert (model.clip_skip, model.v_prediction) == (2, True)
    assert model.files == {"checkpoint": "base.safetensors", "vae": "fix.safetensors"}
    assert len(found.left_out) == 1 and "detail.safetensors" in found.left_out[0]


@pytest.mark.parametrize("swapped", [False, True])
def test_text_encoders_have_their_roles_by_name_or_by_place(swapped):
    names = ("clip_l.safetensors", "t5xxl_fp16.safetensors")
    first, second = reversed(names) if swapped else names
    made = graph(
        n5={"model": ["7", 0], "clip": ["8", 0], "vae": ["9", 0]},
        n7=node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="fp8_e4m3fn"),
        n8=node("DualCLIPLoader", clip_name1=first, clip_name2=second, type="flux"),
        n9=node("VAELoader", vae_name="ae.safetensors"),
    )
    model = from_prompt.read(made, "5").recipe.model
    assert model.files == {
        "diffusion_model": "flux1-dev.safetensors",
        "clip_l": names[0],
        "t5xxl": names[1],
        "vae": "ae.safetensors",
    }
    assert (model.family, model.weight_dtype) == ("Flux.1 dev", "fp8_e4m3fn")


def test_datasets_in_their_order_and_what_changes_them():
    made = graph(
        n2={"folder": "b", "dataset": ["7", 0]},
        n7=node("AthanorCaptionEdit", dataset=["8", 0]),
        n8=node("AthanorDatasetLoader", folder="a", repeats=3),
    )
    found = from_prompt.read(made, "5")
    assert found.recipe.datasets == ({"folder": "a", "repeats": 3}, {"folder": "b"})
    assert "Caption Edit (7) changes captions" in found.left_out[0]


def test_a_connected_sample_config_at_its_defaults_draws_pictures():
    made = graph(n5={"samples": ["7", 0]}, n7=node("AthanorSampleConfig"))
    assert from_prompt.read(made, "5").recipe.settings["sampling"] == {"sample_every_n_epochs": 1}


def test_settings_that_do_not_go_together_name_their_node():
    made = graph(n5={"network": ["7", 0]}, n7=node("AthanorNetworkConfig", algo="finetune", train="text encoder"))
    with pytest.raises(AthanorError, match=r"Network Config \(7\): algo finetune trains"):
        from_prompt.read(made, "5")


@pytest.mark.parametrize("prompt", [{}, {"5": "x"}, {"5": node("KSampler")}, None])
def test_no_such_node(prompt):
    with pytest.raises(AthanorError, match="no Train LoRA node '5'"):
        from_prompt.read(prompt, "5")


def test_a_job_of_an_older_version():
    job = {
        "training": {"epochs": 3, "gradient_checkpointing": True, "of_tomorrow": 1},
        "sampling": None,
        "datasets": [{"folder": "a"}],
    }
    recipe = from_prompt.of_job(job, SMALL, "5").recipe
    assert recipe.settings == {"training": {"epochs": 3, "gradient_checkpointing": "all"}}
    assert recipe.model.files == {"checkpoint": "base.safetensors"}
    text = json.dumps({**job, "buckets": {}})
    lines = read([Document(name="job.json", data=text.encode())]).lines
    assert [line.why for line in lines if line.kind == "unknown"] == [
        "This version has no setting 'training.of_tomorrow'."
    ]


def workflow(name: str):
    return read([Document(name=f"{name}.json", data=(EXAMPLES / f"{name}.json").read_bytes())])


def test_a_workflow_of_the_page():
    recipe = workflow("3 Recipe - SDXL style LoKr").recipe
    assert recipe.model.files == {
        "checkpoint": "Illustrious-XL-v0.1.safetensors",
        "vae": "sdxl-vae-fp16-fix.safetensors",
    }
    assert recipe.settings["network"].items() >= {"algo": "lokr", "rank": 100000, "factor": 8, "preset": "full"}.items()
    assert recipe.settings["optimizer"]["optimizer_type"] == "Lion8bit"
    assert recipe.settings["training"]["epochs"] == 40
    assert recipe.datasets[0]["max_token_length"] == "225"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("[13] *.json")), ids=lambda path: path.stem)
def test_every_example_that_trains_is_read(path):
    reading = workflow(path.stem)
    assert reading.recipe.settings["training"]["output_name"]
    assert reading.recipe.datasets[0].get("repeats") or reading.recipe.datasets[0].get("folder")


def test_a_workflow_that_trains_nothing_says_so():
    with pytest.raises(AthanorError, match="without a Train LoRA node"):
        workflow("2 Caption pictures")
