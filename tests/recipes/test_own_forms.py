"""job.json, graphs of the API and of the page: what is written is read back, and what is in them is told."""

import json

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes import from_prompt
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.graph import graph
from athanor.training_core.recipes.read import read
from athanor.training_core.recipes.recipe import Model, Recipe
from athanor.training_core.recipes.writers import api, job
from random_recipes import recipe, same


def answered(recipe: Recipe):
    """The graph of a recipe in API form, in which every file and folder is the one that it names; and the node that trains."""
    made = graph(recipe)
    whole = made.answered({(question.node, question.input): question.said for question in made.questions})
    prompt = whole.prompt()
    return prompt, next(key for key, node in prompt.items() if node["class_type"] == "AthanorTrainLoRA")


def imported(*files) -> Recipe:
    return read([Document(name=file.name, data=file.text.encode()) for file in files]).recipe


@pytest.mark.parametrize("first", range(0, 60, 15))
@pytest.mark.parametrize("writer", [job, api])
def test_what_is_written_is_read_back(writer, first):
    for seed in range(first, first + 15):
        check_there_and_back(writer, seed)


def check_there_and_back(writer, seed: int) -> None:
    wanted = recipe(seed)
    prompt, node = answered(wanted)
    found = from_prompt.read(prompt, node, family=wanted.model.family)
    written = writer.write(found.recipe, prompt, node)
    back = imported(*written.files)
    assert same(back, found.recipe), seed
    assert ("sampling" in back.settings) == ("sampling" in wanted.settings), seed
    without_model = Recipe(model=back.model, settings=wanted.settings, datasets=wanted.datasets)
    assert same(back, without_model), (
        f"recipe {seed}: the graph says all that it does, but for files that its model has no place for"
    )


def document(value) -> Document:
    return Document(name="x.json", data=(value if isinstance(value, str) else json.dumps(value)).encode())


def test_the_variables_of_an_api_graph_name_what_one_changes():
    wanted = Recipe(
        model=Model(family="SDXL", files={"checkpoint": "base.safetensors"}),
        settings={
            "training": {"output_name": "cat", "seed": 7},
            "optimizer": {"learning_rate": 2e-4},
            "network": {"rank": 8},
        },
        datasets=({"folder": "cats"}, {"folder": "dogs"}),
    )
    prompt, node = answered(wanted)
    body = json.loads(api.write(wanted, prompt, node).files[0].text)
    variables = body["variables"]
    values = {name: each["value"] for name, each in variables.items()}
    assert (
        values.items()
        >= {"checkpoint": "base.safetensors", "output_name": "cat", "seed": 7, "epochs": 10, "rank": 8}.items()
    )
    assert values.items() >= {"learning_rate": 2e-4, "folder": "cats", "folder_2": "dogs", "batch_size": 1}.items()
    for each in variables.values():
        assert body["prompt"][each["node"]]["inputs"][each["input"]] == each["value"]
        assert each["about"]
    assert all(node["class_type"] != "AthanorXYZCompare" for node in body["prompt"].values()), (
        "only what leads to the training"
    )


def test_a_variable_stands_where_its_value_does():
    prompt = {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": 3}},
        "2": {"class_type": "AthanorTrainLoRA", "inputs": {"epochs": ["1", 0], "seed": ["3", 0]}},
        "3": {"class_type": "SomeMath", "inputs": {}},
    }
    body = json.loads(api.write(Recipe(datasets=({},)), prompt, "2").files[0].text)
    assert body["variables"]["epochs"] == {
        "node": "1", "input": "value", "value": 3, "about": "how often the whole dataset is trained"
    }  # fmt: skip
    assert "seed" not in body["variables"], "another node gives it"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"1": {"class_type": "KSampler", "inputs": {}}}, "without a Train LoRA node"),
        ({"training": {"epochs": 0}, "buckets": {}, "datasets": []}, "job.json: training.epochs is 0"),
        ({"training": {}, "buckets": {}, "datasets": [5]}, "datasets.0 is '5'"),
        ({"nodes": [], "links": []}, "without a Train LoRA node"),
    ],
)
def test_what_is_wrong_is_one_sentence(value, sentence):
    with pytest.raises(AthanorError, match=sentence):
        read([document(value)])


def test_of_several_trainings_one_is_taken_and_told():
    wanted = Recipe(settings={"training": {"output_name": "a"}}, datasets=({"folder": "cats"},))
    prompt, node = answered(wanted)
    more = {**prompt, "99": {**prompt[node], "inputs": {**prompt[node]["inputs"], "output_name": "b"}}}
    reading = read([document({"prompt": more})])
    assert reading.recipe.settings["training"]["output_name"] == "a"
    assert "trains 2 LoRAs" in next(line.why for line in reading.lines if line.kind == "unknown")
    assert read([document({"prompt": more, "node": "99"})]).recipe.settings["training"]["output_name"] == "b"
