"""The page's store of runs, as the browser runs it."""

from __future__ import annotations

import time

import pytest
from athanor.training_core.byte_size import format_bytes

WATCH = """async () => {
    const { run } = await import("/extensions/athanor/athanor/store.js");
    window.unwatch = run("far").watch(() => {});
}"""


ORDER = """async () => {
    const order = await import("/extensions/athanor/athanor/run_order.js");
    const row = (title, values) => ({ title, run_id: title, label: "", note: "", tags: [], status: "done", time: 0, ...values });
    const rows = [
        row("b9", { time: 1, status: "killed", tags: ["x"], probe: 90 }),
        row("A", { time: 3, archived: true, base_model: "sdxl" }),
        row("b10", { time: 2, note: "My own note", starred: true, probe: 95, archived: false }),
    ].map((each) => ({ archived: false, ...each }));
    const names = (found) => found.map((each) => each.title);
    const sorted = (key, falls, disk) => names(order.sorted(rows, { key, falls }, disk));
    const found = (filter) => names(rows.filter((each) => order.matches(each, filter))).sort().join(" ");
    const filters = { "": {}, archived: { state: "archived" }, failed: { state: "failed" }, running: { state: "running" },
        "my note": { text: "NOTE  my" }, "note killed": { text: "note killed" }, tag: { tag: "x" }, star: { starred: true } };
    const live = rows.map((each) => ({ ...each, live: each.title === "b9", prompt_id: each.title }));
    const job = (name, running) => ({ name, running, prompt_id: name });
    const queued = [job("b9", true), job("begins", true), job("waits", false)];
    const line = ({ group, row, queued }) => group ?? row?.title ?? queued.name;
    const grouped = order.lines(live, queued).map(line);
    const range = (...values) => order.between(["1", "2", "3", "4"], ...values);
    return [
        sorted("disk", true, { b10: { bytes: 5 } }), sorted("name", false), sorted("probe", false), sorted("probe", true),
        Object.fromEntries(Object.entries(filters).map(([name, filter]) => [name, found(filter)])),
        grouped, order.lines(rows.slice(1)).map(line),
        [range("2", "2"), range("4", "3"), range("gone", "4"), range("3", "1")],
        order.asText(["one", "two"], [{ name: "lr", values: [1, "2\\t3"] }]),
    ];
}"""


PARTS = """async () => {
    const at = (name) => import(`/extensions/athanor/athanor/${name}.js`);
    const [axis, range, zoom, { fewer }] = await Promise.all(["chart_axis", "chart_range", "chart_zoom", "chart_points"].map(at));
    const points = [1, 2, 3, 4, 5, 6].map((step) => ({ step, epoch: step > 4 ? 2 : 1, trained: step > 3 ? step + 10 : step,
        mean: step, low: step, high: step === 2 ? 9 : step, loss: step }));
    const there = ["step", "epoch", "time"].map((kind) => axis.measure({ points, summary: null }, kind));
    const losses = Array.from({ length: 200 }, (_, i) => 1 + (i % 10) / 10);
    const thinned = fewer(points, 2);
    return [
        there.map(({ toX, toStep }) => [toX(0), toX(4), toX(6), toStep(toX(5))]),
        [range.bounds(losses, false), range.bounds([...losses, 50], false), range.bounds([...losses, 50, 0.001], true),
            range.bounds([1, 50], false), range.bounds([...losses, 2.1], false)],
        [zoom.inside([-5, 5], [0, 100], 4), zoom.inside([50, 50], [0, 100], 4), zoom.inside([-1, 200], [0, 100], 4),
            zoom.zoomed([0, 10], 0.5, 0.2), zoom.moved([0, 10], 0.5)],
        thinned.map(({ step, mean, low, high }) => [step, mean, low, high]),
    ];
}"""


CHART = """async () => {
    const { LossChart } = await import("/extensions/athanor/athanor/loss_chart.js");
    const { run } = await import("/extensions/athanor/athanor/store.js");
    const far = run("far");
    far.summary = null;
    far.points = Array.from({ length: 200 }, (_, i) => ({ step: (i + 1) * 10, epoch: 1, loss: 1, mean: 1, low: 0.5, high: 2, lr: 1,
        trained: i }));
    const chart = new LossChart();
    window.chart = chart;
    chart.element.style.cssText = "position: fixed; left: 0; top: 0; width: 400px; height: 200px; z-index: 9999";
    document.body.append(chart.element);
    chart.show(far);
}"""
STEPS_SHOWN = "chart.plot && [chart.plot.scales.x.min, chart.plot.scales.x.max].map(Math.round).join()"


def zoom_by_hand(page, asked: list[str]) -> None:
    """A drag over a part of a chart, then keys: what is in view is read anew from the server, as fine as it is there."""
    page.page.evaluate(CHART)
    page.page.wait_for_function(f"{STEPS_SHOWN} === '10,2000'")
    box = page.page.locator(".u-over").last.bounding_box()
    page.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 50)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    page.page.mouse.up()
    page.page.wait_for_function(f"/^50[78],100[45]$/.test({STEPS_SHOWN})")
    page.page.wait_for_function("chart.fine.get(chart.run).fine?.points.length === 2")
    assert [address.partition("?")[2] for address in asked] == ["after=500&until=1010&points=2000"]
    assert page.page.evaluate("() => chart.plot.data[0].filter((step) => step % 10)") == [755]
    page.page.keyboard.press("+")
    page.page.wait_for_function(f"/^58[0-9],93[0-9]$/.test({STEPS_SHOWN})")
    # The right edge stays while the run goes on, until the whole is shown again.
    page.page.evaluate("() => { chart.run.points.push({ ...chart.run.last, step: 2010 }); chart.redraw(); }")
    page.page.wait_for_function("chart.plot.data[0].at(-1) === 2010")
    assert page.page.evaluate(f"() => {STEPS_SHOWN}").startswith("58")
    page.page.keyboard.press("0")
    page.page.wait_for_function(f"{STEPS_SHOWN} === '10,2010'")
    page.page.evaluate("() => { chart.element.remove(); chart.release(); }")


@pytest.fixture(scope="module")
def page(kept):
    """One for all of this file: nothing is opened in it. Afterwards it may read a run once more that there is not."""
    page = kept.take(vue=False)
    yield page
    page.close()


@pytest.fixture(autouse=True)
def no_errors(page):
    yield
    assert not page.errors


def test_a_run_of_another_process_is_read_again_when_it_is_shown_again(page):
    """It sends no broadcasts to this page, which would show it as it was when another run was chosen."""
    asked = []
    summary = {"live": False, "elsewhere": True, "status": "", "step": 1, "steps": 9, "checkpoints": []}
    summary["events"] = [
        {"event": "probed", "step": step, "percent": percent}
        for step, percent in ((0, 100.0), (2, 90.0), (1, None), (2, None))
    ]

    def answer(route):
        if "metrics" not in route.request.url:
            asked.append(route.request.url)
        route.fulfill(json=[] if "metrics" in route.request.url else summary)

    page.page.route("**/athanor/runs/far**", answer)
    for times in (1, 2):
        page.page.evaluate(WATCH)
        end = time.monotonic() + 120
        while len(asked) < times and time.monotonic() < end:
            page.page.wait_for_timeout(100)
        page.page.wait_for_timeout(1200)  # the store reads a run once a second at most, and that of another every five
        assert len(asked) == times
        page.page.evaluate("() => window.unwatch()")
    probes = page.page.evaluate("async () => (await import('/extensions/athanor/athanor/store.js')).run('far').probes")
    assert probes == [[0, 100]]  # a look at the probe that gave no number is no point

    measured, bounds, parts, thinned = page.page.evaluate(PARTS)
    assert measured == [[0, 4, 6, 5], [0, 1, 1.5, 5], [0, 14, 16, 5]]
    assert bounds == [[1, 1.9], [1, 1.9], [1, 1.9], [1, 50], [1, 2.1]]
    assert parts == [[0, 10], [48, 52], None, [1, 6], [5, 15]]
    assert thinned == [[3, 2, 1, 9], [6, 5, 4, 6]]
    asked.clear()
    steps = [{"step": step, "epoch": 1, "loss": 1, "mean": 1, "low": 1, "high": 1, "lr": 1} for step in (755, 1000)]
    page.page.route(
        "**/athanor/runs/far/metrics**", lambda route: asked.append(route.request.url) or route.fulfill(json=steps)
    )
    zoom_by_hand(page, asked)


def test_what_a_route_refuses_is_shown_as_a_sentence(page):
    """Not as the JSON that holds it; what a proxy answers is shown as it is."""
    answers = [
        {"status": 409, "json": {"error": "run far is not training: it is killed"}},
        {"status": 502, "body": "Bad Gateway"},
    ]
    page.page.route("**/athanor/runs/far/stop", lambda route: route.fulfill(**answers.pop(0)))
    told = page.page.evaluate("""async () => {
        const { run } = await import("/extensions/athanor/athanor/store.js");
        const refused = () => run("far").command("stop").catch((error) => [error.message, error.status]);
        return [await refused(), await refused()];
    }""")
    assert told == [["run far is not training: it is killed", 409], ["Bad Gateway", 502]]
    # The page's word for that state is the same; it was "ended unexpectedly".
    word, means = page.page.evaluate("""async () => {
        const { word, means } = (await import("/extensions/athanor/athanor/format.js")).stateOf({ status: "killed" });
        return [word, means];
    }""")
    assert word == "killed" and "goes on from its last saved state" in means
    # A limit of 100 MB that the server tells was 105 MB on the page.
    counts = [0, 512, 1023, 1024, 1_000_000, 100 * 2**20, 9.995 * 2**20, 99.95 * 2**20, 2**30, 5e12]
    same = page.page.evaluate(
        """async (counts) => counts.map((await import("/extensions/athanor/athanor/format.js")).formatBytes)""", counts
    )
    assert same == list(map(format_bytes, counts))
    # While pictures are encoded a run can be stopped; the other buttons need a step, and samples a Sample Config. What
    # refuses says why, and a click becomes what has come of it.
    why, told = page.page.evaluate("""async () => {
        const { commands } = await import("/extensions/athanor/athanor/run_buttons.js");
        const summary = { can_sample: true, checkpoints: [], samples: [] };
        const last = { step: 7 };
        let run = null;
        const said = [];
        const row = commands(() => run, (text) => said.push(text));
        const seen = (now) => {
            run = now && { summary, command: async () => {}, ...now };
            row.show();
            return [...row.children].map((one) => (one.getAttribute("aria-disabled") === "true" ? one.title : ""));
        };
        const why = [seen(null), seen({ live: true }), seen({ live: true, last }), seen({ live: false, last }),
            seen({ live: true, last, summary: { ...summary, can_sample: false } })];
        const press = async (place, now) => {
            seen({ live: true, last });
            row.children[place].click();
            await new Promise((done) => setTimeout(done));
            Object.assign(run, now);
            row.show();
        };
        await press(1, { summary: { ...summary, checkpoints: [{ file: "cat-step00000007.safetensors", kind: "asked" }] } });
        await press(2, { summary: { ...summary, samples: [{ step: 7 }] } });
        await press(0, { live: false });
        return [why, said];
    }""")
    late, no_config = (
        "Only after the first step",
        "No Sample Config is connected: connect one to samples, with your prompts",
    )
    assert why[:2] == [["Nothing trains here yet"] * 3, ["", late, late]]
    assert why[2:] == [[""] * 3, ["This run does not train now"] * 3, ["", "", no_config]]
    assert told == [
        *("Saving after this step…", "Saved cat-step00000007.safetensors"),
        *("Drawing samples after this step…", "Samples of step 7 are drawn"),
        *("Stopping after this step…", ""),
    ]
    # What is done before the first step has a name, also for a page that has just come.
    said = page.page.evaluate("""async () => {
        const { next, note, numbers } = await import("/extensions/athanor/athanor/panel_state.js");
        const run = { live: true, summary: { steps: 9, epochs: 3 }, probes: [], events: [] };
        const sent = (message) => numbers({ ...run, message });
        const phase = { event: "phase", what: "loading the model" };
        const last = { step: 4, epoch: 2, seconds: 2, lr: 1 };
        const kept = "Interrupted at step 4 of 9: cat-step00000004.safetensors is saved; queue the graph again.";
        return [
            sent({ kind: "encoding", text: "encoding pictures", done: 12, total: 40, left: 8 }),
            sent({ kind: "phase", text: "drawing sample 2 of 4" }),
            numbers({ ...run, events: [phase] }),
            numbers({ ...run, last, message: { kind: "phase", text: "saving and checking the file" } }),
            note({ live: false, standing: { status: "interrupted", kept }, events: [] }, "", "").startsWith("Interrupted at"),
            note({ live: false, standing: { status: "failed", why: "The disk is full." }, events: [] }, "", ""),
            note({ live: false, standing: { status: "done", target: "cat.safetensors" }, events: [] }, "", "Late."),
            next(["b", "", "c", "d", "e", "f"]),
        ];
    }""")
    assert said == [
        "encoding pictures: 12 of 40 · 0:08 left",
        "drawing sample 2 of 4",
        "loading the model",
        "step 4 of 9 · epoch 2 of 3 · 2.00 s/it · 0:10 left · lr 1 · saving and checking the file",
        True,
        "The disk is full.",
        "cat.safetensors is saved. Late.",
        "next: b, (name from another node), c, d, 2 more",
    ]
    assert page.page.evaluate(ORDER) == [
        ["b10", "A", "b9"], ["A", "b9", "b10"], ["b9", "b10", "A"], ["b10", "b9", "A"],
        {"": "b10 b9", "archived": "A", "failed": "b9", "running": "", "my note": "b10", "note killed": "", "tag": "b9", "star": "b10"},
        ["queued", "waits", "running", "begins", "b9", "finished", "A", "b10"], ["A", "b10"],
        [["2"], ["3", "4"], ["4"], ["1", "2", "3"]], "\tone\ttwo\nlr\t1\t2 3",
    ]  # fmt: skip
    # Templates: what most begin with comes first. The host lists them as they lie on the disk.
    names = page.page.evaluate("async () => (await window.comfyAPI.api.api.getWorkflowTemplates()).athanor")
    families = ("SD1.5", "SDXL", "SD3.5", "Flux", "Chroma")
    assert names[:5] == [f"1 First LoRA - {family}" for family in families] and names[-1].startswith("3 Study")
    # A node shows the run that it trains; else one of its own workflow; of others only under a name that somebody has chosen.
    runs = {
        "new": {"node": "5", "workflow_id": "other", "live": False},
        "old": {"node": "5", "workflow_id": "mine", "live": False},
        "now": {"node": "7", "workflow_id": "mine", "live": True},
    }

    def answer(route):
        path, _, query = route.request.url.partition("/athanor/runs")[2].partition("?")
        if path.startswith("/far"):  # the store reads the run of the test above once more
            return route.fallback()
        row = (
            [{"run_id": "now"}]
            if "status=" in query
            else [{"run_id": "new"}, {"run_id": "old"}]
            if query
            else {"run_id": path[1:], **runs[path[1:]]}
        )
        route.fulfill(json=row)

    page.page.route("**/athanor/runs**", answer)
    mine = {"name": "cat", "node": "5", "workflow": "mine"}
    assert found(page, **mine, isChosen=False) == found(page, **mine, isChosen=True) == "old"
    assert found(page, **mine | {"node": "7"}, isChosen=False) == "now"
    assert found(page, **mine | {"workflow": "newest"}, isChosen=False) is None
    assert found(page, **mine | {"workflow": "newest"}, isChosen=True) == "new"
    page.page.unroute("**/athanor/runs**")
    # A typed number that the host rounds is said: 500 became 504 by itself.
    value = page.page.evaluate("""() => {
        const { graph } = window.comfyAPI.app.app, node = window.LiteGraph.createNode("AthanorBucketer");
        graph.add(node);
        const width = node.widgets.find((widget) => widget.name === "width");
        const { value } = width;
        width.setValue ? width.setValue(500, { node, canvas: window.comfyAPI.app.app.canvas }) : width.callback(500);
        const now = width.value;
        graph.remove(node);
        return [value, now];
    }""")
    assert value == [512, 504]
    page.page.get_by_text("width is 504 now: it goes in steps of 8, and 500 is none.").first.wait_for()
    assert all(
        "409 (Conflict)" in error or "502 (Bad Gateway)" in error for error in page.errors
    )  # the browser's own lines
    page.errors.clear()


def found(page, **wanted):
    """The run that a node shows."""
    return page.page.evaluate(
        "async (wanted) => (await import('/extensions/athanor/athanor/store.js')).find(wanted)", wanted
    )
