"""The dataset page, opened from a node in both renderers: pictures with crop and caption, filters, keys."""

import base64

import graphs
import pytest
from PIL import Image, PngImagePlugin

DROP = """([selector, x, y, data]) => {
    const target = selector ? document.querySelector(selector) : window.comfyAPI.app.app.canvas.canvas;
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
    const at = { clientX: x, clientY: y, bubbles: true, cancelable: true, composed: true, dataTransfer };
    for (const kind of ["dragenter", "dragover", "drop"]) target.dispatchEvent(new DragEvent(kind, at));
}"""
"""A picture comes from another window: over the canvas, or over an element."""
ENTRIES = """async () => {
    const { droppedFiles, asDataset } = await import("/extensions/athanor/athanor/upload_files.js");
    const file = (name) => ({ name, isFile: true, file: (use) => use(new File(["x"], name)) });
    const folder = (name, ...inside) => ({ name, createReader: () => ({
        readEntries: (use) => use(inside.splice(0, 2)) }) });
    const many = Array.from({ length: 5 }, (_, i) => file(`${i}.png`));
    const items = (...entries) => entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry }));
    const dropped = async (...entries) => {
        const { name, files } = asDataset(await droppedFiles({ dataTransfer: { items: items(...entries) } }));
        return [name, ...files.map(({ path }) => path)];
    };
    return [await dropped(folder("cats", folder("2_x", ...many), file("a.txt"))), await dropped(folder("10_sks cat", file("a.png"))),
        await dropped(folder("2024_trip", file("a.png"))), await dropped(folder("20240115_trip", file("a.png"))),
        await dropped(folder("a", file("1.png")), file("b.png"))];
}"""
"""Folders that are dropped, of which a browser reads a few files at a time."""

NODES = """(folder) => {
    const { app } = window.comfyAPI.app, add = (type, x, values, from) => {
        const node = window.LiteGraph.createNode(type);
        node.pos = [x, 60];
        app.graph.add(node);
        for (const [name, value] of Object.entries(values)) node.widgets.find((w) => w.name === name).value = value;
        if (from) from.connect(0, node, 0);
        return node;
    };
    app.graph.clear();
    // The page keeps what an upload has set in a node of the same number, of the graph before.
    const load = add("AthanorDatasetLoader", 40, { folder, control_folder: "" });
    const size = { width: 64, height: 64, min_bucket_reso: 32, max_bucket_reso: 128, bucket_reso_steps: 16 };
    add("AthanorBucketer", 420, size, load);
    add("AthanorDatasetDoctor", 760, { trigger: "nobody" }, load);
    app.canvas.ds.reset();
    app.canvas.setDirty(true, true);
}"""


def shown(page) -> str:
    return page.page.locator(".athanor-dataset .where").inner_text()


def opened(page, vue: bool, kind: str) -> None:
    """Press the node's button; on the canvas there is no element to press, so at the place where it is drawn."""
    if vue:
        order = ["AthanorDatasetLoader", "AthanorBucketer", "AthanorDatasetDoctor"]
        page.page.get_by_role("button", name="Open dataset").nth(order.index(kind)).click()
    else:
        at = page.page.evaluate(
            """(kind) => { const { app } = window.comfyAPI.app, node = app.graph.nodes.find((n) => n.type === kind);
                const widget = node.widgets.find((w) => w.name === "athanor_dataset"), { ds, canvas } = app.canvas;
                const box = canvas.getBoundingClientRect();
                return [box.left + (node.pos[0] + node.size[0] / 2 + ds.offset[0]) * ds.scale,
                    box.top + (node.pos[1] + widget.last_y + 10 + ds.offset[1]) * ds.scale]; }""",
            kind,
        )
        page.page.mouse.move(*at)  # a hand comes from somewhere: the canvas learns what is under the pointer first
        page.settle(4)
        page.page.mouse.click(*at)
    page.page.wait_for_selector(".athanor-dataset .cell[data-filled] img")
    page.page.wait_for_function(
        "[...document.querySelectorAll('.athanor-dataset .cell img')].every((i) => i.naturalWidth)"
    )


# The canvas: the button is pressed there at last, and the panel is the same page in both.
@pytest.mark.parametrize("vue", [pytest.param(False, marks=pytest.mark.long), True], ids=["canvas", "vue"])
def test_pictures_tags_and_findings_of_nodes(site, used_page, vue, tmp_path):
    page = used_page
    which = "vue" if vue else "canvas"
    page.page.evaluate(NODES, "ds")
    page.settle(48)
    page.picture(f"dataset_nodes_{which}")
    opened(page, vue, "AthanorBucketer")
    assert shown(page) == "6 pictures, 12 per epoch with repeats"
    cells = page.page.locator(".athanor-dataset .cell")
    assert cells.count() == 6 and cells.locator(".crop").count() == 6
    page.page.wait_for_selector(".athanor-dataset .findings li")
    page.picture(f"dataset_{which}")

    # By keys alone: to the last picture, large, and back.
    page.page.keyboard.press("End")
    assert cells.nth(5).get_attribute("aria-selected") == "true"
    name = page.page.locator(".athanor-dataset .one h3").inner_text()
    assert name in cells.nth(5).get_attribute("aria-label")
    page.page.keyboard.press("Enter")
    assert name in page.page.locator(".athanor-dataset .stage p").inner_text()
    page.page.keyboard.press("Escape")
    assert not page.page.locator(".athanor-dataset .stage").is_visible()

    # A bucket, a tag's presence and absence, a text that nothing has.
    page.page.get_by_label("Bucket", exact=True).select_option("80x48")
    page.page.wait_for_function("document.querySelector('.athanor-dataset .where').innerText === '1 of 6 pictures'")
    page.page.get_by_role("button", name="Clear filters").click()
    page.page.wait_for_function("document.querySelector('.athanor-dataset .where').innerText.startsWith('6 pictures')")
    term = page.page.locator(".athanor-dataset .terms button").last
    count = int(term.locator(".count").inner_text())
    for left in (count, 6 - count):
        term.click()
        page.page.wait_for_function(
            f"document.querySelector('.athanor-dataset .where').innerText.startsWith('{left} of 6')"
        )
    page.page.get_by_label("Name or caption").fill("nowhere")
    page.page.wait_for_selector(".athanor-dataset .one:has-text('No picture matches')")
    page.page.get_by_label("Name or caption").press("Escape")
    page.page.wait_for_selector(".athanor-dataset", state="detached")

    # Without a mouse: the command, for which a key can be set. The doctor's node looks by its own settings.
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app;
            app.canvas.selectNode(app.graph.nodes.find((n) => n.type === "AthanorDatasetDoctor"));
            app.extensionManager.command.execute("Athanor.OpenDataset"); }"""
    )
    page.page.wait_for_selector(".athanor-dataset .findings li[data-level=error]:has-text('nobody')")
    page.page.keyboard.press("Escape")

    # Buttons and the line below the field `folder` are no widget values, and move none.
    kept = page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize().nodes.map((n) => n.widgets_values)")
    told = page.page.evaluate(
        "() => window.comfyAPI.app.app.graph.nodes.map((n) => n.widgets.filter((w) => w.serialize !== false).map((w) => w.value))"
    )
    assert kept == told and kept[0][:4] == ["ds", 1, False, ".txt"]
    a_folder_is_chosen_and_another_one_uploaded(page, site, tmp_path / f"dogs_{which}", vue)
    if vue:
        page.renderer(False)
        a_nodes_button_is_pressed_where_the_canvas_draws_it(page, tmp_path)


def a_folder_is_chosen_and_another_one_uploaded(page, site, own, vue) -> None:
    """In the node: a misspelt name, the list of folders, a folder of this computer, and one more picture on the dataset page."""
    line, dialog = page.page.locator(".athanor-folder"), page.page.locator(".athanor-upload")
    line.locator(".line:has-text('6 pictures, 6 captions')").wait_for()
    graphs.draw_dataset(site.base / "input" / "chosen" / "sub", 2)
    page.page.evaluate(
        """() => { const node = window.comfyAPI.app.app.graph.nodes[0], [widget] = node.widgets, host = node.onWidgetChanged;
            node.onWidgetChanged = (...told) => { window.heard = told.slice(0, 3); host?.apply(node, told); };
            widget.value = "chozen"; widget.callback(widget.value); }"""
    )
    line.get_by_role("button", name="chosen", exact=True).wait_for()  # did you mean
    line.get_by_role("button", name="Choose folder").click()
    page.page.locator(".athanor-folders [role=option]").first.wait_for()
    page.page.keyboard.type("sub")
    page.picture("dataset_folders")
    page.page.keyboard.press("Enter")
    line.locator(".line:has-text('2 pictures, 2 captions')").wait_for()
    assert line.locator("img").count() == 2
    # The host hears of it as of what is typed, and takes the red border of a refused folder away.
    assert page.page.evaluate("() => window.heard") == ["folder", "chosen/sub", "chozen"]

    pictures = own / "3_sks dog"
    graphs.draw_dataset(pictures, 4)
    for path in pictures.glob("*.txt"):
        path.write_bytes(b"dog, of number " + path.stem.encode())
    graphs.draw_dataset(own / "control" / pictures.name, 1)
    (own / "control" / pictures.name / "0.txt").unlink()
    # A new folder of which nothing is left out leaves nothing to ask.
    clean = own.rename(own.with_name(f"new_{own.name}"))
    line.get_by_role("button", name="Upload pictures").click()
    with page.page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(clean))
    page.page.wait_for_selector(".athanor-upload", state="detached")
    assert (site.base / "input" / clean.name / pictures.name / "3.png").is_file()
    clean.rename(own)
    (own / "notes.psd").touch()
    line.get_by_role("button", name="Upload pictures").click()
    with page.page.expect_file_chooser() as chooser:
        dialog.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(str(own))
    assert ".psd is not read" in dialog.locator("li").inner_text()
    page.picture("dataset_upload")
    dialog.get_by_role("button", name="Upload 9 files").click()
    page.page.wait_for_selector(".athanor-upload", state="detached")
    line.locator(".line:has-text('4 pictures, 4 captions')").wait_for()
    folders = """() => { const loader = window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorDatasetLoader");
        return ["mask_folder", "control_folder"].map((name) => loader.widgets.find((w) => w.name === name).value); }"""
    assert page.page.evaluate(folders) == ["", "control"]
    come = site.base / "input" / own.name / pictures.name
    assert (come / "0.txt").read_bytes() == (pictures / "0.txt").read_bytes()

    opened(page, vue, "AthanorBucketer")
    bucket, text = page.page.get_by_label("Bucket", exact=True), page.page.get_by_label("Name or caption")
    kept = bucket.locator("option").last.get_attribute("value")
    bucket.select_option(kept)
    text.focus()
    data = base64.b64encode((pictures / "1.png").read_bytes()).decode()
    page.page.evaluate(DROP, [".athanor-dataset", 300, 300, data])
    assert dialog.get_by_role("textbox").input_value() == own.name
    dialog.get_by_role("button", name="Upload", exact=True).click()
    # What is read anew leaves the filter and the cursor where they are.
    page.page.wait_for_function(
        "document.querySelector('.athanor-dataset .where')?.innerText.includes(' of 5 pictures')"
    )
    assert bucket.input_value() == kept and text.evaluate("(one) => one === document.activeElement")
    page.page.get_by_role("button", name="Clear filters").click()
    page.page.wait_for_function("document.querySelector('.athanor-dataset .where')?.innerText.startsWith('5 pictures')")
    a_pair_is_shown_side_by_side(page)
    captions_are_edited(page, come)
    (come / "0.txt").unlink()  # whatever was written while the page was open, the node tells it
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-dataset", state="detached")
    line.locator(".line:has-text('5 pictures, 3 captions')").wait_for()
    assert page.page.evaluate(ENTRIES) == [
        ["cats", *(f"2_x/{i}.png" for i in range(5)), "a.txt"],
        ["sks cat", "10_sks cat/a.png"],
        ["2024_trip", "a.png"],  # a year is no number of repeats
        ["20240115_trip", "a.png"],
        ["", "a/1.png", "b.png"],
    ]


def a_pair_is_shown_side_by_side(page) -> None:
    """What a picture is made from: a mark in the list, small below the picture, and large on its left."""
    dialog = page.page.locator(".athanor-dataset")
    of_pairs = dialog.locator(".cell[aria-label*=' · pair']")
    assert of_pairs.count() == 1
    of_pairs.click()
    loaded = "(where) => [...document.querySelectorAll(where)].filter((i) => i.naturalWidth).map((i) => i.alt)"
    dialog.locator(".one .controls figcaption:has-text('0.png · ')").wait_for()
    page.page.keyboard.press("Enter")
    page.page.wait_for_function(f"({loaded})('.athanor-dataset .pair img').length === 2")
    assert page.page.evaluate(loaded, ".athanor-dataset .from img") == ["Control picture 0.png"]
    page.picture("dataset_pair")
    page.page.keyboard.press("Escape")


COUNTED = """() => {
    const list = document.querySelector(".athanor-dataset ul.terms"), shown = [...list.querySelectorAll("[data-term]")];
    const counts = list.parentElement.querySelector("h3").innerText.endsWith(`(${shown.length})`);
    return counts && shown.some((one) => one.dataset.term === "two words");
}"""
"""Whether the list of tags has a new one, and the title counts it."""


def captions_are_edited(page, folder) -> None:
    """In the field of a picture, by its chips, and one tag in all that the filters let through; and back to the byte."""
    dialog = page.page.locator(".athanor-dataset")
    area, note, chips = dialog.locator(".edit textarea"), dialog.locator(".edit .note"), dialog.locator(".chips li")

    def cursor_on(name: str) -> None:
        dialog.locator(f".cell[aria-label^='{folder.name}/{name}']").click()
        page.page.wait_for_function(
            "(name) => document.querySelector('.athanor-dataset .one h3').innerText.endsWith(name)"
            " && !document.querySelector('.athanor-dataset .edit textarea').readOnly",
            arg=name,
        )

    before = {path.name: path.read_bytes() for path in folder.glob("*.txt")}
    cursor_on("0.png")
    page.page.keyboard.press("F2")
    area.fill("one, two words, three")
    note.filter(has_text="when you leave this field").wait_for()
    area.press("Control+Enter")
    note.filter(has_text="Saved.").wait_for()
    dialog.locator(".findings .older").wait_for()  # what the doctor has said may be mended now
    assert (folder / "0.txt").read_bytes() == b"one, two words, three" and chips.count() == 3
    page.page.wait_for_function(COUNTED)
    assert "two words" in dialog.locator(".cell[aria-selected=true] .words").inner_text()
    chips.get_by_role("button", name="Remove two words").press("Alt+ArrowLeft")
    chosen = "document.querySelector('.athanor-dataset .cell[aria-selected=true] .words').innerText"
    page.page.wait_for_function(f"{chosen}.startsWith('two words')")
    page.page.keyboard.press("Delete")
    dialog.get_by_label("Add a tag").fill("new, one")
    dialog.get_by_label("Add a tag").press("Enter")
    page.page.wait_for_function(f"{chosen} === 'one, three, new'")

    (folder / "0.txt").write_bytes(b"by another program")
    area.fill("mine")
    area.press("PageDown")  # leaves the picture, which saves: not over what another program wrote
    dialog.locator(".where:has-text('0.png is not saved')").wait_for()
    assert (folder / "0.txt").read_bytes() == b"by another program"
    page.errors[:] = [error for error in page.errors if "409" not in error]  # the browser notes what is refused
    cursor_on("0.png")
    note.filter(has_text="not saved yet").wait_for()
    assert area.input_value() == "mine"
    page.picture("dataset_captions")
    # The file had another text than the page knew, so the dataset is read anew: what is typed meanwhile stays.
    reloads: list = []
    page.page.route("**/athanor/datasets", lambda route: reloads.append(route))
    with page.page.expect_request("**/athanor/datasets"):
        area.press("Control+Enter")
    note.filter(has_text="Saved.").wait_for()
    area.fill("typed meanwhile")
    with page.page.expect_request("**/findings"):  # the last of what is asked for
        reloads.pop().continue_()
    page.page.unroute("**/athanor/datasets")
    assert area.input_value() == "typed meanwhile"
    area.press("Escape")
    assert area.input_value() == "mine" and (folder / "0.txt").read_bytes() == b"mine"
    (folder / "0.txt").write_bytes(before["0.txt"])

    dialog.get_by_label("Name or caption").fill(f"{folder.name}/")
    dialog.locator(".where:has-text('4 of 5')").wait_for()
    dialog.get_by_role("button", name="Edit captions").click()
    page.page.keyboard.type("mychar")
    page.page.keyboard.press("Enter")
    dialog.locator(".bulk p:has-text('change: 4, of the 4 pictures')").wait_for()
    page.picture("dataset_captions_bulk")
    page.page.keyboard.press("Enter")
    dialog.locator(".bulk p:has-text('files written: 4.')").wait_for()
    assert all(path.read_bytes() == b"mychar, " + before[path.name] for path in folder.glob("*.txt"))
    dialog.get_by_role("button", name="Undo: add 'mychar' in front").click()
    dialog.locator(".bulk p:has-text('4 caption files put back.')").wait_for()
    assert {path.name: path.read_bytes() for path in folder.glob("*.txt")} == before
    dialog.get_by_label("Name or caption").fill("")
    page.page.keyboard.press("Tab")


def a_nodes_button_is_pressed_where_the_canvas_draws_it(page, tmp_path) -> None:
    page.page.evaluate(NODES, "ds")
    page.settle(48)
    opened(page, False, "AthanorBucketer")
    assert shown(page) == "6 pictures, 12 per epoch with repeats"
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-dataset", state="detached")

    # A picture that is dropped on a Dataset Loader is uploaded, and not opened as the workflow that is in it.
    told = PngImagePlugin.PngInfo()
    told.add_text("workflow", '{"nodes": [], "links": [], "version": 0.4}')
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png", pnginfo=told)
    data = base64.b64encode((tmp_path / "a.png").read_bytes()).decode()
    at = page.page.evaluate(
        """() => { const { canvas, graph } = window.comfyAPI.app.app, box = canvas.canvas.getBoundingClientRect();
            const { pos: [x, y], size } = graph.nodes[0]; return [box.left + x + 60, box.top + y + size[1] / 2]; }"""
    )
    page.page.evaluate("() => { window.comfyAPI.app.app.graph.nodes[0].widgets[0].value = 'pets/ds'; }")
    page.page.evaluate(DROP, ["", *at, data])
    page.page.locator(".athanor-upload .where:has-text('1 picture, 0 captions')").wait_for()
    assert page.page.locator(".athanor-upload").get_by_role("textbox").input_value() == "pets/ds"
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-upload", state="detached")
    assert page.page.evaluate("() => window.comfyAPI.app.app.graph.nodes.length") == 3
