"""A prompt that is refused says once what is wrong."""

from __future__ import annotations

import json
from types import SimpleNamespace

import own_loop
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer


def error(name: str, sentence: str, kind: str = "custom_validation_failed") -> dict:
    return {"type": kind, "message": "", "details": f"{name} - {sentence}", "extra_info": {"input_name": name}}


def test_a_sentence_is_said_once_at_the_input_that_it_names(comfy, monkeypatch):
    """The host repeats it for checkpoints, strengths and seeds of XYZ Compare, which are checked together."""
    from athanor.nodes import refusals

    wrong = "seeds: 'x' is no number, and strengths may be several."
    names = ("checkpoints", "strengths", "seeds")
    small = error("steps", "too small", "exception_during_inner_validation")
    nodes = {
        "1": {"class_type": "AthanorXYZCompare", "errors": [small, *(error(name, wrong) for name in names)]},
        "2": {"class_type": "Theirs", "errors": [error(name, wrong) for name in names]},
    }

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"error": "refused", "node_errors": nodes}, status=400)

    async def session() -> dict:
        app = web.Application()
        monkeypatch.setattr(refusals.PromptServer, "instance", SimpleNamespace(app=app), raising=False)
        refusals.register()
        app.router.add_post("/prompt", answer)
        async with TestClient(TestServer(app)) as client, client.post("/prompt") as response:
            assert response.status == 400
            return json.loads(await response.text())

    told = own_loop.run(session())["node_errors"]
    assert told["1"]["errors"] == [small, error("seeds", wrong)] and told["2"] == nodes["2"]


def test_answers_of_another_form_go_through(comfy):
    """A node type of the very name of the error's kind, a list for no node errors, and errors that are about no input."""
    from athanor.nodes import refusals

    for text in ('{"error": "custom_validation_failed", "node_errors": []}', '["custom_validation_failed"]'):
        assert refusals.said_once(text) == text
    cycle = {"type": "dependency_cycle", "message": "", "details": "1 -> 1", "extra_info": {}}
    nodes = {"1": {"class_type": "AthanorXYZCompare", "errors": [cycle, cycle]}}
    (only,) = json.loads(refusals.said_once(json.dumps({"node_errors": nodes})))["node_errors"]["1"]["errors"]
    assert only["details"] == "Its outputs lead back to its own inputs (1 -> 1): take one of these links out."


def test_a_value_of_another_kind_is_told_by_its_sentence_and_not_as_a_bad_link(comfy):
    """The page said "Bad linked input, must be a length-2 list" of a learning rate that is NaN."""
    from athanor.nodes import refusals
    from athanor.training_core.host import json_values

    refused = json_values.as_meant("epochs", float("nan"), ("INT", {}), {})
    more = {"input_name": "epochs", "input_config": ["INT", {}], "received_value": refused}
    link = {"type": "bad_linked_input", "message": "Bad linked input", "details": "epochs", "extra_info": more}
    nodes = {
        "1": {"class_type": "AthanorTrainLoRA", "errors": [link, error("epochs", str(refused))]},
        "2": {"class_type": "Theirs", "errors": [link]},
    }
    told = json.loads(refusals.said_once(json.dumps({"node_errors": nodes})))["node_errors"]
    (only,) = told["1"]["errors"]
    assert (only["type"], only["details"]) == ("custom_validation_failed", f"epochs - {refused}")
    assert told["2"]["errors"][0]["type"] == "bad_linked_input"


def test_what_the_host_refuses_is_told_by_a_sentence_that_says_what_to_do(comfy, monkeypatch):
    """It named the input and no more: "Required input is missing", "buckets"."""
    from athanor.nodes import AthanorBucketer, AthanorTrainLoRA, refusals
    from athanor.training_core.host.comfy_nodes import host_nodes

    kinds = {"AthanorTrainLoRA": AthanorTrainLoRA, "AthanorBucketer": AthanorBucketer}
    monkeypatch.setattr(host_nodes, "NODE_CLASS_MAPPINGS", kinds)
    monkeypatch.setattr(host_nodes, "NODE_DISPLAY_NAME_MAPPINGS", {"AthanorBucketer": "Bucketer"})

    def refused(kind: str, name: str, **more: object) -> dict:
        return {"type": kind, "message": "", "details": name, "extra_info": {"input_name": name, **more}}

    bounds = ["INT", {"min": 1, "max": 9}]
    errors = [
        refused("required_input_missing", "buckets"),
        refused("required_input_missing", "clip"),
        refused("return_type_mismatch", "vae", input_config=["VAE", {}], received_type="CLIP", linked_node=["1", 1]),
        refused("value_smaller_than_min", "epochs", input_config=bounds, received_value=0),
        refused("value_bigger_than_max", "epochs", input_config=bounds, received_value=10),
        refused("value_not_in_list", "log_with", input_config=None, received_value="tensorbord"),
    ]
    text = json.dumps({"node_errors": {"1": {"class_type": "AthanorTrainLoRA", "errors": errors}}})
    told = json.loads(refusals.said_once(text))["node_errors"]["1"]["errors"]
    assert [(one["type"], one["extra_info"]) for one in told] == [(one["type"], one["extra_info"]) for one in errors]
    assert [one["details"] for one in told] == [
        "buckets - buckets is not connected: connect the output buckets of Bucketer to it.",
        "clip - clip is not connected: connect the output CLIP of Load Checkpoint to it.",
        "vae - vae is connected to an output of another type (CLIP): connect the output VAE of Load Checkpoint to it.",
        "epochs - epochs is 0: its least value is 1.",
        "epochs - epochs is 10: its greatest value is 9.",
        "log_with - log_with 'tensorbord' is not among its choices; the nearest: tensorboard.",
    ]
