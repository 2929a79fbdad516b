"""A comparison tells its graph unless a run in it keeps that to itself; a damaged plan.json is no fault of the grid."""

import pytest
from athanor.training_core.compare.graph_metadata import graph_to_save


def train(**inputs: object) -> dict:
    return {"1": {"class_type": "AthanorTrainLoRA", "inputs": inputs}, "2": {"class_type": "Load", "inputs": {}}}


@pytest.mark.parametrize(
    "prompt", [train(), train(metadata="all"), train(metadata=["2", 0]), train(metadata="whole page")]
)
def test_a_graph_is_told(prompt):
    assert graph_to_save({"prompt": prompt}, prompt) == {"prompt": prompt}


@pytest.mark.parametrize("choice", ["recipe", "minimal"])
def test_a_run_that_keeps_its_graph_to_itself(choice):
    assert graph_to_save({"prompt": train(metadata=choice)}, train(metadata=choice)) == {}


@pytest.mark.parametrize("prompt", [[], "x", None, {"1": 3}, {"1": {"class_type": "AthanorTrainLoRA"}}])
def test_a_prompt_of_any_form(prompt):
    assert graph_to_save({"prompt": prompt}, prompt) == {"prompt": prompt}
