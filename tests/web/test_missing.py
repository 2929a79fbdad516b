"""A workflow from another computer: its nodes say what is missing here as soon as it is opened, until it is mended. Presets fill it in."""

import json
import sys

import pytest
import torch
from safetensors.torch import save_file
from waiting import until
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
TOASTS = "() => [...document.querySelectorAll('.p-toast-message, [data-testid=toast]')].map((one) => one.innerText)"


def reads(page, *parts: str) -> None:
    """Wait for a message that says all parts, as a user reads it without a click."""
    said = "(parts) => [...document.querySelectorAll('.p-toast-message, [data-testid=toast]')].some((one) =>"
    page.page.wait_for_function(f"{said} parts.every((part) => one.innerText.includes(part)))", arg=list(parts))


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_a_workflow_of_another_computer(used_page, vue):
    page = used_page
    shared = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    nodes = {node["type"]: node for node in shared["nodes"]}
    nodes["CheckpointLoaderSimple"]["widgets_values"] = ["their\\sd3.safetensors"]
    nodes["AthanorDatasetLoader"]["widgets_values"][0] = "D:\\pictures\\dss"
    held = []  # what is missing is answered once the Bucketer lies where it shall, however long the page loads
    page.page.route("**/athanor/missing", lambda route: held.append(route))
    sizes = page.page.evaluate(CLOSE, shared)
    page.page.route("**/athanor/missing", lambda route: route.continue_())
    for route in held:
        route.continue_()
    page.page.wait_for_function(f"({SAID})().length === 2")
    model, folder = sorted(page.page.evaluate(SAID))
    assert "sd3.safetensors" in model and model.startswith("ckpt_name ") and "the nearest: ds" in folder
    # The Bucketer's title lies 36 pixels below: the box takes what is free, and is no part of what is saved.
    bottom, title, height = page.page.evaluate(LOWEST)
    assert bottom < title and 20 < height < 30
    saved = page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize().nodes")
    assert {str(n["id"]): n["size"] for n in saved} == sizes
    assert [n["widgets_values"] for n in saved if n["type"] == "CheckpointLoaderSimple"] == [["their\\sd3.safetensors"]]
    # Once the Bucketer is moved away, all of the sentence is shown, and covers nothing of the node.
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app;
            app.graph.nodes.find((n) => n.type === "AthanorBucketer").pos[1] += 60;
            app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState(); }"""
    )
    page.page.wait_for_function("document.querySelectorAll('.athanor-notice:not(.short)').length === 2")
    assert page.page.evaluate(LOWEST)[0] > bottom
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
    takes_a_preset(page)
    keeps_an_own_one(page)
    shows_a_lora(page)
    tells_of_a_sweep(page)
    refused_and_failed(page)


def tells_of_a_sweep(page) -> None:
    """Behind Train LoRA a Sweep says what it will train, which nodes get nothing, and what is wrong with its text."""
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app, changed = (what) => {
                what(); app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState(); };
            const sweep = window.LiteGraph.createNode("AthanorSweep"), text = sweep.widgets.find((w) => w.name === "settings");
            window.sweeps = (value) => changed(() => { text.value = value; });
            window.unsweep = () => changed(() => app.graph.remove(sweep));
            sweep.pos = [-900, -900];
            changed(() => { app.graph.add(sweep);
                app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA").connect(0, sweep, 0); }); }"""
    )
    page.page.evaluate("() => window.sweeps('learning_rate: 1e-4, 2e-4\\nmax_train_steps: 30, 60')")
    plan = "4 runs (2 learning_rate x 2 max_train_steps), of about 30 to 60 steps, 180 in all."
    page.page.wait_for_function(f"(said) => ({SAID})().some((text) => text.startsWith(said))", arg=plan)
    (told,) = page.page.evaluate(SAID)
    assert "get nothing from Train LoRA" in told
    page.page.evaluate("() => window.sweeps('learning_rat: 1e-4')")
    wrong = "settings, line 1: no node in front of the sweep has 'learning_rat'; the nearest: learning_rate"
    page.page.wait_for_function(f"(said) => ({SAID})().some((text) => text.startsWith(said))", arg=wrong)
    page.page.evaluate("() => window.unsweep()")
    page.page.wait_for_function(f"({SAID})().length === 0")


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
            window.one("AthanorOptimizerConfig", "optimizer_type").value = "Prodigy"; })"""
    )
    page.page.wait_for_function(f"({TOASTS})().length === 0 && !document.querySelector('.athanor-note.failed')")
    page.queue()
    line = f'{sys.executable} -m pip install "prodigyopt>=1.1"'  # conftest.py hides it from the server
    reads(page, "Optimizer Config", "optimizer_type Prodigy needs the package prodigyopt", line)
    page.page.wait_for_function(f"({SAID})().some((text) => text.startsWith('optimizer_type Prodigy needs'))")
    (failed,) = page.page.evaluate(SAID)
    assert "AthanorError" not in failed
    (told,) = [text for text in page.site.log().splitlines() if "prodigyopt is missing" in text]
    assert line in told
    page.picture("failed")
    page.page.evaluate(
        """() => window.change((node) => { const { graph } = window.comfyAPI.app.app;
            for (const one of [...graph.nodes]) if (!/Loader|Bucketer/.test(one.type)) graph.remove(one);
            window.one("AthanorDatasetLoader", "folder").value = "dz"; })"""
    )
    page.queue()
    reads(page, "Nothing in this graph shows or saves anything", "Dataset Loader: folder 'dz'")
    page.page.wait_for_function(f"({TOASTS})().length === 1")  # what failed before is mended


NODES = """() => Object.fromEntries(window.comfyAPI.app.app.graph.nodes.filter((n) => n.type.startsWith("Athanor")).map(
    (n) => [n.type, Object.fromEntries(n.widgets.filter((w) => w.serialize !== false).map((w) => [w.name, w.value]))]))"""


def presets_of(page) -> None:
    """Open the list, for the model that the graph loads."""
    page.page.evaluate("() => window.comfyAPI.app.app.extensionManager.command.execute('Athanor.OpenPresets')")
    page.page.get_by_text("This graph's model: SD3").wait_for()


def takes_a_preset(page) -> None:
    """By keyboard; what would change stands there before, what has changed after, and one undo takes all of it back."""
    before = page.page.evaluate(NODES)
    presets_of(page)
    page.page.get_by_role("radio", name="ai-toolkit any purpose").focus()
    page.page.keyboard.press("Space")
    page.page.locator(".athanor-presets tbody tr:not(.node)").first.wait_for()
    rows = page.page.locator(".athanor-presets tbody tr:not(.node)").all_inner_texts()
    assert "max_train_steps\t0\t2000" in rows and "ema_decay\t0\t0.99" in rows
    page.page.locator("tr", has_text="ema_decay").get_by_role("checkbox").uncheck()
    what = page.page.locator(".athanor-presets .write").inner_text()
    page.page.get_by_role("radio", name="ai-toolkit any purpose").press("Enter")
    said = page.page.get_by_text("Ctrl+Z takes it back").last.inner_text()
    assert what.removeprefix("Apply: ") in said and "ai-toolkit" in said and f"{len(rows) - 1} settings" in what
    after = page.page.evaluate(NODES)
    values = {kind: after[f"Athanor{kind}"] for kind in ("TrainLoRA", "OptimizerConfig", "Bucketer", "DatasetLoader")}
    assert values["TrainLoRA"]["max_train_steps"] == 2000 and values["Bucketer"]["width"] == 1024
    assert values["OptimizerConfig"]["optimizer_type"] == "AdamW8bit" and values["OptimizerConfig"]["ema_decay"] == 0
    assert values["DatasetLoader"]["caption_dropout_rate"] == 0.05 and values["DatasetLoader"]["folder"] == "ds"
    tracker = "window.comfyAPI.app.app.extensionManager.workflow.activeWorkflow.changeTracker"
    page.page.wait_for_function(f"{tracker}.changeCount === 0")  # the step of undo ends once the nodes are drawn
    page.page.keyboard.press("Control+z")
    until(lambda: page.page.evaluate(NODES) == before)


def keeps_an_own_one(page) -> None:
    presets_of(page)
    page.page.get_by_role("button", name="Save as preset").click()
    page.page.get_by_role("textbox", name="Name", exact=True).fill("kept here")
    page.page.keyboard.press("Enter")
    page.page.get_by_text("Saved: kept here").wait_for()
    assert "Nothing would change" in page.page.locator(".athanor-presets .details").inner_text()
    own = [preset for preset in page.site.get("/athanor/presets")["presets"] if preset["own"]]
    assert [(preset["name"], preset["families"]) for preset in own] == [("kept here", ["SD3"])]
    delete = page.page.locator(".athanor-presets").get_by_role("button", name="Delete", exact=True)
    delete.click()
    page.page.get_by_text("Deleted: kept here").wait_for()
    page.page.keyboard.press("Enter")  # on Undo
    page.page.get_by_text("Saved: kept here").wait_for()
    page.page.get_by_role("button", name="Rename…").click()
    page.page.keyboard.type("renamed")
    page.page.keyboard.press("Enter")
    page.page.get_by_text("Saved: renamed").wait_for()
    assert [preset["name"] for preset in page.site.get("/athanor/presets")["presets"] if preset["own"]] == ["renamed"]
    delete.click()
    page.page.get_by_text("Deleted: renamed").wait_for()
    page.page.keyboard.press("Escape")
    page.page.locator(".athanor-presets").wait_for(state="detached")
    assert not [preset for preset in page.site.get("/athanor/presets")["presets"] if preset["own"]]


def shows_a_lora(page) -> None:
    """LoRA Info alone is a graph that runs: its text and its chart stand on the node."""
    name = "lora_unet_input_blocks_4_1_transformer_blocks_0_attn2_to_k"
    pieces = {f"{name}.lora_up.weight": torch.ones(8, 4), f"{name}.lora_down.weight": torch.ones(4, 6)}
    folder = page.site.base / "models" / "loras"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(pieces, folder / "looked_into.safetensors")
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app;
            app.graph.nodes.filter((n) => n.type === "AthanorTrainLoRA").forEach((n) => { n.mode = 2; });
            const node = window.LiteGraph.createNode("AthanorLoRAInfo");
            app.graph.add(node);
            node.widgets[0].value = "looked_into.safetensors";
            app.queuePrompt(0, 1, [String(node.id)]); }"""
    )
    page.page.locator(".athanor-info", has_text="looked_into.safetensors: lora").wait_for()
    page.page.wait_for_function("() => document.querySelector('.athanor-info-chart img').naturalWidth === 900")
    found = page.page.evaluate(
        """() => { const { graph } = window.comfyAPI.app.app;
            const node = graph.nodes.find((n) => n.type === "AthanorLoRAInfo");
            graph.nodes.filter((n) => n.type === "AthanorTrainLoRA").forEach((n) => { n.mode = 0; });
            const saved = graph.serialize().nodes.find((n) => n.type === "AthanorLoRAInfo");
            const found = [node.size[1] >= node.computeSize()[1], Boolean(node.imgs?.length), saved.widgets_values];
            graph.remove(node);
            return found; }"""
    )
    assert found == [True, False, ["looked_into.safetensors"]]
