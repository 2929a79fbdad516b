"""Values that no page sends, for every input of every node: through the door of /prompt and the host's own check, and into the nodes."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz
import own_loop
import pytest
from routes import comfyui_folders

VALUES: tuple[Any, ...] = (
    None, True, False, 0, 5, -1, 1.5, 75, 2**70, 10**400, 1e308, math.nan, math.inf, -math.inf, "", "x", "5", "false", "NaN", "1e400",
    "\0", "\ud800", "a" * 100_000, [], ["a"], [1, 2, 3], ["a", "b"], ["gone", 0], ["source", 99], ["source", "x"], ["source", True],
    ["source", 10**400], ["source", math.nan], [["a"], 0], [None, 0], [{}, {}], {}, {"a": 1}, {"__value__": ["source", 0]},
    {"__value__": {}}, {"__value__": None}, {"__value__": "x"}, {"__value__": math.nan},
)  # fmt: skip
OUTPUTS = (
    "MODEL", "CLIP", "VAE", "IMAGE", "STRING", "LATENT", "MASK", "LORA", "ATHANOR_DATASET", "ATHANOR_BUCKETS", "ATHANOR_AXIS",
    "ATHANOR_RUN", "ATHANOR_COMPARISON",
)  # fmt: skip


class Source:
    """Has an output of every type that a node of the pack must have."""

    RETURN_TYPES = OUTPUTS
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {}


class Sink:
    """Takes anything, so that the host checks what leads to it."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"any": ("*",)}}


@pytest.fixture(scope="module")
def kinds(comfy, tmp_path_factory):
    """The pack's nodes by name, as the host knows them."""
    import folder_paths
    from athanor.nodes import AthanorExtension
    from athanor.training_core.host.comfy_nodes import host_nodes

    base: Path = tmp_path_factory.mktemp("inputs")
    with pytest.MonkeyPatch.context() as patch:
        comfyui_folders(base, patch)
        patch.setattr(folder_paths, "filename_list_cache", {})
        (base / "input" / "ds").mkdir()
        (base / "models" / "loras" / "a.safetensors").touch()
        found = {kind.GET_SCHEMA().node_id: kind for kind in own_loop.run(AthanorExtension().get_node_list())}
        for name, kind in {**found, "Source": Source, "Sink": Sink}.items():
            patch.setitem(host_nodes.NODE_CLASS_MAPPINGS, name, kind)
        yield found


def specs_of(kind: Any) -> dict[str, Any]:
    types = kind.INPUT_TYPES()
    return {**types.get("required", {}), **types.get("optional", {})}


def whole(type_: str, kind: Any) -> dict[str, Any]:
    """A graph around one node, whose inputs are all there."""
    inputs: dict[str, Any] = {}
    for name, (wanted, *more) in specs_of(kind).items():
        options = more[0] if more else {}
        if "default" in options:
            inputs[name] = "ds" if name == "folder" else options["default"]
        elif name in kind.INPUT_TYPES().get("required", {}):
            inputs[name] = "a.safetensors" if name == "lora_name" else ["source", OUTPUTS.index(wanted)]
    graph = {"node": {"class_type": type_, "inputs": inputs}, "source": {"class_type": "Source", "inputs": {}}}
    return (
        graph
        if kind.GET_SCHEMA().is_output_node
        else graph | {"sink": {"class_type": "Sink", "inputs": {"any": ["node", 0]}}}
    )


def test_every_input_takes_every_value_of_json(kinds):
    """`output_name: ["a"]` was an AttributeError, a link to nowhere a KeyError, and text for a model came as far as the node."""
    import execution
    from athanor.nodes import saved_prompts as queued

    rng = fuzz.generator("inputs")
    inputs = [(type_, name) for type_, kind in kinds.items() for name in specs_of(kind)]
    every = [(type_, name, value) for type_, name in inputs for value in VALUES]
    cases = (
        every
        if fuzz.FULL
        else [(*rng.choice(inputs), value) for value in VALUES * 3] + [("AthanorTrainLoRA", "output_name", ["a"])]
    )

    async def checked(prompt: dict[str, Any]) -> tuple[bool, Any, Any, dict[str, Any]]:
        return await execution.validate_prompt("id", prompt, None)

    for type_, name, value in cases:
        prompt = whole(type_, kinds[type_])
        prompt["node"]["inputs"][name] = copy.deepcopy(value)
        queued._fitted({"prompt": prompt})
        case = (type_, name, repr(value)[:60])
        fine, error, _, by_node = own_loop.run(checked(prompt))
        json.dumps(
            [prompt, error, by_node], allow_nan=False
        )  # NaN is no JSON: a client could not read the answer or the queue
        if fine:
            given = prompt["node"]["inputs"].get(name)
            assert not isinstance(given, list | dict) or given[0] in prompt, case
            continue
        assert list(by_node) == ["node"], (case, error)
        for one in by_node["node"]["errors"]:
            assert "exception" not in one["type"], (case, one)
            assert len(one["message"] + one["details"]) < fuzz.LONGEST, case
        assert name in {one["extra_info"]["input_name"] for one in by_node["node"]["errors"]}, (case, by_node)


def test_what_other_nodes_compute_is_refused_in_a_sentence(kinds, monkeypatch):
    """A node of another pack may give anything for a widget that it is connected to: those nodes that need no model are run."""
    from athanor.training_core.errors import AthanorError

    rng = fuzz.generator("computed inputs")
    free = {type_: kind for type_, kind in kinds.items() if not kind.INPUT_TYPES().get("required")}
    for kind in free.values():
        monkeypatch.setattr(kind, "hidden", SimpleNamespace(prompt={}, dynprompt=None, unique_id="1"))
    inputs = [
        (type_, name) for type_, kind in free.items() for name, spec in specs_of(kind).items() if "default" in spec[-1]
    ]
    every = [(*each, value) for each in inputs for value in VALUES]
    for type_, name, value in every if fuzz.FULL else rng.sample(every, 120):
        given = whole(type_, free[type_])["node"]["inputs"] | {name: value}
        try:
            free[type_].execute(**given)
        except AthanorError as error:
            fuzz.check_message(str(error))
        except Exception as error:
            raise AssertionError((type_, name, repr(value)[:60], repr(error)[:200])) from error
