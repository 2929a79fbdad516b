"""A workflow from another computer: its nodes say what is missing here as soon as it is opened, until it is mended."""

import json

import pytest
from web_page import ROOT

CLOSE = """async (w) => { const { app } = window.comfyAPI.app;
    await app.loadGraphData(w, true, true, "shared");
    const of = (type) => app.graph.nodes.find((n) => n.type === type), loader = of("AthanorDatasetLoader");
    of("AthanorBucketer").pos = [loader.pos[0], loader.pos[1] + loader.size[1] + 66];
    return Object.fromEntries(app.graph.nodes.map((n) => [n.id, [...n.size]])); }"""
LOWEST = """() => { const { nodes } = window.comfyAPI.app.app.graph;
    const node = nodes.find((n) => n.type === "AthanorDatasetLoader"), next = nodes.find((n) => n.type === "AthanorBucketer");
    const box = [...document.querySelectorAll(".athanor-notice")].find((one) => one.innerText.includes("folder"));
    return [node.pos[1] + node.size[1], next.pos[1] - 30, box.offsetHeight]; }"""
SAID = "() => [...document.querySelectorAll('.athanor-notice')].map((box) => box.innerText)"
TOASTS = "() => [...document.querySelectorAll('.p-toast-message, [data-sonner-toast]')].map((one) => one.innerText)"


def reads(page, *parts: str) -> None:
    """Wait for a message that says all parts, as a user reads it without a click."""
    said = "(parts) => [...document.querySelectorAll('.p-toast-message, [data-sonner-toast]')].some((one) =>"
    page.page.wait_for_function(f"{said} parts.every((part) => one.innerText.includes(part)))", arg=list(parts))


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_a_workflow_of_another_computer(page, vue):
    shared = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    nodes = {node["type"]: node for node in shared["nodes"]}
    nodes["CheckpointLoaderSimple"]["widgets_values"] = ["their\\sd3.safetensors"]
    nodes["AthanorDatasetLoader"]["widgets_values"][0] = "D:\\pictures\\dss"
    sizes = page.page.evaluate(CLOSE, shared)
    page.page.wait_for_function(f"({SAID})().length === 2")
    model, folder = sorted(page.page.evaluate(SAID))
    assert "sd3.safetensors" in model and model.startswith("ckpt_name ") and "the nearest: ds" in folder
    # The Bucketer's title lies 36 pixels below: the box takes what is free, and is no part of what is saved.
    bottom, title, height = page.page.evaluate(LOWEST)
    assert bottom < title and 20 < height < 30
    saved = page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize().nodes")
    assert {str(n["id"]): n["size"] for n in saved} == sizes
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
    refused_and_failed(page)


def refused_and_failed(page) -> None:
    """The same graph is refused, then fails, then has no output: the sentence is read without a click, until it is mended."""
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app, node = (type) => app.graph.nodes.find((n) => n.type === type);
            window.one = (type, name) => node(type).widgets.find((w) => w.name === name);
            window.change = (what) => { what(node); app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState(); };
            window.one("AthanorTrainLoRA", "output_name").value = "../out";
            node("AthanorBucketer").disconnectInput(0); }"""
    )
    page.queue()
    unconnected = "dataset is not connected: connect the output dataset of Dataset Loader to it."
    reads(page, "Bucketer", unconnected)
    reads(page, "Train LoRA", "output_name")
    assert page.page.evaluate(SAID) == [unconnected]
    note = page.page.locator(".athanor-note.failed")
    assert note.inner_text().startswith("output_name '../out'")
    page.picture("refused")
    page.page.evaluate(
        "() => window.change((node) => node('AthanorDatasetLoader').connect(0, node('AthanorBucketer'), 0))"
    )
    page.page.wait_for_function(f"({SAID})().length === 0 && ({TOASTS})().length === 1")
    page.page.evaluate(
        """() => window.change(() => { window.one("AthanorTrainLoRA", "output_name").value = "out";
            window.one("AthanorBucketer", "min_bucket_reso").value = 4096; })"""
    )
    page.page.wait_for_function(f"({TOASTS})().length === 0 && !document.querySelector('.athanor-note.failed')")
    page.queue()
    reads(page, "Bucketer", "min_bucket_reso is 4096: it must not be above")
    (failed,) = page.page.evaluate(SAID)
    assert failed.startswith("min_bucket_reso is 4096") and "Error" not in failed
    page.picture("failed")
    page.page.evaluate(
        """() => window.change((node) => { const { graph } = window.comfyAPI.app.app;
            for (const one of [...graph.nodes]) if (!/Loader|Bucketer/.test(one.type)) graph.remove(one);
            window.one("AthanorDatasetLoader", "folder").value = "dz";
            window.one("AthanorBucketer", "min_bucket_reso").value = 64; })"""
    )
    page.queue()
    reads(page, "Nothing in this graph shows or saves anything", "Dataset Loader: folder 'dz'")
    page.page.wait_for_function(f"({TOASTS})().length === 1")  # what failed before is mended
