"""Import recipe in the page: dropped, pasted, from its buttons; what becomes of it, and its graph in both renderers."""

import json
import struct
import time

import pytest
from web_page import ROOT

DROP = """(files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
        dataTransfer.items.add(new File([bytes], name, { type: name.endsWith(".json") ? "application/json" : "" }));
    }
    const at = { clientX: 700, clientY: 400, bubbles: true, cancelable: true, composed: true, dataTransfer };
    const target = document.elementFromPoint(700, 400);
    for (const kind of ["dragenter", "dragover", "drop"]) target.dispatchEvent(new DragEvent(kind, at));
}"""
"""Files come from another window, over whatever is in the middle of the page."""
PASTE = """(text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.activeElement.blur();
    const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
    window.toHost = false;
    const heard = () => { window.toHost = true; };
    document.addEventListener("paste", heard, { once: true });
    document.body.dispatchEvent(paste);
    document.removeEventListener("paste", heard);
    return window.toHost;
}"""
"""Ctrl+V on the canvas. Returns whether the host has heard of it."""
EMPTY = """() => window.comfyAPI.app.app.extensionManager.command.execute("Comfy.NewBlankWorkflow")"""
GRAPH = """() => Object.fromEntries(window.comfyAPI.app.app.graph.nodes.map((node) => [node.title, {
    type: node.type, values: Object.fromEntries((node.widgets ?? []).map((one) => [one.name, one.value])),
    from: Object.fromEntries((node.inputs ?? []).map((one, slot) => [one.name, node.getInputNode(slot)?.title]).filter(([, from]) => from)),
}]))"""
COVERED = """() => {
    const { app } = window.comfyAPI.app, isVue = window.LiteGraph.vueNodesMode;
    const box = (node) => {
        if (!isVue) return [node.pos[0], node.pos[1] - 30, node.pos[0] + node.size[0], node.pos[1] + node.size[1]];
        const { left, top, right, bottom } = document.querySelector(`[data-node-id="${node.id}"]`).getBoundingClientRect();
        return [left, top, right, bottom];
    };
    const boxes = app.graph.nodes.map((node) => [node.title, box(node)]);
    return boxes.flatMap(([one, a], i) => boxes.slice(i + 1).filter(([, b]) =>
        a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]).map(([other]) => `${one} and ${other}`));
}"""
"""Nodes that lie on each other."""
COMMAND = r"""accelerate launch --num_cpu_threads_per_process 1 sdxl_train_network.py \
  --pretrained_model_name_or_path="D:\models\sd3.safetensors" --train_data_dir="D:\train\my cats" \
  --network_module=networks.lora --network_dim=24 --network_alpha=12 --learning_rate=3e-4 --max_train_epochs=7 \
  --optimizer_type=AdamW8bit --output_name=my_cats --max_data_loader_n_workers=4 --netwrok_dropout=0.1
"""


def node(name, kind, group, column, **inputs):
    return {"id": name, "type": kind, "title": name, "group": group, "column": column, "inputs": inputs}


def question(name, field, role, said, chosen=""):
    text = f"Choose for {name}: the recipe used {said}."
    return {"node": name, "input": field, "role": role, "said": said, "text": text, "chosen": chosen}


def line(name, value, kind, to="", why=""):
    return {"name": name, "value": value, "kind": kind, "to": to, "why": why}


NODES = [
    node("Note", "MarkdownNote", "Model", 0,
         text="**To do**\n1. Choose for Model: the recipe used D:\\x\\sd3.safetensors.\n2. Press *Run*."),
    node("Model", "CheckpointLoaderSimple", "Model", 1, ckpt_name="sd3.safetensors"),
    node("First", "AthanorDatasetLoader", "Pictures", 0, folder="", repeats=3),
    node("Second", "AthanorDatasetLoader", "Pictures", 0, folder="ds", dataset=["First", 0], caption_tag_dropout_rate=0.25),
    node("Bucketer", "AthanorBucketer", "Pictures", 1, dataset=["Second", 0], width=64, height=64),
    node("Network", "AthanorNetworkConfig", "Settings", 0, rank=24, alpha=12.0),
    node("Noise", "AthanorNoiseConfig", "Settings", 0, flow_shift=3.1582),
    node("Cache", "AthanorCacheConfig", "Settings", 0, cache_to_disk=True),
    node("Train", "AthanorTrainLoRA", "Training", 0, model=["Model", 0], clip=["Model", 1], vae=["Model", 2],
         buckets=["Bucketer", 0], network=["Network", 0], noise=["Noise", 0], cache=["Cache", 0], output_name="my_cats", epochs=7),
    node("Curve", "PreviewImage", "Training", 0, images=["Train", 4]),
    node("Epochs", "AthanorXYZCompare", "Pick the epoch", 0, run=["Train", 0], model=["Model", 0], clip=["Model", 1], vae=["Model", 2]),
]  # fmt: skip
ANSWER = {
    "form": "sd-scripts command", "family": "SDXL", "name": "my_cats", "nodes": NODES, "prompt": {},
    "questions": [
        question("Model", "ckpt_name", "checkpoint", "D:\\x\\sd3.safetensors", "sd3.safetensors"),
        question("First", "folder", "folder", "D:\\train\\my cats"),
    ],
    "lines": [
        line("network_dim", "24", "taken", "Network Config: rank 24"),
        line("network_alpha", "12", "taken", "Network Config: alpha 12"),
        line("max_train_epochs", "7", "translated", "Train LoRA: epochs 7", "An epoch is the same."),
        line("max_data_loader_n_workers", "4", "meaningless", "", "Reading threads are chosen by themselves here."),
        line("netwrok_dropout", "0.1", "unknown", "", "The nearest is network_dropout."),
    ],
}  # fmt: skip
"""An answer of the route, so that what the page makes of it is known to the letter."""


def files(**contents: bytes) -> list[list[str]]:
    """Names (with __ for the dot) and contents as `DROP` takes them."""
    import base64

    return [[name.replace("__", "."), base64.b64encode(data).decode()] for name, data in contents.items()]


def lora_file(metadata: dict[str, str]) -> bytes:
    header = json.dumps(
        {"__metadata__": metadata, "a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(16)


class Asked:
    """What the page asks the route, which answers `ANSWER`."""

    def __init__(self, page) -> None:
        self.files = None
        page.page.route("**/athanor/recipes/read", self._answer)

    def _answer(self, route) -> None:
        self.files = route.request.post_data_json["files"]
        route.fulfill(json=ANSWER)

    def taken(self):
        """The files of the last question, once."""
        found, self.files = self.files, None
        return found


def dialog(page):
    return page.page.locator("dialog.athanor-import")


def read(page) -> None:
    """Wait until a recipe is read in the dialog that is open."""
    dialog(page).get_by_role("button", name="Make the graph", disabled=False).wait_for()


def closes(page) -> None:
    page.page.keyboard.press("Escape")
    dialog(page).wait_for(state="detached")


def made(page) -> dict:
    """Make the graph that was read, and return it."""
    dialog(page).get_by_role("button", name="Make the graph").click()
    dialog(page).wait_for(state="detached")
    return page.page.evaluate(GRAPH)


def lies_well(page, renderer: bool) -> None:
    assert page.page.evaluate(COVERED) == []
    page.renderer(renderer)
    page.settle(20)
    assert page.page.evaluate(COVERED) == []


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_import(used_page, vue):
    page = used_page
    asked = Asked(page)
    from_an_empty_canvas(page, asked)
    dropped(page, asked)
    pasted(page, asked)
    on_the_node(page, asked)
    in_the_sidebar(page)


def from_an_empty_canvas(page, asked) -> None:
    """The hint's button; the answer as a user reads it; the graph, in its own tab, which one undo empties."""
    hint = page.page.locator(".athanor-empty-canvas")
    page.page.evaluate(EMPTY)
    hint.get_by_role("button", name="Import recipe…").click()
    text = dialog(page).get_by_role("textbox", name="Recipe")
    assert text.evaluate("(field) => field === document.activeElement")
    text.fill(COMMAND)
    read(page)
    assert asked.taken() == [{"name": "", "text": COMMAND}]
    chips = dialog(page).locator(".chips button")
    assert chips.all_inner_texts() == ["1 unknown", "1 translated", "1 without meaning here", "2 taken over"]
    assert [chip.get_attribute("aria-expanded") for chip in chips.all()] == ["true", "true", "false", "false"]
    rows = dialog(page).locator(".lines tbody tr:visible")
    unknown = rows.first.inner_text()
    assert unknown.split("\t")[:2] == ["netwrok_dropout", "0.1"] and "The nearest is network_dropout." in unknown
    chips.filter(has_text="taken over").click()
    assert "Network Config: rank 24" in next(text for text in rows.all_inner_texts() if text.startswith("network_dim"))
    model = dialog(page).get_by_label("Choose for Model")
    assert model.input_value() == "sd3.safetensors" and "my_cats" in dialog(page).locator(".form").inner_text()
    assert "1 question is open" in dialog(page).locator(".where").inner_text()
    dialog(page).get_by_role("button", name="Choose folder").click()
    page.page.get_by_role("option", name="ds").first.click()
    assert dialog(page).get_by_label("Choose for First").input_value().startswith("ds")
    page.picture("import_read")
    graph = made(page)
    page.picture("import_made")
    checks(graph)
    assert graph["First"]["values"]["folder"].startswith("ds")
    assert graph["Note"]["values"]["text"] == "**To do**\n1. Press *Run*."
    tab = "window.comfyAPI.app.app.extensionManager.workflow.activeWorkflow"
    assert page.page.evaluate(f"() => {tab}.filename") == "my_cats" and not hint.count()
    groups = page.page.evaluate("() => window.comfyAPI.app.app.graph.groups.map((group) => group.title)")
    assert groups == ["Model", "Pictures", "Settings", "Training", "Pick the epoch"]
    lies_well(page, True)
    page.renderer(False)
    page.page.evaluate(f"() => {tab}.changeTracker.undo()")
    page.page.wait_for_function("() => !window.comfyAPI.app.app.graph.nodes.length")
    hint.wait_for()


def checks(graph: dict) -> None:
    """The graph of `ANSWER`: values and links of each node."""
    assert {title: one["type"] for title, one in graph.items()} == {one["title"]: one["type"] for one in NODES}
    for one in NODES:
        for name, value in one["inputs"].items():
            if isinstance(value, list):
                assert graph[one["title"]]["from"][name] == value[0], (one["title"], name)
            elif name not in ("text", "folder"):
                assert graph[one["title"]]["values"][name] == value, (one["title"], name)


def dropped(page, asked) -> None:
    """Recipes open the dialog with all files that belong together; what the host opens reaches it."""
    drop = lambda **contents: page.page.evaluate(DROP, files(**contents))  # noqa: E731
    drop(train__toml=b"[network_arguments]\nnetwork_dim = 24\n", prompts__txt=b"a cat --w 512\n")
    read(page)
    names = [file["name"] for file in asked.taken()]
    assert names == ["train.toml", "prompts.txt"]
    drop(dataset__toml=b"[[datasets]]\n")  # on the dialog: beside those that are there
    page.page.wait_for_function("() => document.querySelectorAll('.athanor-import .files li').length === 3")
    read(page)
    assert len(asked.taken()) == 3
    closes(page)
    told = lora_file({"ss_network_dim": "24"})
    drop(cats__safetensors=told)
    read(page)
    (file,) = asked.taken()
    assert file["name"] == "cats.safetensors" and file["base64"] == files(x=told[:-16])[0][1]
    closes(page)
    drop(config__json=json.dumps({"LoRA_type": "Standard", "network_dim": 24}).encode())
    read(page)
    assert asked.taken()[0]["name"] == "config.json"
    closes(page)
    workflow = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    queued = {"7": {"class_type": "EmptyLatentImage", "inputs": {"width": 320, "height": 64, "batch_size": 1}}}
    kinds = "() => window.comfyAPI.app.app.graph.nodes.map((node) => node.type).join()"
    hosts = {
        "a": ({"opened__json": json.dumps(workflow).encode()}, "AthanorTrainLoRA"),
        "b": ({"queued__json": json.dumps(queued).encode()}, "EmptyLatentImage"),
        "c": ({"file__safetensors": lora_file({"workflow": json.dumps(workflow), "ss_network_dim": "4"})}, "AthanorTrainLoRA"),
    }  # fmt: skip
    for contents, kind in hosts.values():
        page.page.evaluate(EMPTY)
        page.page.wait_for_function("() => !window.comfyAPI.app.app.graph.nodes.length")
        drop(**contents)
        page.page.wait_for_function(f"(kind) => ({kinds})().includes(kind)", arg=kind)
        assert not dialog(page).count() and asked.taken() is None


def pasted(page, asked) -> None:
    """On the canvas a recipe opens the dialog; everything else is the host's."""
    page.page.evaluate(EMPTY)
    for text in ("Negative prompt: blurry\nSteps: 20, Sampler: Euler", '{"nodes": [], "network_dim": 4}', ""):
        assert page.page.evaluate(PASTE, text) and not dialog(page).count(), text
    for many in (
        "\n" * 20_000,
        " " * 20_000,
        "train" * 20_000,
        '"\n' * 20_000,
    ):  # minutes, where a pattern goes back and forth
        begin = time.monotonic()
        assert page.page.evaluate(PASTE, many)
        assert time.monotonic() - begin < 5
    for text in (COMMAND, "Network dim: 32\nUNet LR - 1e-4\nOptimizer: Prodigy\nEpochs: 10\n"):
        assert not page.page.evaluate(PASTE, text)
        read(page)
        assert asked.taken() == [{"name": "", "text": text}]
        closes(page)


def on_the_node(page, asked) -> None:
    """The node's button opens the dialog with its text."""
    page.page.evaluate(
        """(text) => { const { app } = window.comfyAPI.app, node = window.LiteGraph.createNode("AthanorImportRecipe");
            app.graph.add(node);
            node.widgets.find((one) => one.name === "recipe").value = text;
            node.widgets.find((one) => one.label === "Make the graph…").callback(); }""",
        COMMAND,
    )
    read(page)
    assert asked.taken() == [{"name": "", "text": COMMAND}]
    assert dialog(page).get_by_label("Choose for First").evaluate("(field) => field === document.activeElement")
    closes(page)


def in_the_sidebar(page) -> None:
    page.page.locator("[class*=athanor-tab], [aria-label^=Athanor], [data-testid*=athanor]").first.click()
    page.page.locator(".athanor-board").get_by_role("button", name="Import recipe…").click()
    page.page.unroute_all()
    dialog(page).get_by_role("textbox", name="Recipe").fill("nothing that is known")
    page.page.get_by_role("alert").filter(
        has_text="no recipe"
    ).wait_for()  # the server's sentence, where the answer would be
    assert dialog(page).get_by_role("button", name="Make the graph").is_disabled()
    closes(page)
    assert all("422" in error for error in page.errors), page.errors  # the browser's own line
    page.errors.clear()


@pytest.mark.parametrize("vue", [True], ids=["vue"])
def test_the_graph_in_vue_nodes(used_page, vue):
    page = used_page
    asked = Asked(page)
    opened(page)
    assert asked.taken()
    checks(made(page))
    shown = page.page.locator(".lg-node", has_text="caption_tag_dropout_rate")  # advanced, and set
    shown.first.wait_for()
    page.picture("import_made_vue")
    lies_well(page, False)
    page.renderer(True)
    of_the_server(page)


def opened(page) -> None:
    """The dialog by its command, with `COMMAND` typed and read."""
    page.page.evaluate("() => window.comfyAPI.app.app.extensionManager.command.execute('Athanor.ImportRecipe')")
    dialog(page).get_by_role("textbox", name="Recipe").fill(COMMAND)
    read(page)


def of_the_server(page) -> None:
    """With the server's own answer, what the page would queue is the graph that the server has made of the recipe."""
    page.page.unroute_all()
    with page.page.expect_response("**/athanor/recipes/read") as answered:
        opened(page)
    prompt = answered.value.json()["prompt"]
    dialog(page).get_by_label("folder of pictures").fill("ds")
    graph = made(page)
    queued = page.page.evaluate("async () => (await window.comfyAPI.app.app.graphToPrompt()).output")
    assert sorted(one["class_type"] for one in queued.values()) == sorted(one["class_type"] for one in prompt.values())
    kinds = {one["class_type"]: one["inputs"] for one in queued.values()}
    for one in prompt.values():
        for name, value in one["inputs"].items():
            mine, kind = kinds[one["class_type"]][name], one["class_type"]
            if isinstance(value, list):
                assert [queued[mine[0]]["class_type"], mine[1]] == [prompt[value[0]]["class_type"], value[1]], (
                    kind,
                    name,
                )
            else:
                assert mine == ("ds" if name == "folder" else value), (kind, name)
    assert graph["Load Checkpoint"]["values"]["ckpt_name"] == "sd3.safetensors"  # the name that the recipe has
    assert kinds["AthanorNetworkConfig"]["rank"] == 24 and kinds["AthanorTrainLoRA"]["epochs"] == 7
    lies_well(page, False)
