"""The help of every node, as it opens in the page."""

from __future__ import annotations

import help_pages
import pytest
from web_page import Page


@pytest.fixture
def vue() -> bool:
    return False


@pytest.fixture
def page(request, site, browser, pictures, language):
    """In that language, which a page learns when it is loaded; those that are left speak English."""
    if language.code == "en":
        page = request.getfixturevalue("used_page")
        yield page
        page.setting("Comfy.RightSidePanel.IsOpen", False)
        return
    page = Page(browser, site, vue=False, pictures=pictures, settings={"Comfy.Locale": language.code})
    yield page
    site.post("/settings", {"Comfy.Locale": "en", "Comfy.RightSidePanel.IsOpen": False})
    page.close()
    assert not page.errors


# Chinese: tests/host/test_help looks at its files and tables, and test_languages at the page in Chinese.
@pytest.mark.parametrize(
    "language",
    [pytest.param(one, marks=[pytest.mark.long] * (one.code != "en")) for one in help_pages.LANGUAGES],
    ids=lambda language: language.code,
)
def test_help_of_every_node_opens_with_text_picture_and_table(site, page, language):
    info = {name: node for name, node in site.get("/object_info").items() if name.startswith("Athanor")}
    missing = []

    def answered(answer) -> None:
        if answer.status >= 400 and "/extensions/athanor" in answer.url:
            missing.append(answer.url)

    page.page.on("response", answered)
    page.page.evaluate(
        """(types) => { const { app } = window.comfyAPI.app; app.graph.clear();
            for (const type of types) app.graph.add(window.LiteGraph.createNode(type));
            app.graph.nodes.forEach((node, at) => { node.pos = [at * 600, 0]; });
            app.canvas.ds.scale = 1; app.canvas.ds.offset = [200, 200]; app.canvas.setDirty(true, true);
            app.canvas.selectItems([app.graph.nodes[0]]); }""",
        list(info),
    )
    page.page.get_by_test_id("info-button").click()  # above the node; from here on the panel follows the selection
    for name in info:
        page.page.evaluate(
            """(type) => { const { canvas, graph } = window.comfyAPI.app.app;
                canvas.selectItems([graph.nodes.find((node) => node.type === type)]); }""",
            name,
        )
        path, written = help_pages.page_of(name, language)
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0].removeprefix("# ")
        help_ = page.page.locator(".node-help-content", has=page.page.get_by_role("heading", name=title, exact=True))
        help_.wait_for()
        assert help_.locator("table").count() >= 2
        assert help_.get_by_role("heading", name=written.inputs).count() == 1
        page.page.wait_for_function(
            "() => [...document.querySelectorAll('.node-help-content img')].every((i) => i.complete && i.naturalWidth)"
        )
        if name in ("AthanorLossConfig", "AthanorTrainLoRA"):
            page.picture(f"help_{language.code}_{name}")
    page.page.remove_listener("response", answered)
    assert not missing
