"""A workflow as the page saves it, converted as the page itself does it.

page_form.json was made in the page of ComfyUI's frontend 1.47.12: `workflow` is what it saves, `prompt` what it queues
(graphToPrompt), `inputs` what the host tells of the nodes. It has bypassed nodes in a chain, a reroute, primitives of both
kinds, a muted node, a note, a subgraph with a widget of its own (rank 7), and a subgraph in a subgraph.
"""

import copy
import json
from pathlib import Path

import fuzz
from athanor.training_core import page_form

FIXTURE = json.loads((Path(__file__).parent / "page_form.json").read_text(encoding="utf-8"))


def inputs_of(type_: str):
    found = FIXTURE["inputs"].get(type_)
    return found and {name: (spec[0], spec[1] if len(spec) > 1 else {}) for name, spec in found.items()}


def converted(workflow: dict):
    return page_form.to_prompt(workflow, inputs_of)


def bare(prompt: dict) -> dict:
    return {key: {name: node[name] for name in ("class_type", "inputs")} for key, node in prompt.items()}


def node(workflow: dict, type_: str) -> dict:
    return next(n for n in workflow["nodes"] if n["type"] == type_)


def test_it_is_what_the_page_would_queue():
    result = converted(FIXTURE["workflow"])
    assert bare(result.prompt) == FIXTURE["prompt"] and not result.problems
    assert result.prompt["20:4"]["inputs"]["rank"] == 7 and result.prompt["8"]["inputs"]["epochs"] == 3
    assert "cache" not in result.prompt["8"]["inputs"]  # muted


def test_seeds_of_old_workflows_and_values_by_name():
    """Before "control_after_generate" was an option, the page knew a seed by its name; some packs save values by name."""
    specs = {"Old": {"seed": ("INT", {}), "text": ("STRING", {})}}
    saved = {"links": [], "nodes": [{"id": 1, "type": "Old", "widgets_values": [5, "randomize", "words"]}]}
    want = {"seed": 5, "text": "words"}
    assert page_form.to_prompt(saved, specs.get).prompt["1"]["inputs"] == want
    saved["nodes"][0]["widgets_values"] = {**want, "button": 1}
    assert page_form.to_prompt(saved, specs.get).prompt["1"]["inputs"] == want


def test_values_of_nodes_that_have_got_widgets_in_between():
    """Before 24 Nov 2026 Train LoRA had no own_folder: all values behind output_name went to the next widget."""
    older = copy.deepcopy(FIXTURE["workflow"])
    train = node(older, "AthanorTrainLoRA")
    assert train["widgets_values"].pop(1) is False
    kept = [slot for slot in train["inputs"] if slot["name"] != "own_folder"]
    assert len(train["inputs"]) == 1 + len(kept)
    train["inputs"] = kept
    result, today = converted(older), converted(FIXTURE["workflow"])
    assert not result.problems
    key = next(key for key, each in today.prompt.items() if each["class_type"] == "AthanorTrainLoRA")
    inputs = dict(today.prompt[key]["inputs"])
    inputs.pop("own_folder")
    assert {name: value for name, value in result.prompt[key]["inputs"].items() if name != "own_folder"} == inputs


def test_a_list_that_is_out_of_step_is_told():
    workflow = copy.deepcopy(FIXTURE["workflow"])
    node(workflow, "AthanorTrainLoRA")["widgets_values"].insert(0, 3)
    (problem,) = converted(workflow).problems.values()
    assert "stands at the place of" in problem and "Export (API)" in problem


def test_a_choice_with_inputs_of_its_own_is_told():
    specs = {"New": {"kind": ("COMFY_DYNAMICCOMBO_V3", {})}}
    saved = {"links": [], "nodes": [{"id": 1, "type": "New", "widgets_values": ["a", 3]}]}
    assert "kind has inputs that depend on its choice" in page_form.to_prompt(saved, specs.get).problems["1"]


def test_a_subgraph_in_itself_has_an_end():
    inner = {"id": "s", "nodes": [{"id": i, "type": "s"} for i in range(3)], "links": []}
    workflow = {"nodes": [{"id": 1, "type": "s"}], "links": [], "definitions": {"subgraphs": [inner]}}
    with fuzz.no_hang("itself"):
        assert not page_form.to_prompt(workflow, inputs_of).prompt


def test_hurt_workflows_neither_hang_nor_raise():
    rng = fuzz.generator("page form")
    for case in range(fuzz.cases(5000)):
        workflow = copy.deepcopy(FIXTURE["workflow"])
        for _ in range(rng.randint(1, 8)):
            hurt(workflow, rng)
        with fuzz.no_hang(case):
            result = converted(workflow)
        assert all(isinstance(n["class_type"], str) for n in result.prompt.values())
        for problem in result.problems.values():
            fuzz.check_message(problem)


def hurt(value, rng) -> None:
    """Replace something in it, deep down."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:
            value = value[key]
            continue
        value[key] = rng.choice([None, [], {}, "x", -10, 1e400, True, [[1]], {"a": []}, "20", [1, 2, 3, 4, 5]])
        return
