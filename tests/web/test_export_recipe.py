"""Export in the page: of a run in the sidebar, and of an open graph by the menu of Train LoRA and by the command."""

from __future__ import annotations

import json

import pytest
import run_folders
from web_page import workflow

SELECT = """() => {
    const { app } = window.comfyAPI.app;
    app.canvas.selectItems([app.graph.nodes.find((node) => node.type === "AthanorTrainLoRA")]);
}"""
MENU = """async () => {
    const { app } = window.comfyAPI.app;
    const node = app.graph.nodes.find((one) => one.type === "AthanorTrainLoRA");
    const extension = app.extensions.find((one) => one.name === "Athanor.Export");
    const items = extension.getNodeMenuItems(node);
    const others = app.graph.nodes.filter((one) => one !== node).flatMap((one) => extension.getNodeMenuItems(one));
    if (others.length) throw new Error("other nodes have the entry");
    await items[0].callback();
    return items[0].content;
}"""
COMMAND = """() => window.comfyAPI.app.app.extensionManager.command.execute("Athanor.ExportRecipe")"""


@pytest.fixture
def vue() -> bool:
    return False


def dialog(page):
    return page.page.locator("dialog.athanor-export")


def choose(page, form: str, file: str) -> str:
    """Choose a form, wait for a file of it, and return what is shown."""
    dialog(page).get_by_role("radio", name=form).check()
    dialog(page).get_by_role("button", name=file).wait_for()
    dialog(page).get_by_role("button", name=file).click()
    view = dialog(page).locator(".view > *")
    return view.inner_text() if view.evaluate("(element) => element.tagName") == "PRE" else ""


def test_export(site, used_page):
    page = used_page
    run_folders.write(site.base / "output" / "athanor" / "runs", site.base / "models" / "loras", "export_7")
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    of_a_run(page)
    of_an_open_graph(page)


def of_a_run(page) -> None:
    """Each form with its files; what is left out; copied and downloaded; Escape."""
    page.sidebar()
    page.page.locator(".athanor-runs li button.name").filter(has_text="Cat").first.click()  # its label
    opener = page.page.get_by_role("button", name="Export…").first
    opener.click()
    assert "Export Cat" in dialog(page).locator("h2").inner_text()
    assert "train_network.py" in choose(page, "sd-scripts command", "train.sh")
    page.picture("export_command")
    assert 'image_dir = "cats"' in choose(page, "sd-scripts command", "dataset.toml")
    assert json.loads(choose(page, "job.json", "job.json"))["training"]["output_name"] == "export_7"
    assert "variables" in choose(page, "JSON for the API", "workflow_api.json")
    assert not dialog(page).locator(".left-out").is_visible()

    assert "| Length | 3 epochs, 12 steps |" in choose(page, "Markdown table", "settings.md")
    dialog(page).get_by_role("button", name="Copy").click()
    dialog(page).get_by_text("Copied: settings.md").wait_for()
    assert "| Length | 3 epochs, 12 steps |" in page.page.evaluate("navigator.clipboard.readText()")
    with page.page.expect_download() as loading:
        dialog(page).get_by_role("button", name="Download", exact=True).click()
    assert loading.value.suggested_filename == "settings.md"
    page.picture("export_table")
    choose(page, "Markdown table", "loss_curve.png")
    assert (
        dialog(page)
        .locator(".view img")
        .evaluate("async (image) => { await image.decode(); return image.naturalWidth; }")
        == 960
    )
    assert not dialog(page).get_by_role("button", name="Copy").is_visible()
    page.picture("export_curve")

    choose(page, "Civitai", "description.html")
    frame = page.page.frame_locator(".athanor-export iframe")
    assert "Learning rate: 1e-4" in frame.locator("body").inner_text()
    dialog(page).get_by_role("button", name="Copy").click()
    dialog(page).get_by_text("Copied: description.html").wait_for()
    assert dialog(page).locator(".left-out summary").inner_text() == "4 things are left out"
    dialog(page).locator(".left-out summary").click()
    assert "metadata_trigger_phrase" in dialog(page).locator(".left-out").inner_text()
    page.picture("export_civitai")
    assert "Type: LoRA" in choose(page, "Civitai", "fields.txt")
    page.page.keyboard.press("Escape")
    dialog(page).wait_for(state="detached")
    assert opener.evaluate("(button) => button === document.activeElement")


def of_an_open_graph(page) -> None:
    """The menu of the node and the command; the form that was looked at last; what is wrong is said in the dialog."""
    page.load(workflow("export_open", 3))
    assert page.page.evaluate(MENU) == "Export recipe…"
    assert dialog(page).get_by_role("radio", name="Civitai").is_checked()
    text = choose(page, "sd-scripts command", "train.sh")
    assert "--output_name export_open" in text and "--max_train_epochs 3" in text
    page.page.keyboard.press("Escape")
    page.page.evaluate(SELECT)
    page.page.evaluate(
        "window.comfyAPI.app.app.graph.nodes.find((n) => n.type === 'AthanorBucketer').widgets[0].value = 60"
    )
    page.page.evaluate(COMMAND)
    dialog(page).get_by_text("Bucketer", exact=False).filter(has_text="width is 60").first.wait_for()
    assert dialog(page).get_by_role("button", name="Download", exact=True).is_disabled()
    page.picture("export_refused")
    page.page.keyboard.press("Escape")
    dialog(page).wait_for(state="detached")
    assert all("422" in error for error in page.errors), page.errors  # the browser's own line
    page.errors.clear()
