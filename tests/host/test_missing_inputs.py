"""Prompts that lack inputs: each with a default may be missing, each without is named."""

from __future__ import annotations

import copy
import inspect
import json
from pathlib import Path
from typing import Any

import own_loop
import pytest
from routes import comfyui_folders

EARLY = Path(__file__).parent / "saved_workflows" / "first_version"
"""Example workflows of commits 27c6bee (quickstart) and f1caad3, as the page of that time would have queued them."""
IDS = {
    "quickstart": ["0be165aada8bbe0a"],
    "sd15_character": ["084509b15a86e4c8"],
    "noise_and_loss_study": ["d1f7c84067f2112a", "86b3bb9ea6677483", "2191c5a5d297458f", "43ca380c7d7954ee"],
}
"""Of their runs, with fingerprints "d" and "m", as commit ca89b4c makes them: the first with ids of this kind."""
NO_FOLDER = "folder names no folder yet: choose one, upload pictures, or type the name of one in ComfyUI's input or datasets folder"
EMPTY = {
    "folder": ("ds", f"Dataset Loader node: {NO_FOLDER}"),
    "recipe": (
        "rank: 8\nalpha: 4\nepochs: 2",
        "Import Recipe node: There is nothing to import: paste a recipe or choose its file",
    ),
}
"""Input whose default is empty and refused -> one that is taken, and what is said of an empty one."""
FILES = {"ckpt_name": "checkpoints", "unet_name": "diffusion_models"}


class Source:
    """Has an output of every type that the pack's nodes take."""

    RETURN_TYPES = (
        "MODEL",
        "CLIP",
        "VAE",
        "IMAGE",
        "STRING",
        "ATHANOR_DATASET",
        "ATHANOR_BUCKETS",
        "ATHANOR_AXIS",
        "ATHANOR_RUN",
    )
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {}


@pytest.fixture(scope="module")
def kinds(comfy: None) -> dict[str, Any]:
    from athanor.nodes import AthanorExtension

    return {kind.GET_SCHEMA().node_id: kind for kind in own_loop.run(AthanorExtension().get_node_list())}


@pytest.fixture
def host(kinds, tmp_path: Path, monkeypatch) -> dict[str, Any]:
    """The pack's nodes where the host looks for them, and a few files to choose from."""
    import folder_paths
    from athanor.training_core.host.comfy_nodes import host_nodes

    comfyui_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for name, value in (
        pair for path in EARLY.glob("*.json") for n in read(path.stem).values() for pair in n["inputs"].items()
    ):
        if name == "folder":
            (tmp_path / "input" / value).mkdir(exist_ok=True)
        elif name in FILES:
            (tmp_path / "models" / FILES[name] / value).touch()
    (tmp_path / "input" / "ds").mkdir()
    (tmp_path / "models" / "loras" / "a.safetensors").touch()
    for name, kind in {**kinds, "Source": Source}.items():
        monkeypatch.setitem(host_nodes.NODE_CLASS_MAPPINGS, name, kind)
        title = name if kind is Source else kind.GET_SCHEMA().display_name
        monkeypatch.setitem(host_nodes.NODE_DISPLAY_NAME_MAPPINGS, name, title)
    return kinds


def read(name: str) -> dict[str, Any]:
    return json.loads((EARLY / f"{name}.json").read_text(encoding="utf-8"))


def specs(kind: Any) -> dict[str, tuple[bool, Any, dict[str, Any]]]:
    """Input -> whether it is required, its type, its options."""
    types = kind.INPUT_TYPES()
    return {
        name: (group == "required", spec[0], spec[1] if len(spec) > 1 else {})
        for group in ("required", "optional")
        for name, spec in types.get(group, {}).items()
    }


def whole(type_: str, kind: Any) -> dict[str, Any]:
    """A prompt with one node that has all its inputs but optional sockets."""
    inputs: dict[str, Any] = {}
    for name, (required, wanted, options) in specs(kind).items():
        if "default" in options:
            inputs[name] = EMPTY[name][0] if name in EMPTY else options["default"]
        elif required:
            is_file = name == "lora_name"
            inputs[name] = "a.safetensors" if is_file else ["source", Source.RETURN_TYPES.index(wanted)]
    return {"node": {"class_type": type_, "inputs": inputs}, "source": {"class_type": "Source", "inputs": {}}}


def without(prompt: dict[str, Any], name: str) -> dict[str, Any]:
    shorter = copy.deepcopy(prompt)
    del shorter["node"]["inputs"][name]
    return shorter


async def wrong(prompt: dict[str, Any]) -> list[str]:
    """What the command line says of a prompt; the page's road to the host's check is the same."""
    from athanor.training_core.host import graph_check

    return await graph_check.problems(prompt, "node")


def test_every_input_may_be_missing_that_has_a_default(host, monkeypatch):
    """Three roads: a request to /prompt, the command line, and packs that give graphs to the host themselves."""
    from athanor.nodes import saved_prompts as queued
    from athanor.training_core.host import saved_prompts

    async def missing() -> int:
        count = 0
        for type_, kind in host.items():
            prompt = whole(type_, kind)
            complete = copy.deepcopy(prompt)
            assert await wrong(prompt) == [], type_
            for name, (_, _, options) in specs(kind).items():
                if "default" not in options:
                    continue
                count += 1
                assert await wrong(without(prompt, name)) == [], (type_, name)
                assert saved_prompts.fit(fitted := without(prompt, name)) == []
                request = queued._fitted({"prompt": without(prompt, name), "client_id": "page"})
                if name not in EMPTY:
                    assert fitted == complete == request["prompt"], (type_, name)
                assert await wrong(fitted) == [said for each, (_, said) in EMPTY.items() if each == name], (type_, name)
        return count

    assert own_loop.run(missing()) > 250


def test_no_function_of_a_node_needs_an_input_that_has_a_default(kinds):
    """The host gives them what a prompt holds, and nodes that other nodes make while they run are not checked before."""
    for type_, kind in kinds.items():
        optional = {name for name, (_, _, options) in specs(kind).items() if "default" in options}
        for function in (kind.execute, kind.validate_inputs, kind.fingerprint_inputs):
            known = inspect.signature(function).parameters.values()
            needs = {p.name for p in known if p.default is p.empty and p.kind is not p.VAR_KEYWORD}
            assert not needs & optional, (type_, function.__name__)


def test_an_input_without_a_default_is_named(host):
    """By node, id and input, in a sentence."""

    async def told() -> dict[tuple[str, str], list[str]]:
        found = {}
        for type_, kind in host.items():
            prompt = whole(type_, kind)
            for name, (required, _, _) in specs(kind).items():
                if required:
                    found[type_, name] = await wrong(without(prompt, name))
        return found

    found = own_loop.run(told())
    assert len(found) >= 24
    assert found["AthanorTrainLoRA", "model"] == ["Train LoRA node lacks model: add it to its inputs"]
    assert found["AthanorLoRAInfo", "lora_name"] == ["LoRA Info node lacks lora_name: add it to its inputs"]
    assert all(len(some) == 1 and f" lacks {name}: " in some[0] for (_, name), some in found.items())


@pytest.mark.parametrize(
    ("type_", "name", "value", "sentence"),
    [
        ("AthanorLoRAInfo", "lora_name", "b", "LoRA Info node has no lora_name 'b': use a.safetensors"),
        ("AthanorNetworkConfig", "rank", "x", "Network Config node: rank is 'x', which is no int"),
        ("AthanorNetworkConfig", "rank", -1, "Network Config node: rank: Value -1 smaller than min of 1"),
        (
            "AthanorTrainLoRA",
            "model",
            ["source", 2],
            "Train LoRA node takes MODEL as model, not VAE: connect another output",
        ),
        (
            "AthanorDatasetLoader",
            "folder",
            "gone",
            "Dataset Loader node: folder 'gone' is not in ComfyUI's input and datasets folders; ",
        ),
    ],
)
def test_a_wrong_input_is_named(host, type_, name, value, sentence):
    prompt = whole(type_, host[type_])
    prompt["node"]["inputs"][name] = value
    (found,) = own_loop.run(wrong(prompt))
    assert found.startswith(sentence)


def test_what_is_no_graph_is_named(host):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host.graph_check import checked_part

    prompt = whole("AthanorTrainLoRA", host["AthanorTrainLoRA"])
    assert list(checked_part(prompt | {"other": 3}, "node")) == ["node", "source"]
    del prompt["source"]
    for hurt, node, told in (
        (prompt, "x", "The graph has no node 'x': use one of node."),
        (prompt, "node", "Train LoRA node takes model from node 'source', which is not in the graph"),
        (prompt | {"source": []}, "node", "Node 'source' of the graph is no node: give it a class_type and inputs."),
        (prompt | {"source": {"class_type": "Source", "inputs": []}}, "node", "Node 'source' of the graph is no node"),
    ):
        with pytest.raises(AthanorError, match=f"^{told}"):
            checked_part(hurt, node)


def run_ids(prompt: dict[str, Any]) -> list[str]:
    """Of the runs that the graph trains, in its order, with fingerprints that stand for files."""
    from athanor.training_core import settings as s

    names = {"AthanorDatasetLoader": "Dataset", "AthanorBucketer": "Bucket", "AthanorTrainLoRA": "Training"}

    def group(key: str) -> s.Settings:
        node = prompt[key]
        name = names.get(node["class_type"]) or node["class_type"].removeprefix("Athanor").removesuffix("Config")
        values = {name: value for name, value in node["inputs"].items() if not isinstance(value, list)}
        return s.parse(getattr(s, f"{name}Settings"), values)

    found = []
    for key, node in prompt.items():
        if node["class_type"] == "AthanorTrainLoRA":
            sources = {name: value[0] for name, value in node["inputs"].items() if isinstance(value, list)}
            parts = ("network", "loss", "noise", "optimizer", "cache", "conditioning", "validation")
            above = prompt[sources["buckets"]]["inputs"]["dataset"][0]
            while prompt[above]["class_type"] != "AthanorDatasetLoader":
                above = prompt[above]["inputs"]["dataset"][0]
            job = s.Job(
                datasets=(group(above),),
                buckets=group(sources["buckets"]),
                training=group(key),
                dataset_fingerprint="d",
                model_fingerprint="m",
                **{part: group(sources[part]) for part in parts if part in sources},
            )
            found.append(job.run_id)
    return found


@pytest.mark.parametrize("name", IDS)
def test_graphs_of_the_first_days_are_the_same_runs(host, name):
    """They lack inputs of today; none of theirs is gone."""
    import execution
    from athanor.training_core.host import saved_prompts

    prompt = read(name)
    before = sum(len(node["inputs"]) for node in prompt.values())
    assert run_ids(prompt) == IDS[name]
    assert saved_prompts.fit(prompt) == []  # as /prompt and the command line do
    valid, error, outputs, errors = own_loop.run(execution.validate_prompt("p", prompt, None))
    assert valid and outputs and not errors, (error, errors)
    assert sum(len(node["inputs"]) for node in prompt.values()) > before
    assert run_ids(prompt) == IDS[name]


@pytest.mark.parametrize(
    ("given", "meant"),
    [({"lr_warmup_steps": 0.0}, "0"), ({"lr_warmup_steps": 10.0}, "10"), ({"lr_warmup_steps": 0.05}, 0.05),
     ({"lr_warmup_steps": "0.0"}, "0.0"), ({"lr_warmup_steps": None}, "0"), ({}, "0"), (None, "0")],
)  # fmt: skip
def test_a_number_for_what_is_a_text_now_is_the_same_run(host, given, meant):
    """lr_warmup_steps was a number in the first days; the host made "0.0" of 0.0, and "10.0", which is none, of 10.0."""
    from athanor.training_core.host import saved_prompts

    node = {"class_type": "AthanorOptimizerConfig"} | ({} if given is None else {"inputs": given})
    assert saved_prompts.fit({"1": node}) == [] and node["inputs"]["lr_warmup_steps"] == meant
    assert own_loop.run(wrong({"node": node})) == [] and node["inputs"]["lr_warmup_steps"] == str(meant)


@pytest.mark.parametrize(("switch", "meant"), [(True, "all"), (False, "off"), ("part", "part"), (["1", 0], ["1", 0])])
def test_gradient_checkpointing_was_a_switch(host, switch, meant):
    from athanor.training_core.host import saved_prompts

    prompt = {"1": {"class_type": "AthanorTrainLoRA", "inputs": {"gradient_checkpointing": switch}}}
    saved_prompts.fit(prompt)
    assert prompt["1"]["inputs"]["gradient_checkpointing"] == meant
