"""What of a graph leads to a node: of a prompt, and of the page's workflow with its notes, groups, bends and subgraphs."""

from athanor.training_core.shared_graph import leading_to, notes


def node(number, kind, inputs=(), outputs=(), **more):
    slots = [{"name": f"in{i}", "type": "X", "link": link} for i, link in enumerate(inputs)]
    outs = [{"name": "out", "type": "X", "links": list(links)} for links in outputs]
    return {"id": number, "type": kind, "mode": 0, "inputs": slots, "outputs": outs, "widgets_values": [kind], **more}


def inner_link(number, origin, target):
    return {"id": number, "origin_id": origin, "origin_slot": 0, "target_id": target, "target_slot": 0, "type": "X"}


SUB = {
    "id": "sub", "name": "Load", "inputNode": {"id": -10}, "outputNode": {"id": -20},
    "inputs": [{"id": "i", "name": "x", "linkIds": [1]}], "outputs": [{"id": "o", "name": "y", "linkIds": [3]}],
    "nodes": [node(1, "Loader", [1], [[2, 3]]), node(2, "Show", [2]), node(3, "Note")],
    "links": [inner_link(1, -10, 1), inner_link(2, 1, 2), inner_link(3, 1, -20)],
    "groups": [{"title": "inner secret"}],
}  # fmt: skip
WORKFLOW = {
    "id": "uuid", "version": 0.4, "last_node_id": 99, "last_link_id": 99, "models": [{"name": "x"}],
    "nodes": [
        node(1, "sub", [12], [[1]]), node(2, "Reroute", [1], [[2, 5]]), node(3, "AthanorTrainLoRA", [2, 7], [[3]]),
        node(4, "AthanorXYZCompare", [3, 5]), node(5, "MarkdownNote"), node(6, "Send", [8]), node(7, "Muted", [6], mode=2),
        node(8, "Seed", [], [[7, 8, 6]]), node(9, "PrimitiveNode", [], [[12]]), node(10, "other"),
    ],
    "links": [
        [1, 1, 0, 2, 0, "X"], [2, 2, 0, 3, 0, "X"], [3, 3, 0, 4, 0, "X"], [5, 2, 0, 4, 1, "X"], [6, 8, 0, 7, 0, "X"],
        [7, 8, 0, 3, 1, "X"], [8, 8, 0, 6, 0, "X"], [12, 9, 0, 1, 0, "X"],
    ],
    "groups": [{"id": 1, "title": "outer secret"}],
    "definitions": {"subgraphs": [SUB, {**SUB, "id": "unused"}]},
    "extra": {
        "ds": {"scale": 1}, "info": {"author": "Jane"},
        "reroutes": [{"id": 1, "pos": [0, 0], "linkIds": [2, 5]}, {"id": 2, "pos": [0, 0], "linkIds": [3]}],
        "linkExtensions": [{"id": 2, "parentId": 1}, {"id": 3, "parentId": 2}],
    },
}  # fmt: skip
PROMPT = {
    "1:1": {"class_type": "Loader", "inputs": {"x": "w"}},
    "1:2": {"class_type": "Show", "inputs": {"x": ["1:1", 0]}},
    "8": {"class_type": "Seed", "inputs": {"seed": 1}, "is_changed": ["digest of a file"]},
    "3": {"class_type": "AthanorTrainLoRA", "inputs": {"model": ["1:1", 0], "seed": ["8", 0]}},
    "4": {"class_type": "AthanorXYZCompare", "inputs": {"run": ["3", 0], "prompts": "secret"}},
    "10": {"class_type": "other", "inputs": {}},
}


def test_only_what_leads_to_the_node_stays():
    part = leading_to({"prompt": PROMPT, "workflow": WORKFLOW, "more": 1}, ["3"])
    workflow = part["workflow"]
    assert list(part) == ["prompt", "workflow"] and list(part["prompt"]) == ["1:1", "8", "3"]
    assert [n["id"] for n in workflow["nodes"]] == [1, 2, 3, 6, 8, 9], "with the primitive, and what sends a value on"
    assert [link[0] for link in workflow["links"]] == [1, 2, 7, 8, 12]
    assert part["prompt"]["8"] == {"class_type": "Seed", "inputs": {"seed": 1}}
    by_id = {n["id"]: n for n in workflow["nodes"]}
    assert by_id[2]["outputs"][0]["links"] == [2] and by_id[3]["outputs"][0]["links"] == []
    assert by_id[8]["outputs"][0]["links"] == [7, 8]
    assert workflow["groups"] == [] and not {"id", "models"} & workflow.keys()
    assert workflow["extra"] == {
        "ds": {"scale": 1},
        "reroutes": [{"id": 1, "pos": [0, 0], "linkIds": [2]}],
        "linkExtensions": [{"id": 2, "parentId": 1}],
    }
    (sub,) = workflow["definitions"]["subgraphs"]
    assert [n["id"] for n in sub["nodes"]] == [1] and [link["id"] for link in sub["links"]] == [1, 3]
    assert sub["outputs"][0]["linkIds"] == [3] and sub["inputs"][0]["linkIds"] == [1] and sub["groups"] == []
    assert leading_to(part, ["3"]) == part
    assert list(notes(WORKFLOW)) == ["MarkdownNote", "outer secret", "Note", "inner secret", "Note", "inner secret"]


def test_a_workflow_of_no_known_form_is_left_out():
    for workflow in ([], "x", {"nodes": 3}, {"nodes": [{}]}, {"nodes": [], "links": [3]}, {"nodes": [None]}):
        assert list(leading_to({"prompt": PROMPT, "workflow": workflow}, ["3"])) == ["prompt"]
    assert leading_to({}, ["3"]) == {"prompt": {}}
