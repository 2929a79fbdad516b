"""A comparison in the page, in both renderers: a widget of the graph chosen from the list, and the viewer opened from the node."""

from __future__ import annotations

import json
from pathlib import Path

import comparing
import graphs
import loras
import pytest
import scored
from PIL import Image
from waiting import until
from web_page import Page


@pytest.fixture
def vue() -> bool:
    return True


def comparison(seed: int) -> dict:
    """Checkpoint, shift, XYZ Compare with an axis; in the page the ids are numbers."""
    ports = {"model": ["2", 0], "clip": ["1", 1], "vae": ["1", 2], "x": ["3", 0]}
    size = {"width": 64, "height": 64, "steps": 2, "cfg": 3.0, "prompts": "red circle\ngreen cross", "seeds": str(seed)}
    return {
        "1": graphs.node("CheckpointLoaderSimple", ckpt_name="sd3.safetensors"),
        "2": graphs.node("ModelSamplingSD3", model=["1", 0], shift=3.0),
        "3": graphs.node("AthanorXYZAxis", type="seed", values="1-4(1)", widget=""),
        "4": graphs.node("AthanorXYZCompare", **ports, **size),
        "5": graphs.node("EmptyLatentImage", width=64, height=64, batch_size=1),
    }


def place(page: Page, nodes: dict[str, tuple[int, int]]) -> None:
    """Nodes where they can be seen."""
    page.page.evaluate(
        """async (nodes) => { const { app } = window.comfyAPI.app;
            for (const [id, pos] of Object.entries(nodes)) app.graph.getNodeById(id).pos = pos;
            app.canvas.ds.scale = 0.8; app.canvas.ds.offset = [120, 120]; app.canvas.setDirty(true, true); }""",
        nodes,
    )
    page.settle(36)


def press_widget(page: Page, node: str, widget: str, vue: bool) -> None:
    """Click on a widget as a user does."""
    if vue:
        page.page.locator(f"[data-node-id='{node}']").get_by_role("button", name=widget).click()
        return
    at = page.page.evaluate(
        """([id, name]) => { const { app } = window.comfyAPI.app, node = app.graph.getNodeById(id), { ds, canvas } = app.canvas;
            const widget = node.widgets.find((w) => w.name === name), box = canvas.getBoundingClientRect();
            const [x, y] = [node.pos[0] + node.size[0] / 2 + ds.offset[0], node.pos[1] + widget.y + 10 + ds.offset[1]];
            return [x * ds.scale + box.left, y * ds.scale + box.top]; }""",
        [node, widget],
    )
    page.page.mouse.click(*at)


def widget_of(node: str, name: str) -> str:
    """JavaScript for a widget of a node."""
    return f"window.comfyAPI.app.app.graph.getNodeById('{node}').widgets.find((w) => w.name === '{name}')"


def test_a_widget_is_chosen_and_the_pictures_are_judged(site, used_page):
    """In both renderers up to the pictures; the viewer is the same in both."""
    page = used_page
    page.page.get_by_text("Run", exact=True).first.wait_for()  # on a busy machine the page is still loading
    a_widget_is_chosen(site, page, vue=True)
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-compare", state="detached")
    values_are_kept(site, page)
    settings_are_kept(site, page)
    loras_are_saved(site, page.page, page)
    page.renderer(False)
    name = a_widget_is_chosen(site, page, vue=False)
    a_long_text_is_not_cut_off(page.page)
    a_picture_is_in_its_node(page.page)
    the_pictures_are_judged(site, page, name)


def a_long_text_is_not_cut_off(page) -> None:
    """The verdict of a comparison stood below the two lines that the host leaves for a text on the canvas."""
    room = "(widget) => widget?.options.getMinHeight?.() ?? 0"
    text = "$$node-text-preview"
    before, after, height, most = page.evaluate(
        f"""async () => {{ const {{ app }} = window.comfyAPI.app, node = app.graph.getNodeById(4), room = {room};
            const widget = () => node.widgets.find((one) => one.name === "{text}"), before = room(widget());
            const told = {{ nodeId: "4", text: Array(8).fill("Most like the training pictures: epoch 4.").join("\\n") }};
            window.comfyAPI.api.api.dispatchCustomEvent("progress_text", told);
            await new Promise((done) => setTimeout(done, 50));
            const shown = [...document.querySelectorAll(".dom-widget > *")].find((one) => one.innerText.includes("epoch 4."));
            return [before, room(widget()), node.size[1] - node.computeSize()[1], getComputedStyle(shown).maxHeight]; }}"""
    )
    assert before < 120 < after and height >= 0 and most == "none"  # the host's is 200px, and scrolls


def a_picture_is_in_its_node(page) -> None:
    """Until something else was drawn on the canvas, a result's picture hung below its node, over the next one."""
    lacking, gap = page.evaluate(
        """() => { const { app } = window.comfyAPI.app;
            const [node, below] = ["AthanorLikeness", "AthanorLikeness"].map((kind) => window.LiteGraph.createNode(kind));
            node.pos = [-2000, 0];
            below.pos = [-2000, node.size[1] + 60];
            for (const one of [node, below]) app.graph.add(one);
            node.addCustomWidget({ name: "$$canvas-image-preview", type: "custom", options: {}, draw() {},
                computeLayoutSize: () => ({ minHeight: 220, minWidth: 1 }) });
            const found = [node.computeSize()[1] - node.size[1], below.pos[1] - node.pos[1] - node.size[1]];
            for (const one of [node, below]) app.graph.remove(one);
            return found; }"""
    )
    assert lacking <= 0 < gap


def value(page, node: str, widget: str):
    return page.evaluate(widget_of(node, widget) + ".value")


def kept(site, what: str) -> list[str]:
    return [one["name"] for one in site.get(f"/athanor/{what}")["kept"]]


def values_are_kept(site, page: Page) -> None:
    """A list of values is saved, deleted, brought back, renamed and taken; and all samplers are filled in."""
    dialog, says = page.page.locator(".athanor-own"), page.page.get_by_text
    press = lambda name: page.page.get_by_role("button", name=name, exact=True).first.click()  # noqa: E731
    examples = "import('/extensions/athanor/athanor/axis_examples.js')"
    given = [
        ["", "mean(last 4)"],
        ["2, MEAN(1-3)", "ema(0.1)"],
        ["2, mean(1-3)", "mean(1-3)"],
        ["2, mean(1-3)", "best 3"],
    ]
    joined = page.page.evaluate(f"(all) => {examples}.then((m) => all.map((one) => m.joined(...one)))", given)
    assert joined == ["mean(last 4)", "2, MEAN(1-3), ema(0.1)", "2, mean(1-3)", "best 3, mean(1-3)"]
    boxes = """import('/extensions/athanor/athanor/extend.js').then((m) => ["a", "b"].map((text) =>
        m.addBox({ addDOMWidget: (name) => ({ name }) }, "box", "BOX", document.createElement("p"), {}).name))"""
    assert len({*page.page.evaluate(boxes)}) == 2  # with one name, the values as they were read stayed empty after undo
    press("Lists…")
    press("Save as…")
    page.page.get_by_role("textbox", name="Name").fill("two shifts")
    page.page.keyboard.press("Enter")
    says("Saved: two shifts").wait_for()
    page.picture("compare_lists")
    press("Delete")
    says("Deleted: two shifts").wait_for()
    assert kept(site, "lists") == []
    page.page.keyboard.press("Enter")  # on Undo
    says("Saved: two shifts").wait_for()
    press("Rename…")
    page.page.get_by_role("textbox", name="Name").fill("shifts")
    page.page.keyboard.press("Enter")
    says("Saved: shifts").wait_for()
    assert kept(site, "lists") == ["shifts"]
    page.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")

    page.page.evaluate(
        f"() => {{ const type = {widget_of('3', 'type')}; type.value = 'sampler'; type.callback('sampler'); }}"
    )
    press("All values")
    asked = page.page.locator("dialog", has_text="Fill in")
    count = len(site.get("/athanor/axis/names?type=sampler")["names"])
    assert f"Fill in {count} values?" in asked.inner_text() and f"makes {count * 2} pictures" in asked.inner_text()
    page.picture("compare_all_values")
    page.page.keyboard.press("Enter")
    asked.wait_for(state="detached")
    assert len(value(page.page, "3", "values").splitlines()) == count > 30
    press("Lists…")
    dialog.get_by_role("combobox", name="Type").select_option("")
    page.page.get_by_role("searchbox", name="Search").fill("widget")
    press("Take these values")
    dialog.wait_for(state="detached")
    assert [value(page.page, "3", name) for name in ("type", "values")] == ["widget of the graph", "1, 3"]


def settings_are_kept(site, page: Page) -> None:
    """The settings of a grid are saved with its axis, and put back where both are gone; those of its pictures as well."""
    app = "window.comfyAPI.app.app"
    spoil = (
        f"() => {{ {widget_of('4', 'prompts')}.value = 'spoilt'; {app}.graph.remove({app}.graph.getNodeById('3')); }}"
    )
    settings = f"""() => {{ const node = {app}.graph.getNodeById('4'), of = (one, name) => one?.widgets.find((w) => w.name === name).value;
        const axis = node.getInputNode(node.inputs.findIndex((i) => i.name === 'x'));
        return [of(node, 'prompts'), of(axis, 'values')]; }}"""
    press_widget(page, "4", "Grid settings…", vue=True)
    page.page.get_by_role("button", name="Save as…").click()
    page.page.get_by_role("textbox", name="Name").fill("my grid")
    page.page.keyboard.press("Enter")
    page.page.get_by_text("Saved: my grid").wait_for()
    page.picture("compare_grids")
    assert kept(site, "grids") == ["my grid"]
    page.page.evaluate(spoil)
    page.page.get_by_role("button", name="Use these settings").click()
    page.page.locator(".athanor-own").wait_for(state="detached")
    before = page.page.evaluate(settings)
    assert before == ["red circle\ngreen cross", "1, 3"]
    page.settle()
    page.picture("compare_grid_taken")
    spoil = spoil.replace("getNodeById('3')", "nodes.find((n) => n.type === 'AthanorXYZAxis')")
    page.page.evaluate(spoil)
    assert page.page.evaluate(settings) == ["spoilt", None]
    press_widget(page, "4", "Open viewer", vue=True)
    page.page.locator(".athanor-compare").get_by_role("button", name="Use these settings").click()
    page.page.wait_for_selector(".athanor-compare", state="detached")
    until(lambda: page.page.evaluate(settings) == before)


def a_widget_is_chosen(site, page, vue: bool) -> str:
    """From the list on the axis, by mouse; the graph is queued, and the viewer opened. Returns the comparison's name."""
    which = "vue" if vue else "canvas"
    page.page.evaluate("(w) => window.comfyAPI.app.app.loadApiJson(w, 'test')", comparison(seed=int(vue)))
    place(page, {"1": (0, 0), "2": (0, 200), "3": (0, 400), "4": (500, 0), "5": (0, 800)})
    page.picture(f"compare_{which}_graph")
    assert page.page.evaluate(widget_of("3", "widget") + ".hidden")
    page.page.evaluate(
        f"() => {{ const type = {widget_of('3', 'type')}; type.value = 'widget of the graph'; type.callback(type.value); }}"
    )
    page.page.evaluate(f"() => {{ {widget_of('3', 'values')}.value = '1, 3'; }}")
    listed = widget_of("3", "widget") + ".options.values().filter((name) => name)"
    page.page.wait_for_function(f"{listed}.length === 2")
    assert page.page.evaluate(listed) == ["Load Checkpoint (1).ckpt_name", "ModelSamplingSD3 (2).shift"]
    page.settle()
    if vue:
        page.page.locator("[data-node-id='3']").get_by_role("combobox").nth(1).click()
        page.settle()
        page.picture(f"compare_{which}_list")
        page.page.get_by_role("option", name="ModelSamplingSD3 (2).shift").click()
    else:
        press_widget(page, "3", "widget", vue)
        page.settle()
        page.picture(f"compare_{which}_list")
        page.page.get_by_text("ModelSamplingSD3 (2).shift", exact=True).last.click()
    page.page.wait_for_function(f"{widget_of('3', 'widget')}.value === 'ModelSamplingSD3 (2).shift'")
    page.queue()
    page.page.wait_for_function("() => window.comfyAPI.app.app.graph.getNodeById('4').properties.athanor_comparison")
    name = page.page.evaluate("() => window.comfyAPI.app.app.graph.getNodeById('4').properties.athanor_comparison")
    data = site.get(f"/athanor/compare/{name}")
    assert {axis["title"] for axis in data["axes"]} >= {"ModelSamplingSD3.shift", "prompt"} and not data["failed"]
    page.page.locator(".athanor-axis .echo", has_text="ModelSamplingSD3.shift, 2 values: 1, 3").wait_for()
    page.settle()
    page.picture(f"compare_{which}_done")
    if vue:  # what the node says is Markdown there: its lines were put behind each other
        said = page.page.locator(".widget-markdown[node-type=AthanorXYZCompare] p", has_text="drawn now").first
        assert said.evaluate("(p) => getComputedStyle(p).whiteSpace") == "pre-line"
        assert page.page.locator("[data-node-id='4'] img:visible").count() == 1  # the last preview was shown twice

    press_widget(page, "4", "Open viewer", vue)
    page.page.wait_for_function("document.querySelectorAll('.athanor-compare td img').length === 4")
    page.page.wait_for_function(
        "[...document.querySelectorAll('.athanor-compare td img')].every((i) => i.complete && i.naturalWidth)"
    )
    page.picture(f"compare_{which}_viewer")
    return name


def loras_are_saved(site, page, told: Page) -> None:
    """By keyboard from the table: two LoRAs become one file, which the loaders list; what was chosen is what is made."""
    root = site.base / "models" / "loras"
    for seed in (1, 2):
        loras.write(root / f"stacked_{seed}.safetensors", site.base / "models/checkpoints/sd3.safetensors", "sd3", seed)
    axis = comparing.axis("LoRA", "stacked_1\nstacked_1:0.8 + stacked_2:0.5")
    folder = graphs.folder(site, site.run(comparing.comparison("sd3", y=axis, steps=1, seeds="77")))
    page.evaluate("(name) => import('/extensions/athanor/athanor/compare.js').then((m) => m.open(name))", folder.name)
    page.wait_for_function("document.querySelectorAll('.athanor-compare td img').length === 2")
    page.locator(".athanor-compare td img").first.focus()
    page.keyboard.press("l")  # a file as it is
    page.get_by_text("no new LoRA here").wait_for()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="save this LoRA").wait_for()
    told.picture("keep_enlarged")
    page.keyboard.press("l")
    dialog = page.get_by_role("dialog", name="Save as LoRA")
    dialog.get_by_text("Exact: nothing but numbers is rounded.").wait_for()
    assert dialog.locator(".sources li").all_inner_texts() == [
        "0.8 × stacked_1.safetensors",
        "0.5 × stacked_2.safetensors",
    ]
    assert dialog.get_by_label("Name").input_value() == "stacked_1-0.8-stacked_2-0.5"
    dialog.get_by_label("Name").fill("stacked_1")
    dialog.get_by_text("stacked_1.safetensors is in the loras folder already: choose another name.").wait_for()
    assert dialog.get_by_role("button", name="Save", exact=True).is_disabled()
    dialog.get_by_label("Name").fill("stacked s")  # keys of the viewer, which lies below
    dialog.get_by_label("Rank").select_option("2")
    dialog.get_by_text("Not exact: a lower rank, by SVD.").wait_for()
    told.picture("keep_dialog")
    dialog.get_by_label("Name").press("Enter")
    dialog.get_by_text("It is in the list of Load LoRA now").wait_for()
    assert "Differs from the sum of the originals by" in dialog.inner_text()
    told.picture("keep_saved")
    assert json.loads(graphs.metadata(root / "stacked s.safetensors")["athanor_edit"])["rank"]["rank"] == 2
    page.evaluate("document.activeElement.blur()")  # as fields do that are off while a file is made
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    assert page.locator(".athanor-compare .popup:visible").count() == 1  # only the dialog is closed
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector(".athanor-compare", state="detached")
    page.wait_for_function("'stacked s.safetensors' in Object.fromEntries(LiteGraph.registered_node_types.LoraLoader"
                           ".nodeData.input.required.lora_name[0].map((n) => [n, 1]))")  # fmt: skip
    assert not site.get(f"/athanor/compare/{folder.name}")["marks"]


def the_pictures_are_judged(site, page, name: str) -> None:
    """Marked, noted, saved and compared blind; and the folder alone, as a file."""
    the_address_keeps_the_view(page.page, name, lambda text: f"athanor_view={name}" + (f"%7E{text}" if text else ""))
    page.page.get_by_role("button", name="Close the viewer").click()
    page.page.wait_for_function("!document.querySelector('.athanor-compare')")
    assert "athanor_view" not in page.page.url
    page.page.go_back()  # and Back opens it again
    page.page.wait_for_function("document.querySelectorAll('.athanor-compare td img').length === 4")
    second = page.page.locator(".athanor-compare td img").nth(1)
    cell = second.get_attribute("data-cell")
    second.click()
    keys = page.page.keyboard
    keys.press("s")
    keys.press("n")
    keys.type("warmer, keep this")
    keys.press("Enter")
    keys.press("p")
    keys.press("ArrowLeft")
    keys.press("w")
    page.settle(20)
    page.picture("compare_wipe")
    keys.press("Escape")
    page.page.wait_for_function("document.querySelector('.athanor-compare .popup').hidden")
    assert page.page.locator(".athanor-compare .cell.star").count() == 1
    assert page.page.locator(".athanor-compare > header .hint").inner_text() == ""  # its pictures are of no LoRA
    until(lambda: "note" in site.get(f"/athanor/compare/{name}")["marks"].get(cell, {}))
    assert site.get(f"/athanor/compare/{name}")["marks"] == {cell: {"star": True, "note": "warmer, keep this"}}
    with page.page.expect_download() as saved:
        page.page.get_by_role("button", name="save picture").click()
    saved.value.save_as(page.pictures / "compare_sheet.png")
    with Image.open(page.pictures / "compare_sheet.png") as sheet:
        assert sheet.width > 2 * 256 and sheet.height > 2 * 256

    # Blind: names are hidden, three votes are counted, and the result names the values.
    page.page.get_by_role("button", name="blind duel").click()
    assert "prompt" not in page.page.locator(".athanor-compare .popup").inner_text()
    page.picture("compare_duel")
    for key in ("ArrowLeft", "ArrowRight", "ArrowDown", "Escape"):
        keys.press(key)
    rows = page.page.locator(".athanor-compare .result tr").all_inner_texts()
    assert len(rows) == 2 and all("of 3" in row for row in rows)
    keys.press("Escape")
    keys.press("Escape")
    page.page.wait_for_function("!document.querySelector('.athanor-compare')")
    folder = site.base / "output" / "athanor" / "compare" / name
    until(lambda: '"note": "warmer, keep this"' in (folder / "viewer" / "index.html").read_text(encoding="utf-8"))
    assert "athanor_view" not in page.page.url

    # With scores: a number and a bar under each picture, the best first, a copy beside its training picture, all in the address.
    cells = site.get(f"/athanor/compare/{name}")["cells"]
    scored.write_comparison_scores(folder, cells=dict(zip(cells, (0.6, 0.5, 0.95, 0.7), strict=True)))
    site.post(f"/athanor/compare/{name}/portable", {})
    with page.another_tab():
        the_folder_alone(site, page, name, folder, cells)


def the_folder_alone(site, page, name: str, folder: Path, cells: list[str]) -> None:
    """As a file: its scores, then without them the same marks, the keys, a picture by handing the pictures over."""
    keys = page.page.keyboard
    page.page.goto((folder / "viewer" / "index.html").as_uri())
    the_scores_are_shown(page, cells)
    (folder / "scores.json").unlink()
    site.post(f"/athanor/compare/{name}/portable", {})
    page.page.goto("about:blank")
    page.page.goto((folder / "viewer" / "index.html").as_uri())
    page.page.wait_for_function("document.querySelectorAll('td img').length === 4")
    assert page.page.locator(".cell.star").count() == 1
    page.page.locator("td img").first.click()
    keys.press("x")
    keys.press("Escape")
    assert page.page.locator(".cell.reject").count() == 1
    with page.page.expect_file_chooser() as asked:
        page.page.get_by_role("button", name="save picture").click()
    with page.page.expect_download() as saved:
        asked.value.set_files(folder / "viewer" / "cells")
    saved.value.save_as(page.pictures / "compare_portable.png")
    page.picture("compare_folder")
    keys.press("Escape")
    the_address_keeps_the_view(page.page, name, lambda text: f"#{text}" if text else "")


def the_scores_are_shown(page, cells: list[str]) -> None:
    """Sorted, a copy beside its training picture, all scores; off in the switch, and then also after a reload."""
    shown = page.page
    shown.wait_for_function("document.querySelectorAll('td .score').length === 4")
    shown.locator("[name=sort]").select_option("pictures")
    best = shown.locator(".ranked .cell > img").all()
    assert [image.get_attribute("data-cell") for image in best] == [cells[i] for i in (2, 3, 0, 1)]
    assert best[0].get_attribute("alt").endswith(", likeness 0.950, looks like a copy")
    best[0].focus()
    shown.keyboard.press("ArrowRight")
    assert shown.evaluate("document.activeElement.dataset.cell") == cells[3]
    shown.get_by_role("button", name="Looks like a copy of a.png (0.950)").click()
    assert "a.png, 0.950 (a copy from 0.900 on)" in shown.locator(".beside figcaption").last.inner_text()
    page.picture("compare_copy")
    shown.reload()
    shown.wait_for_selector(".beside")
    assert shown.locator(".cell-scores summary").inner_text().startswith("looks like a copy")
    shown.keyboard.press("Escape")
    shown.get_by_role("button", name="verdict and scores").click()
    assert "0.80 +- 0.01 over 2 prompts" in shown.locator(".scores .verdict").inner_text()
    shown.keyboard.press("Escape")
    shown.locator("[name=score]").select_option("off")
    assert shown.locator(".score").count() == 0
    shown.locator("[name=score]").select_option("likeness")


def the_address_keeps_the_view(page, name: str, told) -> None:
    """A hidden value, then a picture opened by keyboard: each is a step of Back and Forward, and a link opens it."""

    def shows(pictures: int) -> None:
        page.wait_for_function(f"document.querySelectorAll('.athanor-viewer td img').length === {pictures}")

    hide = page.get_by_role("button", name="Hide red circle")
    hide.first.click()
    shows(2)
    assert told("hidden=") in page.url.replace("%3D", "=")
    page.go_back()
    shows(4)
    page.go_forward()
    shows(2)
    page.get_by_role("button", name="show 1 hidden").click()
    shows(4)
    columns = "document.querySelector('.athanor-viewer thead th:nth-child(2) .label').textContent"
    page.get_by_role("button", name="Exchange columns and rows").click()
    page.wait_for_function(f"{columns} === 'red circle'")
    page.go_back()
    page.wait_for_function(f"{columns} === '1'")
    page.locator(".athanor-viewer td img[tabindex='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function("!document.querySelector('.athanor-viewer .popup').hidden")
    assert told("picture=") in page.url.replace("%3D", "=")
    page.go_back()
    page.wait_for_function("document.querySelector('.athanor-viewer .popup').hidden")
    page.go_forward()
    page.wait_for_function("!document.querySelector('.athanor-viewer .popup').hidden")
    page.keyboard.press("Escape")
    last = "[...document.querySelectorAll('.athanor-viewer td img')].at(-1)"
    page.wait_for_function(f"document.activeElement === {last}")
