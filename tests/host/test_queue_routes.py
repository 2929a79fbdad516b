"""The trainings of the host's queue, in a few fields."""

from __future__ import annotations

from types import SimpleNamespace


def graph(**names: object) -> dict:
    """A prompt whose Train LoRA nodes have these output names, by id, and a node that gives a name."""
    trains = {node: {"class_type": "AthanorTrainLoRA", "inputs": {"output_name": name}} for node, name in names.items()}
    return {"s": {"class_type": "PrimitiveString", "inputs": {"value": " from a node "}}, **trains}


def test_jobs_are_told_in_the_order_in_which_they_will_run(comfy, monkeypatch):
    from athanor.nodes import queue_routes

    kept = {"extra_pnginfo": {"workflow": {"id": "w1", "nodes": []}}}
    running = (1, "a", graph(n1="cat", n2="dog"), kept, ["n1"], {})
    # A heap: the second of its list may run last. Without a page there is no workflow.
    waiting = [(3, "c", graph(n1=["s", 0]), {}, ["n1"], {}), (9, "e", graph(), {}, ["s"], {}),
               (4, "d", graph(n1=["gone", 0]), {"extra_pnginfo": {"workflow": 7}}, ["n1"], {})]  # fmt: skip
    queue = SimpleNamespace(get_current_queue_volatile=lambda: ([running], waiting))
    server = SimpleNamespace(prompt_queue=queue)
    monkeypatch.setattr(queue_routes.PromptServer, "instance", server, raising=False)
    told = [(job["prompt_id"], job["running"], job["workflow_id"], job["runs"]) for job in queue_routes._queue(None)]
    assert told == [
        ("a", True, "w1", [{"node": "n1", "name": "cat"}]),  # the other one is not asked for
        ("c", False, "", [{"node": "n1", "name": "from a node"}]),
        ("d", False, "", [{"node": "n1", "name": ""}]),
        ("e", False, "", []),
    ]
