"""The page in Chinese, as a user sees it who has chosen the language in ComfyUI's settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from web_page import TAB, Page

ROOT = Path(__file__).resolve().parents[2]
SEEN = {
    "zh": (
        "训练 LoRA",
        "轮数 (epochs)",
        "训练任务",
        "运行工作流后，这里会画出损失曲线。",
        "停止并保留",
        "筛选训练任务",
    ),
    "zh-TW": (
        "訓練 LoRA",
        "輪數 (epochs)",
        "訓練任務",
        "執行工作流程後，這裡會畫出損失曲線。",
        "停止並保留",
        "篩選訓練任務",
    ),
}


@pytest.mark.parametrize("language", SEEN)
def test_nodes_panel_and_sidebar_speak_the_language_of_comfyui(site, browser, pictures, language):
    title, field, output, panel, button, filter_ = SEEN[language]
    workflow = json.loads((ROOT / "example_workflows" / "quickstart.json").read_text(encoding="utf-8"))
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
