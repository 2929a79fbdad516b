"""Workflows of an older version in the page, in both renderers: every value in its widget, defaults where it had fewer.

The page keeps the values of a node's widgets as a list and gives them back by position; inputs it finds by name.
"""

import copy
import json
from pathlib import Path
from typing import Any

import graphs
import pytest
from waiting import until
from web_page import Page

FOLDER = Path(__file__).resolve().parents[1] / "host" / "saved_workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json") if not path.stem.endswith(".api"))
WIDGETS = """() => Object.fromEntries(window.comfyAPI.app.app.graph.nodes.map(
    (node) => [node.id, (node.widgets ?? []).filter((w) => w.serialize !== false).map((w) => w.name)]))"""


def read(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def opened(page: Page, workflow: dict[str, Any]) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Open it; the names of the widgets that the page saves, by node, and the inputs that it would queue."""
    page.page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'older')", workflow)
    page.settle(15)
    queued = page.page.evaluate("async () => (await window.comfyAPI.app.app.graphToPrompt()).output")
    return page.page.evaluate(WIDGETS), {key: node["inputs"] for key, node in queued.items()}


def cut(workflow: dict[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """As versions saved it whose nodes had half as many widgets; and how many those are."""
    older, left = copy.deepcopy(workflow), {}
    for node in older["nodes"]:
        if node["type"].startswith("Athanor"):
            left[str(node["id"])] = half = len(node["widgets_values"]) // 2
            node["widgets_values"] = node["widgets_values"][:half]
            gone = {slot["name"] for slot in [s for s in node["inputs"] if s.get("widget")][half:]}
            node["inputs"] = [slot for slot in node["inputs"] if slot["name"] not in gone]
    return older, left


def with_gaps(workflow: dict[str, Any], gone: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """As versions before 24 Nov 2026 saved it, whose nodes lacked widgets that stand between others since."""
    older = copy.deepcopy(workflow)
    for node in older["nodes"]:
        for name in gone.get(node["type"], ()):
            names = [slot["name"] for slot in node["inputs"] if slot.get("widget")]
            if "seed" in names:
                names.insert(names.index("seed") + 1, "control_after_generate")
            del node["widgets_values"][names.index(name)]
            node["inputs"] = [slot for slot in node["inputs"] if slot["name"] != name]
    return older


def with_more(workflow: dict[str, Any]) -> dict[str, Any]:
    """As a newer version would save it, whose nodes have one more widget, and a value for it."""
    newer = copy.deepcopy(workflow)
    for node in newer["nodes"]:
        if node["type"].startswith("Athanor"):
            slot = {"name": "input_of_tomorrow", "type": "INT", "link": None}
            node["inputs"].append(slot | {"widget": {"name": slot["name"]}})
            node["widgets_values"].append(3)
    return newer


@pytest.fixture
def vue() -> bool:
    return False


def test_values_stay_in_their_widgets(used_page, site):
    """On the canvas those of older and of newer versions. Vue nodes are opened by the same code, and then draw their widgets."""
    page = used_page
    values_of_nodes_that_have_got_widgets_in_between(page)
    for name in NAMES:
        saved, whole = read(f"{name}.api"), read(name)
        kinds = {key: node["class_type"] for key, node in saved.items()}
        widgets, queued = opened(page, whole)
        for key, node in saved.items():
            assert {n: queued[key][n] for n in node["inputs"]} == node["inputs"], (name, kinds[key])
        older, left = cut(whole)
        _, queued = opened(page, older)
        for key, count in left.items():
            for place, widget in enumerate(widgets[key]):
                if widget in saved[key]["inputs"]:  # not control_after_generate, which is no input
                    source = saved[key]["inputs"] if place < count else graphs.DEFAULTS[kinds[key]]
                    assert queued[key][widget] == source[widget], (name, kinds[key], widget)
        newer_versions_too(page, name)
    page.renderer(True)
    for name in NAMES:
        newer_versions_too(page, name)
    # What the page queues are the nodes' inputs and nothing else.
    opened(page, read("dataset"))
    before, log = set(site.get("/history")), len(site.log())
    page.queue()
    done = until(lambda: [entry for key, entry in site.get("/history").items() if key not in before])
    assert done[0]["status"]["status_str"] == "success" and "has no input" not in site.log()[log:]


def newer_versions_too(page, name: str) -> None:
    saved = read(f"{name}.api")
    _, queued = opened(page, with_more(read(name)))
    for key, node in saved.items():
        assert {n: queued[key][n] for n in node["inputs"]} == node["inputs"], (name, node["class_type"])
    assert not page.page.locator(".p-toast-message-error, .p-dialog").count(), name


def values_of_nodes_that_have_got_widgets_in_between(page) -> None:
    gone = {"AthanorTrainLoRA": ("own_folder", "save_diffusers_copy"), "AthanorNetworkConfig": ("train",)}
    saved = read("train.api")
    _, queued = opened(page, with_gaps(read("train"), gone))
    for key, node in saved.items():
        kind = node["class_type"]
        lacks = gone.get(kind, ())
        for name, value in node["inputs"].items():
            assert queued[key][name] == (graphs.DEFAULTS[kind][name] if name in lacks else value), (kind, name)
