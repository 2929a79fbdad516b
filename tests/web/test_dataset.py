"""The dataset page, opened from a node in both renderers: pictures with crop and caption, filters, keys."""

import pytest

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
    const load = add("AthanorDatasetLoader", 40, { folder });
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
        page.page.mouse.click(*at)
    page.page.wait_for_selector(".athanor-dataset .cell[data-filled] img")
    page.page.wait_for_function(
        "[...document.querySelectorAll('.athanor-dataset .cell img')].every((i) => i.naturalWidth)"
    )


# The canvas: the last test presses the button there, and the panel is the same page in both.
@pytest.mark.parametrize("vue", [pytest.param(False, marks=pytest.mark.long), True], ids=["canvas", "vue"])
def test_pictures_tags_and_findings_of_nodes(site, page, vue):
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

    # The button is no widget value.
    kept = page.page.evaluate(
        "() => window.comfyAPI.app.app.graph.serialize().nodes.map((n) => n.widgets_values.length)"
    )
    told = page.page.evaluate("() => window.comfyAPI.app.app.graph.nodes.map((n) => n.widgets.length - 1)")
    assert kept == told


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_a_nodes_button_is_pressed_where_the_canvas_draws_it(page, vue):
    page.page.evaluate(NODES, "ds")
    page.settle(48)
    opened(page, vue, "AthanorBucketer")
    assert shown(page) == "6 pictures, 12 per epoch with repeats"
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-dataset", state="detached")
