"""Every template in the page, in both renderers: no missing node or file, no message, nothing on top of another; each opens
so large that it can be read, its note in sight, a first LoRA whole and with a checkpoint of its family.
"""

import contextlib
import json
from pathlib import Path

import pytest
import stand_in
import workflow
from playwright.sync_api import TimeoutError

FOLDER = Path(__file__).resolve().parents[2] / "example_workflows"
CHECK = "Comfy.Validation.Workflows"
"""The page's check of a workflow's form, off by default."""
OPEN = """([workflow, name]) =>
    window.comfyAPI.app.app.loadGraphData(workflow, true, true, name, { openSource: "template" })"""
"""As a click in Templates does it."""
LETTERS = """() => {
    const { canvas } = window.comfyAPI.app.app;
    return [canvas.ds.scale, !window.LiteGraph.vueNodesMode && canvas.low_quality];
}"""
"""The zoom, and whether the canvas leaves out the letters, which are too small."""
OUT_OF_SIGHT = """() => {
    const { app } = window.comfyAPI.app, { ds, canvas } = app.canvas, corner = canvas.getBoundingClientRect();
    const map = document.querySelector(".minimap-main-container").getBoundingClientRect();
    return app.graph.nodes.filter((node) => {
        const [left, top] = [0, 1].map((i) => (node.pos[i] - 30 * i + ds.offset[i]) * ds.scale + [corner.left, corner.top][i]);
        const [right, bottom] = [left + node.size[0] * ds.scale, top + (node.size[1] + 30) * ds.scale];
        const isUnderMap = right > map.left && bottom > map.top;
        return left < 60 || top < 90 || right > innerWidth || bottom > innerHeight || isUnderMap;
    }).map((node) => node.type);
}"""
"""Nodes that are not seen whole, or lie below the page's map."""
CHECKPOINT = """() =>
    window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "CheckpointLoaderSimple").widgets[0].value"""
DROPPED = """async (workflow) => {
    const { app } = window.comfyAPI.app, { ds } = app.canvas;
    const frames = async (n) => { while (n--) await new Promise(requestAnimationFrame); };
    await app.loadGraphData(workflow, true, true, "dropped");
    await frames(10);
    const tracker = app.extensionManager.workflow.activeWorkflow.changeTracker;
    Object.assign(ds, { scale: 0.75, offset: [50, 70] });
    app.graph.nodes[0].title = "renamed";
    tracker.captureCanvasState();
    await tracker.undo();
    await frames(10);
    return [app.graph.nodes[0].title === "renamed", ds.scale, ...ds.offset];
}"""
"""A file that is dropped on the page, looked at elsewhere, changed, and the change taken back."""
LOOK = """() => {
    const { app } = window.comfyAPI.app, { graph } = app, found = [];
    const box = (n) => {
        const shown = document.querySelector(`[data-node-id="${n.id}"]`);
        return shown && app.canvas.constructor && window.LiteGraph.vueNodesMode
            ? ((r) => [r.left, r.top, r.right, r.bottom].map((v) => v / app.canvas.ds.scale))(shown.getBoundingClientRect())
            : [n.pos[0], n.pos[1] - 30, n.pos[0] + n.size[0], n.pos[1] + n.size[1]];
    };
    const boxes = graph.nodes.map((n) => [n.title, box(n)]);
    for (const node of graph.nodes) {
        if (!window.LiteGraph.registered_node_types[node.type]) found.push(`${node.type} is missing`);
        for (const widget of node.widgets ?? []) {
            const values = widget.options?.values, linked = node.inputs.find((i) => i.widget?.name === widget.name)?.link;
            if (widget.type === "combo" && linked == null && Array.isArray(values) && !values.includes(widget.value))
                found.push(`${node.type}: ${widget.name} ${widget.value}`);
        }
    }
    boxes.forEach(([one, a], i) => boxes.slice(i + 1).forEach(([other, b]) => {
        if (a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]) found.push(`${one} lies on ${other}`);
    }));
    for (const message of document.querySelectorAll(".p-toast-message, .p-dialog, [role=alertdialog]"))
        found.push(message.innerText);
    return found;
}"""


@pytest.mark.parametrize(
    "vue",
    [
        # Canvas: test_saved_workflows and test_live's "stay as they are" load workflows of every node there.
        pytest.param(False, marks=pytest.mark.long),
        True,
    ],
    ids=["canvas", "vue"],
)
def test_examples_load_as_they_are(site, used_page, checkpoints, vue):
    stand_in.place(site.base, {"": checkpoints["sd3"]}, site.base / "input" / "ds")
    page, info, said = used_page, site.get("/object_info"), []
    page.page.evaluate("() => window.comfyAPI.app.app.refreshComboInNodes()")  # it may know an older list of files
    page.setting(CHECK, True)
    page.page.set_viewport_size({"width": 1280, "height": 720})
    page.page.wait_for_timeout(2500)  # until the host's own start is over

    def heard(message) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    page.page.on("console", heard)
    try:
        for path in sorted(FOLDER.glob("*.json")):
            example = json.loads(path.read_text(encoding="utf-8"))
            with page.page.expect_response("**/athanor/missing"):  # asked of every graph with our nodes, a while after
                page.page.evaluate(OPEN, [example, path.stem])
            page.settle(10)
            with contextlib.suppress(
                TimeoutError
            ):  # a box that has come is cut to the room that there is a little later
                page.page.wait_for_function(f"({LOOK})().length === 0", timeout=20_000)
            assert not page.page.evaluate(LOOK), path.stem
            scale, left_out = page.page.evaluate(LETTERS)
            assert scale * 14 >= 8 and not left_out, (path.stem, scale)
            hidden = page.page.evaluate(OUT_OF_SIGHT)
            assert "MarkdownNote" not in hidden and not (path.stem.startswith("1 ") and hidden), path.stem
            if path.stem == "1 First LoRA - SD3.5":  # the first file of the list is another one
                page.page.wait_for_function(f"({CHECKPOINT})() === 'sd3.safetensors'")
            # What the page would queue is what a script would queue.
            queued = page.page.evaluate("async () => (await window.comfyAPI.app.app.graphToPrompt()).output")
            wanted = workflow.to_prompt(example, info)
            assert set(queued) == set(wanted)
            for key, node in wanted.items():
                for name, value in node["inputs"].items():
                    if name == "ckpt_name" and path.stem == "1 First LoRA - SD3.5":
                        continue  # chosen by its family
                    assert queued[key]["inputs"][name] == value, (path.stem, node["class_type"], name)
        assert page.page.evaluate(DROPPED, example) == [False, 0.75, 50, 70]
    finally:
        page.page.remove_listener("console", heard)
        page.page.set_viewport_size({"width": 1280, "height": 800})
        page.setting(CHECK, False)
    assert not said
