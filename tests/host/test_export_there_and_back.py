"""A run exported through a real server and trained again from what was exported: it is the same run, so nothing is trained."""

from __future__ import annotations

import json

import graphs
import pytest
import runs_on_disk

NAME = "there_and_back"


@pytest.fixture(scope="module")
def run(server):
    """The id of a run of two steps."""
    graph = graphs.training("sd3", train={"output_name": NAME, "max_train_steps": 2, "save_every_n_epochs": 0})
    server.run(graph)
    return runs_on_disk.run_folder(server.base, NAME).name


def runs(server) -> list[str]:
    return [each["run_id"] for each in server.get(f"/athanor/runs?short=1&name={NAME}")]


def steps(server) -> int:
    return len(runs_on_disk.steps(server.base, NAME))


def test_json_for_the_api_is_posted_as_it_is(server, run):
    (file,) = server.post("/athanor/recipes/export", {"form": "api", "run": run})["files"]
    before = steps(server)
    answer = server.post("/prompt", json.loads(file["text"]))
    server.finish(answer["prompt_id"])
    assert runs(server) == [run] and steps(server) == before


@pytest.mark.parametrize("form", ["command", "job", "api"])
def test_what_was_exported_is_imported_and_is_the_same_run(server, run, form):
    files = server.post("/athanor/recipes/export", {"form": form, "run": run})["files"]
    answer = server.post("/athanor/recipes/read", {"files": files})
    assert not [line for line in answer["lines"] if line["kind"] == "unknown"], answer["lines"]
    assert answer["family"] == "SD3"
    assert {each["role"]: each["chosen"] for each in answer["questions"] if each["said"]} == {
        "checkpoint": "sd3.safetensors", "folder": "ds"
    }  # fmt: skip
    before = steps(server)
    prompt = {key: node for key, node in answer["prompt"].items() if node["class_type"] != "AthanorXYZCompare"}
    server.run(prompt)
    assert runs(server) == [run] and steps(server) == before
