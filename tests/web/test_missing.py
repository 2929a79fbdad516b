"""A workflow from another computer: its nodes say what is missing here as soon as it is opened, until it is mended."""

import json

import pytest
from web_page import ROOT

LOWEST = """() => { const { nodes } = window.comfyAPI.app.app.graph;
    const node = nodes.find((n) => n.type === "AthanorDatasetLoader"), next = nodes.find((n) => n.type === "AthanorBucketer");
    const box = [...document.querySelectorAll(".athanor-missing")].find((one) => one.innerText.includes("folder"));
    return [node.pos[1] + node.size[1], next.pos[1] - 30, box.offsetHeight]; }"""
SAID = "() => [...document.querySelectorAll('.athanor-missing')].map((box) => box.innerText)"


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_a_workflow_of_another_computer(page, vue):
    shared = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    nodes = {node["type"]: node for node in shared["nodes"]}
    nodes["CheckpointLoaderSimple"]["widgets_values"] = ["their\\sd3.safetensors"]
    nodes["AthanorDatasetLoader"]["widgets_values"][0] = "D:\\pictures\\dss"
    page.page.evaluate("(w) => window.comfyAPI.app.app.loadGraphData(w, true, true, 'shared')", shared)
    page.page.wait_for_function(f"({SAID})().length === 2")
    model, folder = sorted(page.page.evaluate(SAID))
    assert "sd3.safetensors" in model and model.startswith("ckpt_name ") and "the nearest: ds" in folder
    # The Bucketer lies 36 pixels below, its title above it: the box takes what is free, and is no part of what is saved.
    bottom, title, height = page.page.evaluate(LOWEST)
    assert bottom < title and 20 < height < 30
    saved = page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize().nodes")
    assert {n["id"]: n["size"] for n in saved} == {n["id"]: n["size"] for n in shared["nodes"]}
    assert [n["widgets_values"] for n in saved if n["type"] == "CheckpointLoaderSimple"] == [["their\\sd3.safetensors"]]
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app;
            const set = (type, name, value) => {
                const widget = app.graph.nodes.find((n) => n.type === type).widgets.find((w) => w.name === name);
                widget.value = value;
            };
            set("CheckpointLoaderSimple", "ckpt_name", "sd3.safetensors");
            app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState();
            window.mendFolder = () => {  // as typing in a Vue node does, of which the page tells once the input is left
                set("AthanorDatasetLoader", "folder", "ds");
                document.body.dispatchEvent(new Event("input", { bubbles: true }));
            }; }"""
    )
    page.page.wait_for_function(f"({SAID})().length === 1")
    page.page.evaluate("() => window.mendFolder()")
    page.page.wait_for_function(f"({SAID})().length === 0")
