"""The page in Chinese, as a user sees it who has chosen the language in ComfyUI's settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from web_page import TAB, Page

ROOT = Path(__file__).resolve().parents[2]
SEEN = {
    "zh": (
        "训练 LoRA (Athanor)",
        "轮数 (epochs)",
        "训练任务",
        "运行工作流后，这里会画出损失曲线。",
        "停止并保留",
        "筛选训练任务",
    ),
    "zh-TW": (
        "訓練 LoRA (Athanor)",
        "輪數 (epochs)",
        "訓練任務",
        "執行工作流程後，這裡會畫出損失曲線。",
        "停止並保留",
        "篩選訓練任務",
    ),
}


@pytest.mark.parametrize("language", ["zh", pytest.param("zh-TW", marks=pytest.mark.long)])
def test_nodes_panel_and_sidebar_speak_the_language_of_comfyui(site, browser, pictures, language):
    title, field, output, panel, button, filter_ = SEEN[language]
    workflow = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    page = Page(browser, site, vue=False, pictures=pictures)
    try:
        site.post("/settings", {"Comfy.Locale": language})
        page.open()
        page.load(workflow)
        told = page.page.evaluate(
            """() => { const node = window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA");
                return [node.title, node.widgets.find((w) => w.name === "epochs").label, node.outputs[0].localized_name]; }"""
        )
        assert told == [title, field, output]
        assert page.page.locator(".athanor-panel").first.inner_text().startswith(panel)
        assert page.page.get_by_role("button", name=button).first.is_visible()
        page.page.locator(TAB).first.click()
        assert page.page.get_by_placeholder(filter_).is_visible()
        page.picture(f"language-{language}")
        assert not page.errors
    finally:
        site.post("/settings", {"Comfy.Locale": "en"})
        page.close()


def test_what_has_no_translation_is_shown_in_english(site, browser, pictures):
    """A contributor who knows English only adds a text: the page in Chinese shows it as it is."""
    page = Page(browser, site, vue=False, pictures=pictures)

    def without_some(route):
        answer = route.fetch()
        nodes = answer.json()
        del nodes["zh"]["nodeDefs"]["AthanorTrainLoRA"]["inputs"]["epochs"]
        del nodes["zh"]["nodeDefs"]["AthanorLossConfig"]
        route.fulfill(response=answer, json=nodes)

    try:
        site.post("/settings", {"Comfy.Locale": "zh"})
        page.context.route("**/i18n", without_some)
        page.open()
        shown = page.page.evaluate(
            """async () => {
                const [train, loss] = ["TrainLoRA", "LossConfig"].map((name) => window.LiteGraph.createNode(`Athanor${name}`));
                const field = train.widgets.find((widget) => widget.name === "epochs");
                const { t } = await import("/extensions/athanor/athanor/words.js");
                return [train.title, field.label ?? field.name, loss.title, loss.widgets[0].label ?? loss.widgets[0].name,
                    t("Delete"), t("{count} new words", { count: 3 })]; }"""
        )
        assert shown == ["训练 LoRA (Athanor)", "epochs", "Loss Config", "loss_type", "删除", "3 new words"]
        assert not page.errors
    finally:
        site.post("/settings", {"Comfy.Locale": "en"})
        page.close()
