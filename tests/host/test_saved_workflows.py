"""Workflows that an older version has saved open and run: saved_workflows/ holds three, as the page and as the API have them.

They were saved by the pack of commit fd9d4ca in the page of ComfyUI's frontend 1.47.12, and stay as they are. What the page
makes of them is in tests/web/test_saved_workflows.py.
"""

import json
from pathlib import Path
from typing import Any

import aiohttp
import graphs
import own_loop
import pytest
import workflow
from heard import listening
from waiting import until

FOLDER = Path(__file__).parent / "saved_workflows"
NAMES = ("compare", "dataset", "train")


def read(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def bare(prompt: dict) -> dict:
    """As a version would have saved it that lacked every input which is at its default."""
    found = {}
    for key, node in prompt.items():
        known = graphs.DEFAULTS.get(node["class_type"], {})
        inputs = {n: v for n, v in node["inputs"].items() if n not in known or known[n] != v}
        found[key] = {**node, "inputs": inputs}
    return found


def outcome(server, prompt: dict) -> dict:
    """What the nodes show: run ids and comparisons; of plain pictures, their pixels."""
    entry, found = server.run(prompt), {}
    for key, shown in entry["outputs"].items():
        told = {name: value for name, value in shown.items() if name in ("athanor_run", "athanor_comparison")}
        pixels = graphs.saved(server, entry, key).tobytes() if "images" in shown and not told else b""
        if told or pixels:
            found[key] = (told, pixels)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_they_run_and_inputs_that_they_lack_take_their_defaults(server, name):
    whole = read(f"{name}.api")
    older = bare(whole)
    assert sum(len(n["inputs"]) for n in older.values()) < sum(len(n["inputs"]) for n in whole.values()) - 10
    found = outcome(server, whole)
    assert found and outcome(server, older) == found
    if name == "train":
        (run_id,) = found["8"][0]["athanor_run"]
        job = json.loads((server.base / "output" / "athanor" / "runs" / run_id / "job.json").read_text())
        assert (job["training"]["seed"], job["loss"]["huber_c"], job["network"]["blocks"]["reg_lrs"]) == (
            7,
            0.2,
            "attn=5e-5",
        )
        # The graph that a run keeps is complete: another default in a later version leaves it as it is.
        kept = job["graph"]["prompt"]
        assert all(n["inputs"].keys() >= graphs.DEFAULTS.get(n["class_type"], {}).keys() for n in kept.values())


@pytest.mark.parametrize("name", NAMES)
def test_the_pages_form_means_the_same(server, name):
    """Widgets by their position: none has moved."""
    prompt, saved = workflow.to_prompt(read(name), server.get("/object_info")), read(f"{name}.api")
    assert prompt.keys() == saved.keys()
    for key, node in prompt.items():
        known = graphs.DEFAULTS.get(node["class_type"], {})
        for input_, value in node["inputs"].items():
            assert value == saved[key]["inputs"].get(input_, known.get(input_)), (node["class_type"], input_)


def test_an_input_of_a_newer_version_is_named_once(server):
    """In the log, and on the node in the page that queued it; the prompt runs without it."""
    text = "Bucketer has no input 'input_of_tomorrow': its value is ignored."
    prompt = read("dataset.api")
    prompt["5"]["inputs"]["input_of_tomorrow"] = 3
    prompt["11"]["inputs"]["input_of_tomorrow"] = 4
    with listening(server, "of_tomorrow") as heard:

        def told() -> list[str]:
            texts = [m.data.decode("utf-8", "replace") for m in heard if m.type is aiohttp.WSMsgType.BINARY]
            return [t for t in texts if text in t]

        for _ in range(2):
            server.finish(server.queue(prompt, client="of_tomorrow"))
        until(told)
        assert server.log().count(text) == 1
        (once,) = told()
        assert once[8:].startswith("5")


def test_an_input_by_an_older_name_is_taken(comfy, monkeypatch):
    """A setting that says `was`: no setting of today does."""
    from athanor.nodes.schema import inputs
    from athanor.training_core.host import saved_prompts
    from athanor.training_core.host.comfy_nodes import host_nodes
    from athanor.training_core.settings import Settings
    from athanor.training_core.settings.base import setting
    from comfy_api.latest import io

    class Later(Settings):
        dim: int = setting(16, "A tip.", was=("network_dim", "rank"), ge=1, le=100)
        alpha: float = setting(8.0, "A tip.", ge=0, le=100)

    class AthanorLater(io.ComfyNode):
        @classmethod
        def define_schema(cls) -> io.Schema:
            return io.Schema(node_id="AthanorLater", inputs=inputs(Later))

    AthanorLater.__module__ = saved_prompts.__name__.replace("training_core.host.saved_prompts", "nodes.later")
    monkeypatch.setitem(host_nodes.NODE_CLASS_MAPPINGS, "AthanorLater", AthanorLater)
    for old, value in (("rank", 4), ("network_dim", 5), ("dim", 6)):
        prompt: dict = {"1": {"class_type": "AthanorLater", "inputs": {old: value}}}
        assert saved_prompts.fit(prompt) == []
        assert prompt["1"]["inputs"] == {"dim": value, "alpha": 8.0}
    others = {"1": {"class_type": "KSampler", "inputs": {"x": 1}}, "2": {"class_type": "gone", "inputs": {}}, "3": {}}
    assert saved_prompts.fit(others) == [] and others["1"]["inputs"] == {"x": 1}
    # A node that is none does not keep the others from their defaults: the host's sentence is about that one.
    broken: dict = {"4": None, "5": {"class_type": ["x"]}, "6": {"class_type": "AthanorLater", "inputs": [3]}, "7": "x"}
    bare_node: dict = {"8": {"class_type": "AthanorLater", "inputs": {}}}
    assert saved_prompts.fit(broken | bare_node) == [] and bare_node["8"]["inputs"] == {"dim": 16, "alpha": 8.0}
    none: tuple[Any, ...] = (["x"], "x", None)
    assert [saved_prompts.fit(what) for what in none] == [[], [], []]


def test_every_widget_has_a_default_for_graphs_that_lack_it(comfy):
    """The host refuses a graph without a required input, so a widget with a default is optional."""
    from athanor.nodes import AthanorExtension

    without, required = set(), set()
    for kind in own_loop.run(AthanorExtension().get_node_list()):
        for group, specs in kind.INPUT_TYPES().items():
            for name, (type_, *more) in specs.items() if group in ("required", "optional") else ():
                options = more[0] if more else {}
                if not isinstance(type_, list) and type_ not in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
                    continue
                if "default" not in options and not (options.get("forceInput") and group == "optional"):
                    without.add((kind.__name__, name))
                elif group == "required":
                    required.add((kind.__name__, name))
    # What these are about: a file, and captions that come by a wire.
    captions = {("AthanorMergeTags", "captions_1"), ("AthanorSaveCaptions", "captions")}
    files = {(kind, "lora_name") for kind in ("AthanorLoRAInfo", "AthanorLoRAEdit", "AthanorLoadLoRABlocks")}
    assert without == {*files, *captions} and not required
