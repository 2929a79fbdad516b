"""A recipe as a graph: its groups, what is set in it, what is asked for, and how questions are answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes import answers, looks
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import GROUPS, Line, Model, Recipe
from athanor.training_core.recipes.sheet import NOTE, Link

PUBLISHED = Path(__file__).parent / "published"
RECIPE = Recipe(
    model=Model(family="SDXL", files={"checkpoint": "D:\\m\\base.safetensors"}),
    settings={
        "training": {"output_name": "cat", "epochs": 40, "seed": 0},
        "network": {"rank": 64, "alpha": 8.0, "network_weights": "/a/before.safetensors"},
        "noise": {"noise_offset": 0.0},
        "optimizer": {"optimizer_type": "Prodigy", "learning_rate": 1.0},
        "buckets": {"width": 1024, "height": 1024, "batch_size": 4},
        "sampling": {"sample_prompts": "a cat --n bad --w 896 --h 1152 --l 5 --s 30 --d 7\na dog\n# not this"},
    },
    datasets=(
        {"folder": "/x/cats", "repeats": 3, "mask_folder": "/x/masks"},
        {"folder": "/x/more"},
        {"folder": "E:\\reg", "is_reg": True},
    ),
)


def test_groups_and_links():
    made = graph(RECIPE)
    assert list(dict.fromkeys(node.group for node in made.nodes)) == [
        "Model", "Pictures", "Settings", "Training", "Pick the epoch",
    ]  # fmt: skip
    before: set[str] = set()
    for node in made.nodes:
        assert {value.node for value in node.inputs.values() if isinstance(value, Link)} <= before, node
        before.add(node.id)
    assert len(before) == len(made.nodes)
    train = made.one("AthanorTrainLoRA")
    assert train.inputs["output_name"] == "cat" and train.inputs["epochs"] == 40 and "seed" not in train.inputs
    assert {"network", "optimizer", "samples"} <= train.inputs.keys()
    assert "noise" not in train.inputs, "all of it is at its default"
    assert made.one("PreviewImage").inputs == {"images": Link(train.id, 4)}


def test_only_what_is_not_at_its_default():
    made = graph(RECIPE)
    assert made.one("AthanorNetworkConfig").inputs == {"rank": 64, "network_weights": ""}
    assert made.one("AthanorBucketer").inputs.keys() == {"dataset", "width", "height", "batch_size"}
    bare = graph(Recipe())
    assert [node.kind for node in bare.nodes] == [
        NOTE, "CheckpointLoaderSimple", "AthanorDatasetLoader", "AthanorBucketer", "AthanorTrainLoRA", "PreviewImage",
        "AthanorXYZCompare",
    ]  # fmt: skip


def test_a_sample_config_at_its_defaults_is_another_thing_than_none():
    made = graph(Recipe(settings={"sampling": {"sample_every_n_epochs": 1}}))
    assert made.one("AthanorSampleConfig").inputs == {}


def test_blocks():
    made = graph(Recipe(settings={"network": {"blocks": {"block_dims": "4"}}}))
    assert made.one("AthanorBlockConfig").inputs == {"block_dims": "4"}
    assert made.one("AthanorNetworkConfig").inputs == {"blocks": Link(made.one("AthanorBlockConfig").id, 0)}


def test_datasets_lead_into_each_other_and_their_folders_are_questions():
    made = graph(RECIPE)
    first, second, third = made.each("AthanorDatasetLoader")
    assert second.inputs["dataset"] == Link(first.id, 0) and third.inputs["dataset"] == Link(second.id, 0)
    assert made.one("AthanorBucketer").inputs["dataset"] == Link(third.id, 0)
    assert first.inputs == {"folder": "", "mask_folder": "", "repeats": 3}
    texts = [each.text for each in made.questions]
    assert texts == [
        "Choose the checkpoint: the recipe used 'base.safetensors'.",
        "Choose folder 1 of pictures: the recipe used 'cats'.",
        "Choose the folder of masks: the recipe used 'masks'.",
        "Choose folder 2 of pictures: the recipe used 'more'.",
        "Choose the folder of regularization pictures: the recipe used 'reg'.",
        "Choose the LoRA to go on from, or leave it empty to begin anew: the recipe used 'before.safetensors'.",
    ]
    for each in made.questions:
        assert made.prompt()[each.node]["inputs"][each.input] == ""
    note = made.nodes[0].inputs["text"]
    assert all(text in note for text in texts)


def test_comparison():
    compare = graph(RECIPE).one("AthanorXYZCompare").inputs
    drawn = {name: value for name, value in compare.items() if not isinstance(value, Link)}
    assert drawn == {
        "prompts": "a cat\na dog", "negative": "bad", "width": 896, "height": 1152, "cfg": 5.0, "steps": 30, "seeds": "7",
        "columns": "prompt", "strengths": "1", "checkpoints": "6 even", "sampler_name": "dpmpp_2m", "scheduler": "karras",
    }  # fmt: skip


def test_the_file_of_a_model_that_is_named_as_on_its_hub():
    names = ["sub/sd_xl_base_1.0.safetensors", "flux1-dev-fp8.safetensors"]
    assert answers.same_name("stabilityai/stable-diffusion-xl-base-1.0", names) == names[0]
    assert answers.same_name("black-forest-labs/FLUX.1-dev", names) == names[1]
    assert answers.same_name("runwayml/stable-diffusion-v1-5", names) == ""


@pytest.mark.parametrize(
    "training, chosen",
    [
        ({"epochs": 6}, "all"), ({"epochs": 7}, "6 even"), ({"epochs": 40, "save_every_n_epochs": 10}, "all"),
        ({"epochs": 5, "max_train_steps": 2000}, "6 even"), ({"epochs": 100, "save_every_n_epochs": 0}, "all"),
    ],
)  # fmt: skip
def test_epochs_that_are_compared(training, chosen):
    found = looks.compared(Recipe(settings={"training": training}))
    assert found.get("checkpoints", "all") == chosen


def test_a_file_of_prompts_is_not_a_prompt():
    found = looks.compared(Recipe(settings={"sampling": {"sample_prompts": "D:/x/prompts.txt"}}))
    assert "prompts" not in found and found["columns"] == "prompt"


def test_large_training_sizes_are_drawn_smaller():
    recipe = Recipe(model=Model(family="SDXL"), settings={"buckets": {"width": 2048, "height": 1024}})
    found = looks.compared(recipe)
    assert found["width"] == 1024 and "height" not in found  # 512, as by default


def test_note_tells_what_is_not_known():
    lines = [
        Line(name="odd", value="1", kind="unknown", why="There is no such thing."),
        Line(name="a", value="", kind="taken"),
    ]
    note = graph(Recipe(), form="sd-scripts command", lines=lines).nodes[0].inputs["text"]
    assert "sd-scripts command" in note and "- odd 1: There is no such thing." in note and "- a" not in note


def test_no_setting_of_a_published_recipe_is_lost_in_its_graph():
    """Read back from the graph, every group and every folder's settings are those of the recipe; files are what was answered."""
    count = 0
    for path in sorted(PUBLISHED.iterdir()):
        document = Document(name=path.name, data=path.read_bytes())
        try:
            recipe = read([document]).recipe
        except AthanorError:  # a broken file, or none of these: test_published.py names them
            continue
        made = graph(recipe)
        prompt = made.answered({(each.node, each.input): each.said for each in made.questions}).prompt()
        back = read([Document(data=json.dumps(prompt).encode())]).recipe
        assert {name: back.group(name) for name in GROUPS} == {name: recipe.group(name) for name in GROUPS}, path.name
        numbers = range(len(recipe.datasets))
        assert [back.dataset(i) for i in numbers] == [recipe.dataset(i) for i in numbers], path.name
        assert len(back.datasets) == len(recipe.datasets)
        count += 1
    assert count > 80


def test_answers():
    made = graph(RECIPE)
    given = [("folder", "c"), ("checkpoint", "b.safetensors"), ("folder", "d")]
    found = answers.by_role(made, given)
    prompt = made.answered(found).prompt()
    loaders = [node for node in prompt.values() if node["class_type"] == "AthanorDatasetLoader"]
    assert [node["inputs"]["folder"] for node in loaders] == ["c", "d", ""]
    assert prompt["2"]["inputs"]["ckpt_name"] == "b.safetensors"
    assert [each.said for each in answers.open_questions(made, found)] == ["E:\\reg"]
    json.dumps(prompt)
    with pytest.raises(AthanorError, match="'vae' is asked for nowhere"):
        answers.by_role(made, [("vae", "x")])
    with pytest.raises(AthanorError, match="only 1 times"):
        answers.by_role(made, [("checkpoint", "x"), ("checkpoint", "y")])


@pytest.mark.parametrize(
    "said, chosen",
    [
        ("D:\\models\\AnimeFull.ckpt", "sub/animefull.safetensors"), ("animefull", "sub/animefull.safetensors"),
        ("other.safetensors", ""), ("", ""), ("/x/model.safetensors", ""), ("b\\model.safetensors", "b/model.safetensors"),
        ("c/same.safetensors", "c/same.safetensors"), ("a/model.safetensors", "a/model.safetensors"),
    ],
)  # fmt: skip
def test_the_file_of_the_same_name(said, chosen):
    names = [
        "a/model.safetensors",
        "b/model.safetensors",
        "sub/animefull.safetensors",
        "d/same.safetensors",
        "c/same.safetensors",
    ]
    assert answers.same_name(said, names) == chosen
