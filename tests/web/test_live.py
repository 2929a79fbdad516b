"""What a user sees while a run trains, in both renderers: the chart on the node, a reload, the buttons, the sidebar."""

from __future__ import annotations

import os

import graphs
import pytest
import run_manager
from folding import Folding
from waiting import until
from web_page import workflow

TRAINS = """(name) => { window.trains = (name) => window.comfyAPI.app.app.graph.nodes.find((n) =>
    n.type === "AthanorTrainLoRA" && n.widgets.find((w) => w.name === "output_name").value === name);
    return Boolean(window.trains(name)); }"""

RENAME = """(value) => { const node = window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA");
    const widget = node.widgets.find((w) => w.name === "output_name"); widget.value = value; widget.callback?.(value); }"""

PALETTE = "(name) => window.comfyAPI.app.app.extensionManager.setting.set('Comfy.ColorPalette', name)"
NODE_HERE = """window.comfyAPI.app.app.canvas.graph.nodes.find((n) => n.type === "AthanorTrainLoRA")"""
NODE = """window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA")"""
TEXT = f"{NODE}.widgets.some((one) => one.name === '$$node-text-preview')"
SHARES = """() => { const panel = document.querySelector(".athanor-panel"), over = panel.scrollHeight - panel.clientHeight;
    const parts = [".athanor-chart", ".athanor-hints"].map((part) => panel.querySelector(part).offsetHeight);
    return [...parts, over]; }"""
STARTED = f"""async () => {{ const {{ panelOf }} = await import("/extensions/athanor/athanor/node.js"), panel = panelOf({NODE});
    const job = {{ running: true, name: "", node: String({NODE}.id), workflow_id: String(window.comfyAPI.app.app.rootGraph.id) }};
    const said = [[job], [{{ ...job, node: "999" }}], []].map((jobs) => {{
        panel.trainings = jobs; panel.drawNow(); return panel.numbers.textContent; }});
    return said; }}"""
"""What a node without a run says while its own job runs, while another node's does, and while none does."""
SAME_WORDS = f"""async () => {{ const {{ panelOf }} = await import("/extensions/athanor/athanor/node.js"), panel = panelOf({NODE});
    const note = panel.element.querySelector(".athanor-note");
    const drawn = async () => {{ for (const _ of [1, 2, 3]) await new Promise(requestAnimationFrame); }};
    const isRed = () => note.classList.contains("failed");
    panel.say("the words"); await drawn();
    panel.fail("the words"); await drawn();
    const seen = [note.innerText, isRed()];
    panel.fail(""); await drawn();
    seen.push(isRed());
    panel.say("");
    return seen; }}"""
"""A note whose words are those of the failure as well, as a failed run's are: red while its node counts as failed."""
TOLD = f"window.comfyAPI.app.app.nodeOutputs[String({NODE}.id)]"


def runs(site, name: str) -> list[dict]:
    return site.get(f"/athanor/runs?name={name}")


def ended(site, name: str) -> dict:
    until(lambda: (found := runs(site, name)) and not found[0]["live"])
    return runs(site, name)[0]


def idle(site) -> None:
    """Until nothing is queued."""
    until(lambda: not any(site.get("/queue").values()))


@pytest.mark.parametrize(
    "vue",
    [
        False,
        # Vue nodes: the chart on a node is test_inside_a_subgraph's, the sidebar is the same page in both.
        pytest.param(True, marks=pytest.mark.long),
    ],
    ids=["canvas", "vue"],
)
def test_a_run_from_its_first_step_to_the_sidebar(site, page_to_leave, vue):
    page = page_to_leave
    which = "vue" if vue else "canvas"
    name = f"live_{which}"
    page.load(workflow(name, 3000))  # it is stopped below, however long the page takes to be there again
    assert page.points() == 0
    refuses = "(b) => b.getAttribute('aria-disabled') === 'true' && b.title === 'Nothing trains here yet'"
    assert page.page.get_by_role("button", name="Stop and keep").evaluate(refuses)
    press = "Press Run to see the loss here."
    assert page.page.evaluate(STARTED) == ["Started: the nodes before this one run first.", press, press]
    page.queue()
    few = page.wait_for_points(5)
    assert page.page.evaluate(SAME_WORDS) == ["the words", True, False]
    # A second one is queued under another name: the panel goes on with the first, and names what is next.
    page.page.evaluate(RENAME, f"{name}_next")
    page.queue()
    page.page.wait_for_function(
        "(n) => document.querySelector('.athanor-next').textContent === n", arg=f"next: {name}_next"
    )
    page.wait_for_points(few + 5)
    page.picture(f"{which}_running")
    (job,) = site.get("/queue")["queue_pending"]
    site.post("/queue", {"delete": [job[1]]})
    page.page.evaluate(RENAME, name)

    # A reload in mid-run shows the whole curve, and goes on.
    step = (
        runs(site, name)[0]["run_id"] and site.get(f"/athanor/runs/{runs(site, name)[0]['run_id']}/metrics")[-1]["step"]
    )
    page.open()
    whole = page.wait_for_points(step)
    page.look()
    page.wait_for_points(whole + 3)
    assert "running" in page.page.locator(".athanor-panel").first.inner_text()
    assert page.page.evaluate(SHARES)[0] >= 110 and not page.page.evaluate(f"() => {TEXT}")
    page.picture(f"{which}_reloaded")

    # Buttons: a file and a picture when asked for, then the end, with the file kept and offered by Load LoRA.
    before = runs(site, name)[0]
    page.page.evaluate(
        """() => { const { graph } = window.comfyAPI.app.app; window.loader = window.LiteGraph.createNode("LoraLoader");
            graph.add(window.loader); }"""
    )
    said = "(text) => document.querySelector('.athanor-panel .athanor-folded > [role=status]').textContent.startsWith(text)"
    for label, outcome in (("Sample now", "Samples of step "), ("Save now", f"Saved {name}-step")):
        page.page.get_by_role("button", name=label).first.click()
        page.page.wait_for_function(said, arg=outcome)
    assert len(runs(site, name)[0]["samples"]) > len(before["samples"])
    saved = next(c["file"] for c in runs(site, name)[0]["checkpoints"] if c["kind"] == "asked")
    page.page.get_by_role("button", name="Stop and keep").first.click()
    assert ended(site, name)["status"] == "stopped"
    page.page.wait_for_function("document.querySelector('.athanor-panel').innerText.includes('stopped')")
    page.page.wait_for_function(
        "document.querySelector('.athanor-panel').innerText.includes('is saved; queue the graph again to go on from there.')"
    )
    assert page.page.get_by_role("button", name="Stop and keep").first.get_attribute("aria-disabled") == "true"
    page.page.wait_for_function(
        """(file) => [window.loader, window.LiteGraph.createNode("LoraLoader")].every((node) =>
            node.widgets.find((w) => w.name === "lora_name").options.values.includes(file))""",
        arg=saved,
    )
    page.picture(f"{which}_stopped")
    idle(site)

    # A second run of the same name's neighbour, to be laid over it. The sidebar shows what starts, by itself.
    page.sidebar()
    page.page.wait_for_selector(f".athanor-runs li.chosen[data-run='{before['run_id']}']")
    page.load(workflow(f"{name}_2", 2, samples=False))
    height = page.page.evaluate(f"() => {NODE}.size[1]")
    page.queue()
    assert ended(site, f"{name}_2")["status"] == "done"
    page.wait_for_points(12)
    idle(site)
    # The loss curve that clients collect is not drawn below the chart once more.
    page.page.wait_for_function(f"{TOLD}.files?.length === 1")
    drawn = f"() => [...({TOLD}.images ?? []), ...({NODE}.imgs ?? [])].map((one) => one.src ?? one.filename)"
    assert page.page.evaluate(drawn) == []
    # The panel alone tells the result: the node covers nothing below it, and its buttons and chart keep their room.
    page.page.wait_for_function("document.querySelector('.athanor-panel').innerText.includes('finished')")
    page.page.wait_for_function(f"!{TEXT}")
    page.page.wait_for_timeout(300)
    over = "const panel = document.querySelector('.athanor-panel'), over = panel.offsetHeight - panel.parentElement.offsetHeight"
    low = f"() => {{ {over}; return [{NODE}.size[1], over]; }}"
    assert page.page.evaluate(low) == [height, 0]

    page.page.wait_for_selector(f".athanor-runs li.chosen[data-run='{runs(site, f'{name}_2')[0]['run_id']}']")
    rows = page.page.locator(".athanor-runs li")
    rows.nth(0).filter(has_text="finished").wait_for()
    page.row(name).filter(has_text="stopped").wait_for()
    page.row(name).locator("button.name").click()
    page.row(f"{name}_2").get_by_role("checkbox").check()
    page.page.wait_for_function("document.querySelectorAll('.athanor-curves .athanor-swatch').length === 2")
    page.page.wait_for_selector(".athanor-curves .athanor-chart:not([hidden]) canvas")
    page.page.wait_for_selector(".athanor-verdict li")
    page.page.locator(".athanor-legend button").nth(1).click()
    page.page.wait_for_selector(".athanor-legend button[aria-pressed=false]")
    page.page.locator(".athanor-curves .athanor-more").click()
    with page.page.expect_download() as got:
        page.page.get_by_role("button", name="Save table (CSV)").click()
    table = got.value.path().read_text().splitlines()
    assert table[0] == "run,name,step,epoch,seconds,loss,mean,lr,probe" and {n.split(",")[1] for n in table[1:]} == {
        name
    }
    page.page.locator(".athanor-legend button").nth(1).click()
    page.picture(f"{which}_overlay")
    page.page.locator(".athanor-details table tbody tr").nth(1).wait_for()
    page.page.locator(".athanor-pictures").scroll_into_view_if_needed()
    page.page.wait_for_function(
        "[...document.querySelectorAll('.athanor-pictures img')].every((i) => i.complete && i.naturalWidth)"
    )
    page.picture(f"{which}_pictures")

    # The matrix by keys alone.
    page.page.get_by_role("button", name="Open sample matrix").focus()
    page.page.keyboard.press("Enter")
    where = page.page.locator(".athanor-matrix .where")
    assert where.inner_text() == "base model: red circle"
    for key in ("ArrowDown", "ArrowRight"):
        page.page.keyboard.press(key)
    assert where.inner_text().startswith("step 20, epoch") and where.inner_text().endswith("green cross")
    shown = page.page.locator(".athanor-matrix td.here img")
    own = shown.get_attribute("src")
    page.page.keyboard.down(" ")
    assert where.inner_text() != "" and shown.get_attribute("src") != own
    page.page.keyboard.up(" ")
    assert shown.get_attribute("src") == own
    page.picture(f"{which}_matrix")
    page.page.keyboard.press("Enter")
    assert page.page.locator(".athanor-matrix .stage").is_visible()
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Escape")
    page.page.wait_for_selector(".athanor-matrix", state="detached")
    run_manager.by_keys(site, page, name)


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_workflows_stay_as_they_are(site, used_page, vue):
    """The chart is no widget value: not in the file, not in the queued graph. In both renderers."""
    page = used_page
    before = workflow("untouched", 2)
    stays(page, before)
    settings_fold_away(Folding(page))
    page.renderer(True)
    stays(page, before)
    inside_a_subgraph_and_after_a_tab_switch(site, page, "vue")


def stays(page, before: dict) -> None:
    page.load(before)
    after = page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize()")
    wanted = {n["id"]: n["widgets_values"] for n in before["nodes"] if n["type"].startswith("Athanor")}
    found = {n["id"]: n.get("widgets_values") for n in after["nodes"]}
    assert {i: found[i] for i in wanted} == wanted
    queued = page.page.evaluate("async () => (await window.comfyAPI.app.app.graphToPrompt()).output")
    train = next(n for n in queued.values() if n["class_type"] == "AthanorTrainLoRA")
    assert not [key for key in train["inputs"] if "athanor" in key]


def settings_fold_away(node: Folding) -> None:
    """Both renderers hide what a first LoRA does not need, and keep what is not at its default in sight on the canvas."""
    few = node.seen()
    assert few["rows"] == 5 and few["line"] == "Show 29 advanced settings" and "mixed_precision" not in few["names"]
    many = node.click()
    assert (many["rows"], many["line"]) == (34, "Hide 29 advanced settings") and many["height"] > few["height"] + 600
    assert node.again() == many  # saved with the workflow, its size as well
    assert node.click() == few
    node.page.look()  # folded, it may lie above what is seen, where the canvas draws nothing
    one = node.set("mixed_precision", "bf16")
    assert set(one["names"]) == {*few["names"], "mixed_precision"} and one["height"] == few["height"] + 24
    assert node.again() == one
    assert node.set("mixed_precision", "auto")["names"] == one["names"]  # a row does not go while it is edited
    assert node.again() == few
    rows = node.vue(True)["rows"]  # the host's own way, without the line
    assert rows < 8 and node.click_footer("Show advanced inputs")["rows"] == rows + 29
    assert (
        node.again()["rows"] == rows + 29 and node.click_footer("Hide advanced")["height"] < few["height"] + 100
    )  # no gap
    assert node.vue(False) == few


@pytest.mark.long
@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_inside_a_subgraph_and_after_a_tab_switch(site, page, vue):
    inside_a_subgraph_and_after_a_tab_switch(site, page, "canvas")


def inside_a_subgraph_and_after_a_tab_switch(site, page, which: str) -> None:
    """Its id is "n:9" then, and the chart is found all the same."""
    name = f"inner_{which}"
    page.load(workflow(name, 60, samples=False))
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app, g = app.canvas.graph;
            const inside = g.nodes.filter((n) => n.type === "AthanorTrainLoRA" || n.type === "AthanorNetworkConfig");
            const { node } = g.convertToSubgraph(new Set(inside));
            app.canvas.openSubgraph(node.subgraph, node); }"""
    )
    page.settle(48)
    page.look()
    # What is refused there is said in it, and with the subgraph's name.
    rename = f"(name) => {{ {NODE_HERE}.widgets.find((w) => w.name === 'output_name').value = name; }}"
    page.page.evaluate(rename, "../outside")
    page.queue()
    page.page.wait_for_function("document.querySelector('.athanor-note.failed')?.innerText.startsWith('output_name')")
    said = page.page.locator(".p-toast-message, [data-testid=toast]", has_text="output_name '../outside' is outside")
    assert " › Train LoRA" in said.inner_text()
    page.page.evaluate(rename, name)
    page.queue()
    page.wait_for_points(10)  # a part of fewer is as wide as four steps, and grows when a step comes
    assert not said.count() and not page.page.locator(".athanor-note.failed").count()
    page.picture(f"{which}_subgraph")
    the_middle_button_moves_the_chart(page)
    # Another workflow, whose node of that type has another name, does not take the curve over.
    page.load(workflow(f"{name}_other", 60, samples=False))
    page.page.wait_for_timeout(1500)
    assert page.points() == 0
    run = runs(site, name)[0]["run_id"]
    site.post(f"/athanor/runs/{run}/stop", {})
    ended(site, name)
    idle(site)
    # A workflow that names the run finds it again, whatever the node's number is.
    renamed = workflow(name, 60, samples=False)
    train = next(n for n in renamed["nodes"] if n["type"] == "AthanorTrainLoRA")
    for link in renamed["links"]:
        link[1] = 77 if link[1] == train["id"] else link[1]
        link[3] = 77 if link[3] == train["id"] else link[3]
    train["id"], renamed["last_node_id"] = 77, 78
    page.load(renamed)
    page.wait_for_points(5)


PART = f"""async () => {{ const {{ panelOf }} = await import("/extensions/athanor/athanor/node.js");
    return [[...window.comfyAPI.app.app.canvas.ds.offset], panelOf({NODE_HERE}).chart.view]; }}"""
"""Where the canvas is, and the part of the run that the node's chart shows."""


def the_middle_button_moves_the_chart(page) -> None:
    """Once it is zoomed; Vue nodes gave it to the canvas."""
    plot, mouse = page.page.locator(".athanor-panel .u-over").first, page.page.mouse
    plot.click()
    page.page.keyboard.press("+")
    box = plot.bounding_box()
    before, (low, high) = page.page.evaluate(PART)
    mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    mouse.down(button="middle")
    mouse.move(box["x"] + box["width"] / 2 + 20, box["y"] + 22, steps=3)
    mouse.up(button="middle")
    after, now = page.page.evaluate(PART)
    assert after == before and now[0] < low and now[1] < high
    page.page.keyboard.press("0")


def with_mistakes(site, name: str) -> dict:
    """A graph with many of them at once: captions that are not read, few steps, intervals longer than the run."""
    folder = site.base / "input" / "bare"
    graphs.draw_dataset(folder, 6)
    for file in folder.glob("*.txt"):
        file.rename(file.with_suffix(".TXT"))
    found = workflow(name, 3)
    values = {node["type"]: node["widgets_values"] for node in found["nodes"]}
    values["AthanorDatasetLoader"][:2] = ["bare", 2]
    train = values["AthanorTrainLoRA"]
    train[train.index("fixed") + 1] = 30  # save_every_n_epochs, behind the seed
    return found


NOTICED = """() => Object.fromEntries(window.comfyAPI.app.app.graph.nodes.map((node) => [node.type,
    node.widgets?.find((w) => w.name.startsWith("athanor_notice"))?.element.innerText]).filter(([, text]) => text))"""
LISTED = "() => [...document.querySelectorAll('.athanor-hints li')].map((one) => one.innerText)"
EACH = (
    "6 pictures, 0 captions", "6 captions not read: their upper and lower case differ", "learning_rate 10 is far from what AdamW",
    "18 steps in all, too few", "save_every_n_epochs is 30, the run has 3 epochs", "sample_every_n_steps is 20, the run has 18 steps",
)  # fmt: skip


def all_said(texts: list[str]) -> bool:
    return all(any(words in text for text in texts) for words in EACH)


def hints_open_by_keyboard(page) -> None:
    """One line of them leaves the chart its room; all are read whole, by key or click, and the panel scrolls."""
    before = page.page.evaluate(SHARES)
    assert before[0] >= 110 and before[1] < 20 and before[2] < 20
    button = page.page.locator(".athanor-panel .athanor-fold:visible").last
    assert button.inner_text().endswith(" hints")
    button.focus()
    page.page.keyboard.press("Enter")
    page.settle(4)
    chart, hints, over = page.page.evaluate(SHARES)
    assert chart >= 110 and hints > 100 and over > before[2] and button.get_attribute("aria-expanded") == "true"
    page.picture("hints_open")
    button.click()
    page.settle(4)
    assert page.page.evaluate(SHARES) == before


@pytest.mark.parametrize("vue", [False], ids=["canvas"])
def test_mistakes_are_said_in_a_light_theme_and_deleting(site, used_page, vue):
    """Before the run in the nodes, in it on its panel, and after it in sidebar and report."""
    page = used_page
    name = "kept/light"
    page.load(with_mistakes(site, name))
    page.page.wait_for_function(f"Object.keys(({NOTICED})()).length === 2 && ({LISTED})().length === 2")
    page.page.evaluate(
        """() => { const { app } = window.comfyAPI.app, node = app.graph.nodes.find((n) => n.type === "AthanorOptimizerConfig");
            node.widgets.find((w) => w.name === "learning_rate").value = 10;
            app.extensionManager.workflow.activeWorkflow.changeTracker.captureCanvasState(); }"""
    )
    page.page.wait_for_function(f"Object.keys(({NOTICED})()).length === 3")
    noticed = page.page.evaluate(NOTICED)
    assert noticed["AthanorDatasetLoader"].startswith("6 pictures, 0 captions: all are trained on an empty text")
    assert "learning_rate 10" in noticed["AthanorOptimizerConfig"] and "20" in noticed["AthanorSampleConfig"]
    page.picture("mistakes_before")
    page.queue()
    assert ended(site, name)["status"] == "done"
    page.page.wait_for_function("document.querySelector('.athanor-panel').innerText.includes('finished, got worse')")
    listed = page.page.evaluate(LISTED)  # without the name of the node that they stand on
    assert all_said(listed) and not any("Train LoRA:" in text for text in listed)
    hints_open_by_keyboard(page)
    assert "learning_rate" not in " ".join(
        page.page.locator(".athanor-panel .athanor-note").all_inner_texts()
    )  # not said twice
    page.picture("mistakes_after")
    idle(site)
    page.page.evaluate(PALETTE, "light")
    try:
        page.sidebar()
        page.row(name).locator("button.name").click()
        page.page.wait_for_selector(".athanor-details table tbody tr")
        page.row(name).filter(has_text="✗ finished, got worse").wait_for()
        verdict = page.page.locator(".athanor-verdict li").all_inner_texts()
        assert verdict[0].startswith("✗") and all_said(verdict) and "higher" not in " ".join(verdict)
        page.picture("light")
    finally:
        page.page.evaluate(PALETTE, "dark")
    # The same workflow is open, so that only another node says that the run's own is.
    page.page.wait_for_function(TRAINS, arg=name)
    page.page.evaluate("(name) => { window.before = window.trains(name); }", name)
    page.page.get_by_role("button", name="Open workflow").click()
    page.page.wait_for_function("(name) => window.trains(name) && window.trains(name) !== window.before", arg=name)
    page.page.wait_for_function("document.querySelector('.athanor-panel')?.dataset.points === '18'")
    page.page.get_by_role("button", name="Add compare axis").click()
    run = runs(site, name)[0]
    page.page.wait_for_function(
        """(id) => window.comfyAPI.app.app.graph.nodes.some((n) => n.type === "AthanorLoRARunAxis" &&
            n.widgets.find((w) => w.name === "source").value === id)""",
        arg=run["run_id"],
    )
    # The dataset as it was trained on.
    page.page.get_by_role("button", name="Dataset", exact=True).click()
    page.page.wait_for_selector(".athanor-dataset .cell .crop")
    assert page.page.locator(".athanor-dataset .where").inner_text().startswith("6 pictures, 12 per epoch")
    page.page.wait_for_function("[...document.querySelectorAll('.athanor-dataset img')].every((i) => i.naturalWidth)")
    page.picture("light_dataset")
    page.page.keyboard.press("Escape")
    # A star chooses what is compared; a copy has a name of its own and is offered.
    last = run["checkpoints"][-1]["file"]
    page.page.get_by_role("button", name=f"Star {last}").click()
    page.page.wait_for_selector(f'[aria-label="Star {last}"][aria-pressed=true]')
    page.page.get_by_role("button", name="Add compare axis").click()
    assert (
        page.page.evaluate(
            """() => window.comfyAPI.app.app.graph.nodes.filter((n) => n.type === "AthanorLoRARunAxis").pop()
            .widgets.find((w) => w.name === "epochs").value"""
        )
        == "last"
    )
    page.page.get_by_role("button", name=f"Copy {last} to the loras folder").click()
    page.page.get_by_label("Name of the copy").fill("kept/copy")
    page.page.get_by_label("Name of the copy").press("Enter")
    page.page.wait_for_function("document.querySelector('.athanor-details').innerText.includes('Copied to kept/copy')")
    assert (site.base / "models" / "loras" / "kept" / "copy.safetensors").is_file()
    page.page.wait_for_function(
        """() => window.LiteGraph.createNode("LoraLoader").widgets.find((w) => w.name === "lora_name").options.values
            .some((file) => /kept.copy/.test(file))"""
    )
    # Deleting asks first.
    file = site.base / "models" / "loras" / run["checkpoints"][-1]["file"]
    answers = iter([False, True])
    page.page.on("dialog", lambda dialog: dialog.accept() if next(answers) else dialog.dismiss())
    delete = page.page.get_by_role("button", name=f"Delete {run['checkpoints'][-1]['file']}")
    delete.click()
    page.page.wait_for_timeout(500)
    assert file.is_file()
    delete.click()
    page.page.wait_for_function("document.querySelector('.athanor-details').innerText.includes('Deleted')")
    assert not file.exists()
    # The report runs nothing and needs nothing.
    report = page.context.new_page()
    asked: list[str] = []
    report.on("request", lambda request: asked.append(request.url))
    report.goto(f"{site.url}/athanor/runs/{run['run_id']}/report")
    assert all_said(report.locator("p").all_inner_texts())
    assert report.locator("svg").count() >= 2 and all("/report" in url or url.startswith("data:") for url in asked)
    if os.environ.get("ATHANOR_SCREENSHOTS"):
        (page.pictures / "report.png").write_bytes(report.screenshot(full_page=True))
    report.close()
