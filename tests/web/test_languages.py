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
        "点击“运行”后，这里会画出损失曲线。",
        "停止并保留",
        "筛选训练任务",
    ),
    "zh-TW": (
        "訓練 LoRA (Athanor)",
        "輪數 (epochs)",
        "訓練任務",
        "按下「執行」後，這裡會畫出損失曲線。",
        "停止並保留",
        "篩選訓練任務",
    ),
}

SAID = [
    ("buckets is not connected: connect the output BUCKETS of Bucketer to it.", "buckets 没有连接：请把「分桶」的输出 BUCKETS 接到它。"),
    ("The disk is full (/my disk/a.safetensors): free some space.", "磁盘已满（/my disk/a.safetensors）：腾出一些空间。"),
    ("Who knows. The disk is full (x): free some space.\nWho: knows.", "Who knows. 磁盘已满（x）：腾出一些空间。\nWho: knows."),
    ("3 captions not read: they have the picture's ending in their names; rename cat.png.txt to cat.txt (a, b).",
     "3 条标注没有读取：文件名里带着图片的扩展名；请把 cat.png.txt 改名为 cat.txt（a, b）。"),
    ("Stopped while it encoded pictures (3 of 12): nothing was trained, what is encoded is kept. "
     "Queue the graph again to go on.",
     "已停止（编码图片时（3 / 12）：没有训练任何内容，已编码的内容保留）。要继续，请再次运行工作流。"),
    ("A batch of 4 of 512x512 does not fit on the GPU and will be computed in pieces, which is slower. "
     "Set ema_decay to 0; or algo to lora.",
     "一批 4 张 512x512 放不进 GPU，会分块计算，速度较慢。请调整：ema_decay 设为 0；或 algo 设为 lora。"),
    ("Look at epoch 2 (step 40), epoch 4 (step 80).", "请看 第 2 轮（第 40 步），第 4 轮（第 80 步）。"),
    # Names that look like sentences, or like what is filled in, stay as they are.
    ("my holiday pictures", "my holiday pictures"),
    ("cat and dog, in {1}.png", "cat and dog, in {1}.png"),
    ("'$& is not connected: connect' is not on", "'$& is not connected: connect' is not on"),
]  # fmt: skip
"""Sentences of the server, and what the page in Chinese says."""
TOLD = """async (said) => {
    const { tellBy, templatesOf } = await import("/extensions/athanor/athanor/sentences.js");
    const catalogue = await (await fetch("/extensions/athanor/athanor/sentences.json")).json();
    const bare = (text) => text.replace(/ /g, "");
    const unlike = ["zh", "zh-TW"].flatMap((language) => {
        const templates = templatesOf(catalogue, language);
        const filled = (text) => text.replace(/\\{\\w+\\}/g, "7");
        return Object.entries(catalogue).filter(([english, row]) => /[a-z]{2}/i.test(english)
            && bare(tellBy(templates, filled(english))) !== bare(filled(row[language]))).map(([english]) => english);
    });
    const templates = templatesOf(catalogue, "zh");
    return [said.map((text) => tellBy(templates, text)), unlike];
}"""


VIEWER = """async () => {
    const { mount } = await import("/extensions/athanor/viewer/viewer.js");
    const data = { title: "t", name: "n", failed: { b: "The disk is full (x): free some space." }, marks: {}, cells: ["a", "b"],
        sizes: { a: [64, 64] }, axes: [{ title: "seed", common: "", values: ["1", "2"], names: ["1", "2"] }] };
    const root = document.createElement("div");
    const remove = mount(root, data, () => "data:,", { keys: root, bar: null });
    const found = [root.querySelector("[name=duel]").textContent, root.querySelector(".failed").textContent];
    remove();
    return found;
}"""
"""What the viewer says: a button, and why a picture is missing."""


RESULT = """async () => {
    const { app, api } = { ...window.comfyAPI.app, ...window.comfyAPI.api };
    const node = window.LiteGraph.createNode("AthanorXYZAxis");
    app.graph.add(node);
    const shown = () => node.widgets.find((one) => one.name === "$$node-text-preview")?.value;
    api.dispatchCustomEvent("progress_text", { nodeId: String(node.id), text: "1 picture\\nmy 3 pictures" });
    const before = shown();
    api.dispatchCustomEvent("execution_success", { prompt_id: "none" });
    await new Promise((done) => setTimeout(done, 200));
    const found = [before, shown()];
    app.graph.remove(node);
    return found;
}"""
"""What stands on a node that has told a result: while the job runs, and after."""


def without_some(language: str):
    """As a contributor who knows English only leaves the nodes' texts: some are not translated."""

    def answer(route):
        response = route.fetch()
        texts = response.json()
        del texts[language]["nodeDefs"]["AthanorTrainLoRA"]["inputs"]["max_train_steps"]
        del texts[language]["nodeDefs"]["AthanorLossConfig"]
        route.fulfill(response=response, json=texts)

    return answer


@pytest.mark.parametrize("language", ["zh", pytest.param("zh-TW", marks=pytest.mark.long)])
def test_nodes_panel_and_sidebar_speak_the_language_of_comfyui(site, browser, pictures, language):
    title, field, output, panel, button, filter_ = SEEN[language]
    workflow = json.loads((ROOT / "demo" / "quickstart.json").read_text(encoding="utf-8"))
    example = json.loads((ROOT / "example_workflows" / "1 First LoRA - SD1.5.json").read_text(encoding="utf-8"))
    note = next(node for node in example["nodes"] if node["type"] == "MarkdownNote")
    own = note | {"id": 901, "widgets_values": [note["widgets_values"][0] + "\nMy own line."]}
    workflow["nodes"] += [note | {"id": 900}, own]
    # As if saved by a page: of one as shipped the page moves the view, and on 1.58 nodes out of sight are left out.
    workflow["extra"]["ds"] = {"scale": 1, "offset": [0, 0]}
    settings, answers = {"Comfy.Locale": language}, {"**/i18n": without_some(language)}
    page = Page(browser, site, vue=False, pictures=pictures, settings=settings, answers=answers)
    try:
        page.load(workflow)
        page.look()
        told = page.page.evaluate(
            """() => { const node = window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA");
                return [node.title, node.widgets.find((w) => w.name === "epochs").label, node.outputs[0].localized_name]; }"""
        )
        assert told == [title, field, output]
        assert page.page.locator(".athanor-panel .athanor-line").first.inner_text().startswith(panel)
        assert page.page.get_by_role("button", name=button).first.is_visible()
        page.page.locator(TAB).first.click()
        assert page.page.get_by_placeholder(filter_).is_visible()
        notes = page.page.evaluate(
            "() => [900, 901].map((id) => window.comfyAPI.app.app.graph.getNodeById(id).widgets[0].value)"
        )
        assert notes[0].startswith({"zh": "# 第一个 LoRA：SD1.5\n", "zh-TW": "# 第一個 LoRA：SD1.5\n"}[language])
        assert notes[1] == own["widgets_values"][0]  # it was changed, and stays as it is
        why = "async () => (await import('/extensions/athanor/athanor/http.js')).get('/runs/none').catch((e) => e.message)"
        assert page.page.evaluate(why) == {"zh": "没有这个训练任务", "zh-TW": "沒有這個訓練任務"}[language]
        page.errors = [error for error in page.errors if "404" not in error]  # the browser's own line
        page.picture(f"language-{language}")
        what_has_no_translation_is_shown_in_english(page, title, {"zh": "删除", "zh-TW": "刪除"}[language])
        duel, failed = {
            "zh": ("盲选对决", "失败：磁盘已满（x）：腾出一些空间。"),
            "zh-TW": ("盲選對決", "失敗：磁碟已滿（x）：騰出一些空間。"),
        }[language]
        assert page.page.evaluate(VIEWER) == [duel, failed]
        one = {"zh": "1 张图片", "zh-TW": "1 張圖片"}[language]
        assert page.page.evaluate(RESULT) == ["1 picture\nmy 3 pictures", f"{one}\nmy 3 pictures"]
        told, unlike = page.page.evaluate(TOLD, [english for english, _ in SAID])
        assert told == [chinese for _, chinese in SAID]
        assert not unlike  # no sentence has the form of another one that is translated otherwise
        assert not page.errors
    finally:
        site.post("/settings", {"Comfy.Locale": "en"})
        page.close()


def what_has_no_translation_is_shown_in_english(page, title: str, delete: str) -> None:
    shown = page.page.evaluate(
        """async () => {
            const [train, loss] = ["TrainLoRA", "LossConfig"].map((name) => window.LiteGraph.createNode(`Athanor${name}`));
            const field = train.widgets.find((widget) => widget.name === "max_train_steps");
            const { t } = await import("/extensions/athanor/athanor/words.js");
            return [train.title, field.label ?? field.name, loss.title, loss.widgets[0].label ?? loss.widgets[0].name,
                t("Delete"), t("{count} new words", { count: 3 })]; }"""
    )
    assert shown == [title, "max_train_steps", "Loss Config", "loss_type", delete, "3 new words"]
